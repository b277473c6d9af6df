"""The Recording: what to store, where, for whom, and its state."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import (
    ApiModel,
    ByteCount,
    Clipped,
    Condition,
    Count,
    DeletionPolicy,
    Duration,
    Message,
    ObjectMeta,
    ObjectName,
    Time,
)
from recording_operator.api.reasons import Reason
from recording_operator.api.recording_rules import (
    ARTIFACT_RULES,
    ARTIFACTS_SCHEMA,
    CHECKSUM_SCHEMA,
    CONTENT_TYPE_SCHEMA,
    IDENTITY_SCHEMA,
    INLINE_SCHEMA,
    OWNER_SCHEMA,
    ROOT_RULES,
    SOURCE_RULES,
    SPEC_RULES,
    TITLE_SCHEMA,
    URL_SCHEMA,
)
from recording_operator.api.source_object import SourceObject

NAME_MESSAGE: Final = "write a name of lower-case letters, digits and '-', beginning and ending with a letter or digit"

OwnerId = Annotated[str, WithJsonSchema(OWNER_SCHEMA)]
ArtifactName = Annotated[str, WithJsonSchema(cel.label_schema(NAME_MESSAGE))]
# Checked by the rules of the source, whose error messages do not contain the value.
ReferencedName = Annotated[str, WithJsonSchema(cel.string(max_length=253))]
ObjectKey = Annotated[str, Clipped(1024)]
Text = Annotated[str, Clipped(1024)]


class Phase(StrEnum):
    """The phase of a Recording or of one artifact."""

    PENDING = "Pending"
    UPLOADING = "Uploading"
    COMPLETE = "Complete"
    FAILED = "Failed"


class ArtifactKind(StrEnum):
    """What an artifact is. The content check depends on it."""

    VIDEO = "Video"
    AUDIO = "Audio"
    TRANSCRIPT = "Transcript"
    SUMMARY = "Summary"
    REQUIREMENTS = "Requirements"
    METADATA = "Metadata"
    OTHER = "Other"


class Owner(ApiModel):
    """Who the recording belongs to."""

    org: OwnerId = Field(
        description="Organisation that owns the recording, by the name its identity provider uses. In keys, characters "
        "other than letters, digits, '.', '_' and '-' are escaped, such as =40 for '@'."
    )
    user: OwnerId | None = Field(default=None, description="User that the recording belongs to.")
    project: OwnerId | None = Field(default=None, description="Project that the recording belongs to.")


class SecretKeyRef(ApiModel):
    """One key of a Secret in the Recording's namespace."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    name: ReferencedName = Field(description="Name of the Secret.")
    key: ReferencedName = Field(description="Key in the data of the Secret.")


class SecretRef(ApiModel):
    """A Secret in the Recording's namespace."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    name: ReferencedName = Field(description="Name of the Secret.")


class SourceRef(ApiModel):
    """Where the content of an artifact is, and what is known about it in advance."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SOURCE_RULES))

    url: Annotated[str, WithJsonSchema(URL_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="URL of the file, usually signed and expiring. Anyone who can read the Recording can read it, with "
        "its signature: prefer urlSecretRef. It can be replaced by a fresh URL of the same file, and the "
        "upload then resumes.",
    )
    url_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret in the same namespace, and the key in it that contains the URL. Use it instead of url.",
    )
    headers_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret in the same namespace whose keys and values are sent as HTTP headers. It needs the label "
        "recordings.dev/source-headers=true, and the annotation recordings.dev/allowed-hosts with the host "
        "of the source.",
    )
    object: SourceObject | None = Field(
        default=None,
        description="An object that the store of a StorageLocation already holds, instead of a URL. It is copied, "
        "inside the store if possible, and is not changed or deleted.",
    )
    expires_at: Time | None = Field(
        default=None,
        description="When the URL expires. Used to order the queue and to interpret errors of the source. The URL is "
        "tried even after this time. Default: the time in the URL, or four hours after the Recording was created.",
    )
    size: ByteCount | None = Field(
        default=None,
        description="Expected size in bytes. If the size differs, the artifact fails. 0: the file "
        "is meant to be empty.",
    )
    checksum: Annotated[str, WithJsonSchema(CHECKSUM_SCHEMA)] | None = Field(
        default=None,
        description="Expected checksum as algorithm:hex. Algorithms: sha256, md5, crc64nvme, crc32. If the checksum "
        "differs, the artifact fails.",
    )


class ArtifactSpec(ApiModel):
    """One file of the recording. Each artifact is downloaded and retried independently of the others."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ARTIFACT_RULES))

    name: ArtifactName = Field(
        description="Name of the artifact, unique in the Recording. It is part of the key in the store."
    )
    kind: ArtifactKind = Field(
        description="What the artifact is: Video, Audio, Transcript, Summary, Requirements, Metadata or Other. The "
        "content check depends on it."
    )
    content_type: Annotated[str, WithJsonSchema(CONTENT_TYPE_SCHEMA)] = Field(
        default="",
        description="Expected media type, such as video/mp4 or text/plain; charset=utf-8. The content must match it. "
        "Default: the type that the source states.",
    )
    optional: bool = Field(
        default=False, description="If true, the Recording can become Complete even if this artifact fails."
    )
    source: SourceRef | None = Field(
        default=None,
        description="Where the file is. Set exactly one of source and inline. With spec.identity neither is needed: "
        "the file is stored already.",
    )
    inline: Annotated[str, WithJsonSchema(INLINE_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="The content itself: a text of at most 16 KiB. Set exactly one of source and inline.",
    )


class Identity(ApiModel):
    """The lost Recording that this one continues."""

    uid: Annotated[str, WithJsonSchema(IDENTITY_SCHEMA)] = Field(
        description="The metadata.uid of the lost Recording, as in the manifest."
    )
    created_at: Time = Field(description="When the lost Recording was created, as in the manifest.")


class RecordingSpec(ApiModel):
    """What to store, where, and for whom."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SPEC_RULES))

    storage_location: ObjectName | None = Field(
        default=None,
        description="Name of the StorageLocation to store the files in. It must admit the Recording's namespace. "
        "Default: the operator chooses one of the locations with a spec.placement.weight that admit the namespace. "
        "Cannot be set, changed or removed later.",
    )
    owner: Owner = Field(description="Who the recording belongs to. Used in keys and reports. Cannot be changed.")
    title: Annotated[str, WithJsonSchema(TITLE_SCHEMA)] = Field(
        default="",
        description="Title for people, such as Weekly sync, at most 256 characters. It is in the manifest in the "
        "store, and never in a key.",
    )
    artifacts: Annotated[tuple[ArtifactSpec, ...], Field(json_schema_extra=ARTIFACTS_SCHEMA)] = Field(
        description="Files of the recording, at most 64. Files can be added later, but not removed, renamed or changed."
    )
    identity: Identity | None = Field(
        default=None,
        description="The lost Recording that this one continues: recording-operator rebuild sets it. It is believed "
        "only if the manifest in the store names this namespace and this name. Then the files that are stored already "
        "are verified, and none is transferred. Needs storageLocation. Cannot be set, changed or removed later.",
    )
    priority: Annotated[
        int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": -1000, "maximum": 1000})
    ] = Field(
        default=0,
        description="Artifacts with a higher priority start first, -1000 to 1000. If priorities are equal, the "
        "earliest expiry starts first. With 100 or more they also start while a budget holds new uploads.",
    )
    suspend: bool = Field(
        default=False,
        description="If true, the upload pauses and what is stored so far is kept. Set it to false to resume.",
    )
    cancel: bool = Field(
        default=False,
        description="If true, the upload is aborted and the Recording ends as Failed with reason Cancelled. Set it to "
        "false to start again.",
    )
    retry_token: Annotated[str, WithJsonSchema({"type": "string", "maxLength": 64})] = Field(
        default="", description="Change this text to restart all failed artifacts with all their attempts."
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETAIN,
        description="What happens to the stored objects when the Recording is deleted: Retain or Delete. Delete must "
        "be one of the location's deletionPolicies.",
    )
    ttl_after_finished: Duration | None = Field(
        default=None,
        description="How long the Recording stays in Kubernetes after it is Complete or Failed. Stored objects are not "
        "deleted. 0s: forever. Default: the operator's setting, 720h.",
    )


def _known_reason(value: Any) -> Any:
    """The reason, also by an older name; an unknown reason of a newer operator is read as None."""
    try:
        return None if value is None else Reason(value)
    except ValueError:
        return None


StatusReason = Annotated[
    Reason | None, BeforeValidator(_known_reason), WithJsonSchema({"type": "string", "maxLength": 64})
]


class Claim(ApiModel):
    """Operator process that works on the Recording."""

    holder: Annotated[str, Clipped(253)] = Field(description="Identity of the operator process.")
    transitions: ByteCount = Field(
        default=0, description="leaseTransitions of the operator's Lease when the process became the leader."
    )


class SourceFacts(ApiModel):
    """Size and validators that the source sent when the upload began. An upload resumes only if they are unchanged."""

    size: ByteCount | None = Field(default=None, description="Size in bytes that the source stated.")
    etag: Annotated[str, Clipped(1024)] | None = Field(default=None, description="ETag of the source.")
    last_modified: Annotated[str, Clipped(64)] | None = Field(
        default=None, description="Last-Modified header of the source."
    )


class ArtifactStatus(ApiModel):
    """State of one artifact."""

    name: ArtifactName = Field(description="Name of the artifact, as in spec.artifacts.")
    phase: Phase = Field(default=Phase.PENDING, description="Pending, Uploading, Complete or Failed.")
    reason: StatusReason = Field(
        default=None,
        description="Machine-readable reason for the current phase. docs/troubleshooting.md explains each one.",
    )
    message: Annotated[str, Message(1024)] | None = Field(
        default=None, description="Human-readable details about the reason."
    )
    key: ObjectKey | None = Field(default=None, description="Key of the object in the bucket.")
    uri: Annotated[str, Clipped(2048)] | None = Field(
        default=None, description="Address of the object, such as s3://bucket/key."
    )
    bytes_done: ByteCount | None = Field(
        default=None,
        description="Bytes sent to the store so far, including parts that earlier attempts have stored. For a "
        "Complete artifact: its size.",
    )
    bytes_total: ByteCount | None = Field(default=None, description="Size in bytes, if it is known.")
    attempts: Count = Field(
        default=0,
        description="Number of failed attempts. It determines which of the location's retry.delays applies next.",
    )
    next_retry_time: Time | None = Field(default=None, description="When the next attempt starts.")
    etag: Text | None = Field(default=None, description="ETag of the stored object.")
    version_id: Text | None = Field(
        default=None, description="Version of the stored object, if the bucket is versioned."
    )
    content_type: Annotated[str, Clipped(127)] | None = Field(
        default=None, description="Media type of the stored object."
    )
    checksum: Annotated[str, Clipped(128)] | None = Field(
        default=None, description="Checksum of the stored object as algorithm:hex."
    )
    integrity: StatusReason = Field(
        default=None, description="How the stored bytes were verified: FullObjectCRC64NVME, ETagMD5 or ReadBack."
    )
    proved_checksum: Annotated[str, Clipped(16)] | None = Field(
        default=None,
        description="Algorithm of the checksum in the spec, such as sha256, if the stored bytes were "
        "verified against it.",
    )
    upload_id: Annotated[str, Clipped(2048)] | None = Field(
        default=None, description="Id of the multipart upload in progress."
    )
    part_size: ByteCount | None = Field(default=None, description="Part size in bytes of the upload in progress.")
    source_revision: Annotated[str, Clipped(64)] | None = Field(
        default=None,
        description="Salted hash of the source in the last attempt. It shows whether an edit has changed the source.",
    )
    expired_since: Time | None = Field(
        default=None,
        description="When the operator first found that the URL has expired. The location's "
        "retry.refreshGrace begins then.",
    )
    source: SourceFacts | None = Field(
        default=None, description="Size and validators that the source sent when the upload began."
    )

    @property
    def is_stored(self) -> bool:
        """Whether its object is in the store: it was stored, and has not expired since."""
        return self.phase is Phase.COMPLETE and self.reason is not Reason.EXPIRED

    @property
    def has_expired(self) -> bool:
        """Whether its object was stored, and a lifecycle rule has deleted it."""
        return self.phase is Phase.COMPLETE and self.reason is Reason.EXPIRED


class RecordingStatus(ApiModel):
    """State of the Recording. Only the operator writes it."""

    phase: Phase | None = Field(default=None, description="Pending, Uploading, Complete or Failed.")
    reason: StatusReason = Field(
        default=None,
        description="Machine-readable reason for the current phase. docs/troubleshooting.md explains each one.",
    )
    message: Annotated[str, Message(1024)] | None = Field(
        default=None, description="Human-readable details about the reason."
    )
    observed_generation: ByteCount | None = Field(default=None, description="The generation most recently reconciled.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(
        default=(),
        description="Ready, Reconciling and Stalled, with the meanings of kstatus; IntegrityVerified: whether and how "
        "the stored bytes were verified; Stored: False if a lifecycle rule has deleted objects; ManifestWritten: why "
        "metadata.json could not be written; DeletionBlocked: why the objects of a deleted Recording stay.",
    )
    progress: Annotated[str, Clipped(16)] | None = Field(
        default=None,
        description="Percentage of the bytes that are stored, such as 45.1%. Expired: a lifecycle rule has deleted the "
        "stored objects.",
    )
    size: Annotated[str, Clipped(16)] | None = Field(
        default=None, description="Human-readable size of all artifacts, such as 480.0 MB."
    )
    bytes_done: ByteCount | None = Field(default=None, description="Sum of bytesDone of all artifacts.")
    bytes_total: ByteCount | None = Field(
        default=None,
        description="Total size of all artifacts in bytes. Not set while the size of any artifact is unknown.",
    )
    attempts: Count | None = Field(default=None, description="Highest number of failed attempts of any artifact.")
    next_retry_time: Time | None = Field(default=None, description="When the next attempt of any artifact starts.")
    expires_at: Time | None = Field(
        default=None, description="Earliest time at which the URL of an artifact that is not stored yet expires."
    )
    started_at: Time | None = Field(default=None, description="When the first upload began.")
    completed_at: Time | None = Field(default=None, description="When the Recording became Complete or Failed.")
    last_retry_token: Annotated[str, Clipped(64)] | None = Field(
        default=None, description="The value of spec.retryToken that was processed last."
    )
    storage_location: Annotated[str, Clipped(253)] | None = Field(
        default=None,
        description="Name of the StorageLocation of the objects. If spec.storageLocation names none, it is chosen when "
        "the first upload begins, and kept.",
    )
    bucket: Annotated[str, Clipped(255)] | None = Field(default=None, description="Bucket of the objects.")
    prefix: ObjectKey | None = Field(default=None, description="Common prefix of the keys of all artifacts.")
    manifest_uri: Annotated[str, Clipped(2048)] | None = Field(
        default=None, description="Address of the manifest, the JSON document that describes the stored files."
    )
    manifest_revision: Annotated[str, Clipped(64)] | None = Field(
        default=None,
        description="Hash of what the manifest was written from. It shows whether an edit has made it outdated.",
    )
    settled: bool | None = Field(
        default=None,
        description="true: the Recording is Complete or Failed, and nothing is left to do. false: something is left, "
        "such as its manifest. Not set before the end. Use it as a field selector: status.settled=false.",
    )
    claim: Claim | None = Field(default=None, description="Operator process that works on the Recording.")
    artifacts: Annotated[
        tuple[ArtifactStatus, ...],
        Field(
            json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = Field(default=(), description="State of each artifact.")


class Recording(ApiModel):
    """A recording to store: files at URLs that expire, which the operator copies to object storage."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ROOT_RULES))

    metadata: ObjectMeta
    spec: RecordingSpec
    # The API server adds this default: a Recording that the operator has not seen yet shows as Pending.
    status: RecordingStatus = Field(
        default_factory=RecordingStatus, json_schema_extra={"default": {"phase": Phase.PENDING.value}}
    )

    @property
    def location(self) -> str | None:
        """Name of the StorageLocation of its objects; None before it is placed.

        The status says where they are, the spec where they belong. Every part of the operator asks this property, or
        `usage.recordings.location_of_recording` for a dict."""
        return self.status.storage_location or self.spec.storage_location
