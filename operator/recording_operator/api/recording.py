"""The Recording: what to fetch, for whom, and how far it has come."""

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
    ObjectMeta,
    ObjectName,
    Time,
    Told,
)
from recording_operator.api.reasons import Reason
from recording_operator.api.recording_rules import (
    ARTIFACT_RULES,
    ARTIFACTS_SCHEMA,
    CHECKSUM_SCHEMA,
    CONTENT_TYPE_SCHEMA,
    INLINE_SCHEMA,
    OWNER_SCHEMA,
    ROOT_RULES,
    SOURCE_RULES,
    SPEC_RULES,
    URL_SCHEMA,
)

NAME_MESSAGE: Final = "write a name of lower-case letters, digits and '-', beginning and ending with a letter or digit"

OwnerId = Annotated[str, WithJsonSchema(OWNER_SCHEMA)]
ArtifactName = Annotated[str, WithJsonSchema(cel.label_schema(NAME_MESSAGE))]
# Checked by the rules of the source, which do not echo it.
ReferencedName = Annotated[str, WithJsonSchema(cel.string(max_length=253))]
ObjectKey = Annotated[str, Clipped(1024)]
Text = Annotated[str, Clipped(1024)]


class Phase(StrEnum):
    """Where a Recording, or one artifact of it, stands."""

    PENDING = "Pending"
    UPLOADING = "Uploading"
    COMPLETE = "Complete"
    FAILED = "Failed"


class ArtifactKind(StrEnum):
    """What an artifact is; decides which content is plausible for it."""

    VIDEO = "Video"
    AUDIO = "Audio"
    TRANSCRIPT = "Transcript"
    SUMMARY = "Summary"
    REQUIREMENTS = "Requirements"
    METADATA = "Metadata"
    OTHER = "Other"


class Owner(ApiModel):
    """Whose recording it is."""

    org: OwnerId = Field(
        description="Organisation that owns the recording, as its identity provider names it. Characters "
        "other than "
        "letters, digits, '.', '_' and '-' are written in keys as =40 for '@'."
    )
    user: OwnerId | None = Field(default=None, description="User that the recording belongs to.")
    project: OwnerId | None = Field(default=None, description="Project that the recording belongs to.")


class SecretKeyRef(ApiModel):
    """One key of a Secret in the Recording's own namespace."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    name: ReferencedName = Field(description="Name of the Secret.")
    key: ReferencedName = Field(description="Key in the Secret's data.")


class SecretRef(ApiModel):
    """A Secret in the Recording's own namespace."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    name: ReferencedName = Field(description="Name of the Secret.")


class SourceRef(ApiModel):
    """Where the bytes of an artifact come from, and what is known about them beforehand."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SOURCE_RULES))

    url: Annotated[str, WithJsonSchema(URL_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="URL to fetch, usually signed and expiring. Whoever may read the Recording sees it, signature "
        "included: prefer urlSecretRef. It may be replaced by a fresh URL of the same bytes; the upload then goes "
        "on where it stopped.",
    )
    url_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Key of a Secret, in the same namespace, that holds the URL instead of url."
    )
    headers_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret, in the same namespace, whose keys and values are sent as HTTP headers. It needs the label "
        "recordings.dev/source-headers=true and the annotation recordings.dev/allowed-hosts naming the host.",
    )
    expires_at: Time | None = Field(
        default=None,
        description="When the URL stops working. Otherwise it is read from the URL, else taken as four hours "
        "after the Recording was created. A hint for the order of work: the source's own answer decides.",
    )
    size: ByteCount | None = Field(
        default=None,
        description="Expected number of bytes; any other number is a failure. 0 says that an empty artifact is meant.",
    )
    checksum: Annotated[str, WithJsonSchema(CHECKSUM_SCHEMA)] | None = Field(
        default=None,
        description="Expected checksum as algorithm:hex with sha256, md5, crc64nvme or crc32; another is a failure.",
    )


class ArtifactSpec(ApiModel):
    """One file of the recording. It is fetched, fails and is tried again by itself."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ARTIFACT_RULES))

    name: ArtifactName = Field(description="Name within the Recording; part of the key in the store.")
    kind: ArtifactKind = Field(description="What the artifact is.")
    content_type: Annotated[str, WithJsonSchema(CONTENT_TYPE_SCHEMA)] = Field(
        default="",
        description="Media type such as video/mp4 or text/plain; charset=utf-8, checked against what arrives. Empty: "
        "as the source says.",
    )
    optional: bool = Field(default=False, description="The Recording can be Complete although this artifact failed.")
    source: SourceRef | None = Field(
        default=None, description="Where to fetch the bytes. Exactly one of source and inline."
    )
    inline: Annotated[str, WithJsonSchema(INLINE_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="The content itself, a small text of at most 16 KiB. Exactly one of source and inline.",
    )


class RecordingSpec(ApiModel):
    """What to store, where, and for whom."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*SPEC_RULES))

    storage_location: ObjectName = Field(
        description="Name of the StorageLocation that takes the objects. It must admit the Recording's namespace."
    )
    owner: Owner = Field(description="Whose recording it is; used in keys and reports. Cannot be changed.")
    artifacts: Annotated[tuple[ArtifactSpec, ...], Field(json_schema_extra=ARTIFACTS_SCHEMA)] = Field(
        description="The files of the recording. Files can be added later, never removed, renamed or changed."
    )
    priority: Annotated[
        int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": -1000, "maximum": 1000})
    ] = Field(default=0, description="Higher goes first; among equals the earliest expiry goes first.")
    suspend: bool = Field(default=False, description="Stop the upload and keep what is stored so far; false goes on.")
    cancel: bool = Field(
        default=False, description="Abort the upload and end as Failed with reason Cancelled; false starts again."
    )
    retry_token: Annotated[str, WithJsonSchema({"type": "string", "maxLength": 64})] = Field(
        default="", description="Any change of this text starts failed artifacts again, with all their attempts."
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETAIN,
        description="What happens to the stored objects when the Recording is deleted. Delete only where the location "
        "lists it in deletionPolicies.",
    )
    ttl_after_finished: Duration | None = Field(
        default=None,
        description="How long the Recording is kept in Kubernetes after it is Complete or Failed (the stored objects "
        "stay). 0s keeps it for ever. Absent: the operator's default.",
    )


def _known_reason(value: Any) -> Any:
    """The reason, also by an older name; a reason that a newer operator wrote is read as none."""
    try:
        return None if value is None else Reason(value)
    except ValueError:
        return None


StatusReason = Annotated[
    Reason | None, BeforeValidator(_known_reason), WithJsonSchema({"type": "string", "maxLength": 64})
]


class Claim(ApiModel):
    """Which operator process works on the Recording."""

    holder: Annotated[str, Clipped(253)] = Field(description="Identity of the operator process.")
    transitions: ByteCount = Field(
        default=0, description="Number of the process's leadership; a claim with a lower number is out of date."
    )


class SourceFacts(ApiModel):
    """What the source said about its bytes when the upload began; a resume must meet the same."""

    size: ByteCount | None = Field(default=None, description="Number of bytes that the source states.")
    etag: Annotated[str, Clipped(1024)] | None = Field(default=None, description="The source's ETag.")
    last_modified: Annotated[str, Clipped(64)] | None = Field(default=None, description="The source's Last-Modified.")


class ArtifactStatus(ApiModel):
    """How far one artifact has come."""

    name: ArtifactName = Field(description="Name of the artifact, as in spec.artifacts.")
    phase: Phase = Field(default=Phase.PENDING, description="Pending, Uploading, Complete or Failed.")
    reason: StatusReason = Field(default=None, description="Why, as one word; docs/troubleshooting.md explains each.")
    message: Annotated[str, Told(1024)] | None = Field(default=None, description="Why, for a person.")
    key: ObjectKey | None = Field(default=None, description="Key of the object in the bucket.")
    uri: Annotated[str, Clipped(2048)] | None = Field(
        default=None, description="Address of the object, such as s3://bucket/key."
    )
    bytes_done: ByteCount | None = Field(default=None, description="Bytes stored so far.")
    bytes_total: ByteCount | None = Field(default=None, description="Size, as far as it is known.")
    attempts: Count = Field(
        default=0, description="Attempts that failed and count towards the location's retry delays."
    )
    next_retry_time: Time | None = Field(default=None, description="When the next attempt is due.")
    etag: Text | None = Field(default=None, description="ETag of the stored object.")
    version_id: Text | None = Field(
        default=None, description="Version of the stored object, where the bucket keeps versions."
    )
    content_type: Annotated[str, Clipped(127)] | None = Field(
        default=None, description="Media type of the stored object."
    )
    checksum: Annotated[str, Clipped(128)] | None = Field(
        default=None, description="Checksum of the stored object as algorithm:hex."
    )
    integrity: StatusReason = Field(
        default=None, description="What proves the stored bytes: FullObjectCRC64NVME, ETagMD5 or ReadBack."
    )
    proved_checksum: Annotated[str, Clipped(16)] | None = Field(
        default=None, description="Algorithm of the spec's checksum that the bytes were proved to have, such as sha256."
    )
    upload_id: Annotated[str, Clipped(2048)] | None = Field(default=None, description="Multipart upload in progress.")
    part_size: ByteCount | None = Field(default=None, description="Part size in bytes of the upload in progress.")
    source_revision: Annotated[str, Clipped(64)] | None = Field(
        default=None, description="Salted hash of the source last tried: an edit of anything else starts nothing again."
    )
    expired_since: Time | None = Field(
        default=None, description="When the source was first seen expired; the location's grace runs from here."
    )
    source: SourceFacts | None = Field(default=None, description="What the source said when the upload began.")


class RecordingStatus(ApiModel):
    """How far the Recording has come. Written by the operator only."""

    phase: Phase | None = Field(default=None, description="Pending, Uploading, Complete or Failed.")
    reason: StatusReason = Field(default=None, description="Why, as one word; docs/troubleshooting.md explains each.")
    message: Annotated[str, Told(1024)] | None = Field(default=None, description="Why, for a person.")
    observed_generation: ByteCount | None = Field(
        default=None, description="metadata.generation that this status answers."
    )
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(
        default=(),
        description="Ready, Reconciling and Stalled, as kstatus reads them; IntegrityVerified says how the "
        "stored bytes were proved.",
    )
    progress: Annotated[str, Clipped(16)] | None = Field(
        default=None, description="Share of the bytes that is stored, such as 45.1%."
    )
    size: Annotated[str, Clipped(16)] | None = Field(
        default=None, description="Size of all artifacts for people, such as 480.0 MB."
    )
    bytes_done: ByteCount | None = Field(default=None, description="Bytes stored so far, all artifacts together.")
    bytes_total: ByteCount | None = Field(
        default=None, description="Size of all artifacts together, as far as it is known."
    )
    attempts: Count | None = Field(default=None, description="The highest number of failed attempts of any artifact.")
    next_retry_time: Time | None = Field(default=None, description="When the next attempt of any artifact is due.")
    expires_at: Time | None = Field(
        default=None, description="The earliest expiry among the sources that are not stored yet."
    )
    started_at: Time | None = Field(default=None, description="When the first upload began.")
    completed_at: Time | None = Field(default=None, description="When the Recording became Complete or Failed.")
    last_retry_token: Annotated[str, Clipped(64)] | None = Field(
        default=None, description="spec.retryToken that was acted on last."
    )
    storage_location: Annotated[str, Clipped(253)] | None = Field(default=None, description="StorageLocation in use.")
    bucket: Annotated[str, Clipped(255)] | None = Field(default=None, description="Bucket of the objects.")
    prefix: ObjectKey | None = Field(default=None, description="Prefix that the keys of all artifacts share.")
    claim: Claim | None = Field(default=None, description="Which operator process works on the Recording.")
    artifacts: Annotated[
        tuple[ArtifactStatus, ...],
        Field(
            json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = Field(default=(), description="How far each artifact has come.")


class Recording(ApiModel):
    """A recording to be stored: files behind expiring addresses, moved to object storage byte for byte."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ROOT_RULES))

    metadata: ObjectMeta
    spec: RecordingSpec
    # The API server fills this in when it reads: a Recording that nobody has looked at yet shows as Pending.
    status: RecordingStatus = Field(
        default_factory=RecordingStatus, json_schema_extra={"default": {"phase": Phase.PENDING.value}}
    )
