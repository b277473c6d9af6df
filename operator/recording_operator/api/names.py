"""Names that the operator, its users and its objects agree on. Changing one is a breaking change of the API."""

from typing import Final

GROUP: Final = "recordings.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

RECORDING_KIND: Final = "Recording"
RECORDING_PLURAL: Final = "recordings"
STORAGE_LOCATION_KIND: Final = "StorageLocation"
STORAGE_LOCATION_PLURAL: Final = "storagelocations"
STORAGE_REPORT_KIND: Final = "StorageReport"
STORAGE_REPORT_PLURAL: Final = "storagereports"
RECORDING_SOURCE_KIND: Final = "RecordingSource"
RECORDING_SOURCE_PLURAL: Final = "recordingsources"
EVENT_SINK_KIND: Final = "EventSink"
EVENT_SINK_PLURAL: Final = "eventsinks"
# Never the plural of a kind: `kubectl delete recordings --all` would then delete every kind of the category.
CATEGORY: Final = "recording-operator"

# Set only where spec.deletionPolicy is Delete: a finalizer left over blocks `kubectl delete crd`.
DELETE_OBJECT_FINALIZER: Final = f"{GROUP}/delete-object"

# A Secret with headers for a source must carry the label (value "true") and name the hosts that may see them.
SOURCE_HEADERS_LABEL: Final = f"{GROUP}/source-headers"
ALLOWED_HOSTS_ANNOTATION: Final = f"{GROUP}/allowed-hosts"

# On a Recording that the receiver created: its RecordingSource (a label), the provider's id of the recording, and
# hashes of the deliveries that it was made from.
RECORDING_SOURCE_LABEL: Final = f"{GROUP}/source"
PROVIDER_ID_ANNOTATION: Final = f"{GROUP}/provider-id"
DELIVERIES_ANNOTATION: Final = f"{GROUP}/deliveries"

# User metadata of every object in the store (x-amz-meta-…): its Recording.
UID_METADATA_KEY: Final = "recording-uid"
ARTIFACT_METADATA_KEY: Final = "recording-artifact"
# The owner's organisation, for reports after the Recording was deleted.
ORG_METADATA_KEY: Final = "recording-org"
# With `recording-operator copy`: a hash of the source's strong ETag, which identifies its content.
SOURCE_ETAG_METADATA_KEY: Final = "recording-source-etag"

# The manifest of a Recording, in the folder of its objects.
MANIFEST_FILE: Final = "metadata.json"

# Folder, below a location's prefix, of the operator's own objects; a keyTemplate may not reach into it.
RESERVED_FOLDER: Final = ".recording-operator"

# Key of the Secret that s3.cdn.privateKeySecret names.
CDN_PRIVATE_KEY: Final = "privateKey"
