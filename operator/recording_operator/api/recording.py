"""The Recording: what to store, where, for whom, and its state."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import (
    ApiModel,
    ByteCount,
    DeletionPolicy,
    Duration,
    ObjectMeta,
    ObjectName,
    Time,
)
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
from recording_operator.api.recording_status import (
    ArtifactName,
    ArtifactStatus,
    Claim,
    MoveStatus,
    Phase,
    RecordingStatus,
    SourceFacts,
    StatusReason,
)
from recording_operator.api.source_object import SourceObject
from recording_operator.api.source_provider import ProviderRecording
from recording_operator.api.source_upload import SourceUpload

__all__ = [
    "ArtifactKind",
    "ArtifactName",
    "ArtifactSpec",
    "ArtifactStatus",
    "Claim",
    "MoveStatus",
    "Owner",
    "Phase",
    "ProviderRecording",
    "Recording",
    "RecordingSpec",
    "RecordingStatus",
    "SecretKeyRef",
    "SecretRef",
    "SourceFacts",
    "SourceRef",
    "SourceUpload",
    "StatusReason",
]

OwnerId = Annotated[str, WithJsonSchema(OWNER_SCHEMA)]
Priority = Annotated[int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": -1000, "maximum": 1000})]
# Checked by the rules of the source, whose error messages do not contain the value.
ReferencedName = Annotated[str, WithJsonSchema(cel.string(max_length=253))]


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
    provider: ProviderRecording | None = Field(
        default=None,
        description="A recording that a provider keeps. Its API is called for the URL if there is none, and for a "
        "fresh one if it has expired. It may stand alone, or beside url or urlSecretRef.",
    )
    upload: SourceUpload | None = Field(
        default=None,
        description="The file is not at any URL: a client sends it to the store itself. The operator opens a multipart "
        "upload, waits for the client, and completes and verifies it. docs/client-uploads.md explains it.",
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

    @property
    def stated_size(self) -> int | None:
        """The size in the spec; None if not set. Of an upload the maximum, before the client has finished."""
        if self.upload is None:
            return self.size
        return self.upload.finish.size if self.upload.finish is not None else self.upload.max_size


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
        description="Where the file is. Set exactly one of source, inline and contentSecretRef. With spec.identity "
        "none is needed: the file is stored already.",
    )
    inline: Annotated[str, WithJsonSchema(INLINE_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="The content itself: a text of at most 16 KiB. Set exactly one of source, inline and "
        "contentSecretRef.",
    )
    content_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret in the same namespace, and the key in it whose value is the content: 1 byte to 1 MiB. It "
        "is needed until the artifact is stored. Set exactly one of source, inline and contentSecretRef.",
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
        "While the Recording is Complete, it can be changed: then the objects are moved. At any other time it cannot "
        "be set, changed or removed.",
    )
    owner: Owner = Field(description="Who the recording belongs to. Used in keys and reports. Cannot be changed.")
    title: Annotated[str, WithJsonSchema(TITLE_SCHEMA)] = Field(
        default="",
        description="Title for people, such as Weekly sync, at most 256 characters. It is in the manifest in the "
        "store, and never in a key.",
    )
    artifacts: Annotated[tuple[ArtifactSpec, ...], Field(json_schema_extra=ARTIFACTS_SCHEMA)] = Field(
        description="Files of the recording, at most 64. Files can be added later, but not removed, renamed or "
        "changed. Only a file with source.provider.failure can be replaced by the file itself, of the same kind."
    )
    identity: Identity | None = Field(
        default=None,
        description="The lost Recording that this one continues: recording-operator rebuild sets it. It is believed "
        "only if the manifest in the store names this namespace and this name. Then the files that are stored already "
        "are verified, and none is transferred. Needs storageLocation. Cannot be set, changed or removed later.",
    )
    priority: Priority = Field(
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
