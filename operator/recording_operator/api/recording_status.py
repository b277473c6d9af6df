"""The state of a Recording, of its artifacts, and of its move."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import ApiModel, ByteCount, Clipped, Condition, Count, Message, Time
from recording_operator.api.notification import MAX_NOTIFICATIONS, Notification
from recording_operator.api.reasons import Reason

NAME_MESSAGE: Final = "write a name of lower-case letters, digits and '-', beginning and ending with a letter or digit"

ArtifactName = Annotated[str, WithJsonSchema(cel.label_schema(NAME_MESSAGE))]
ObjectKey = Annotated[str, Clipped(1024)]
Text = Annotated[str, Clipped(1024)]


class Phase(StrEnum):
    """The phase of a Recording or of one artifact."""

    PENDING = "Pending"
    UPLOADING = "Uploading"
    COMPLETE = "Complete"
    FAILED = "Failed"


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
    upload_expires_at: Time | None = Field(
        default=None,
        description="Until when a client may send the file (source.upload). Set while the artifact waits for it, with "
        "uploadId and partSize: every part but the last has exactly partSize bytes.",
    )
    source_revision: Annotated[str, Clipped(64)] | None = Field(
        default=None,
        description="Salted hash of the source in the last attempt. It shows whether an edit has changed the source.",
    )
    expired_since: Time | None = Field(
        default=None,
        description="When the operator first found that the URL has expired, or that a fresh URL of the provider has. "
        "The location's retry.refreshGrace begins then.",
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


class MoveStatus(ApiModel):
    """A move to another StorageLocation: first the objects are copied, later the old ones are removed."""

    to: Annotated[str, Clipped(253)] | None = Field(
        default=None, description="Name of the StorageLocation that the objects are being copied to."
    )
    from_: Annotated[str, Clipped(253)] | None = Field(
        default=None,
        alias="from",
        description="Name of the StorageLocation that the objects were moved from, and where they are being removed.",
    )
    bucket: Annotated[str, Clipped(255)] | None = Field(
        default=None, description="Bucket of that StorageLocation, once it takes the objects."
    )
    artifacts: Annotated[
        tuple[ArtifactStatus, ...],
        Field(
            json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = Field(default=(), description="State of each copy, or the objects that are being removed.")


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
        "metadata.json could not be written; OldObjectsRemoved: False if the last move could not remove the old "
        "objects; DeletionBlocked: why the objects of a deleted Recording stay.",
    )
    progress: Annotated[str, Clipped(16)] | None = Field(
        default=None,
        description="Percentage of the bytes that are stored, such as 45.1%. During a move: that are copied. "
        "Expired: a lifecycle rule has deleted the stored objects.",
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
        "the first upload begins. It changes at the end of a move.",
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
        "such as its manifest or an event for an EventSink. Not set before the end. Use it as a field selector: "
        "status.settled=false.",
    )
    move: MoveStatus | None = Field(
        default=None, description="The move to another StorageLocation that is under way. docs/moves.md explains it."
    )
    notifications: Annotated[
        tuple[Notification, ...],
        Field(json_schema_extra={"maxItems": MAX_NOTIFICATIONS, "x-kubernetes-list-type": "atomic"}),
    ] = Field(default=(), description="Events about the Recording, and the state of their delivery to each EventSink.")
    claim: Claim | None = Field(default=None, description="Operator process that works on the Recording.")
    artifacts: Annotated[
        tuple[ArtifactStatus, ...],
        Field(
            json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = Field(default=(), description="State of each artifact.")
