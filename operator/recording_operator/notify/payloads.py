"""The data of each event. docs/events/ has their JSON schemas, which are generated from these models.

No field holds the URL of a source, or a message of a source or store, which might quote one.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from recording_operator.api.meta import format_time

Instant = Annotated[AwareDatetime, PlainSerializer(format_time, return_type=str, when_used="json")]


class _Payload(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class OwnerData(_Payload):
    """To whom the recording belongs."""

    org: str = Field(description="Organisation of the owner.")
    user: str | None = Field(default=None, description="User of the owner.")
    project: str | None = Field(default=None, description="Project of the owner.")


class ArtifactData(_Payload):
    """One file of the recording."""

    name: str = Field(description="Name of the artifact, as in spec.artifacts.")
    kind: str = Field(description="Kind of the artifact, such as Video.")
    phase: str = Field(description="Pending, Uploading, Complete or Failed.")
    reason: str | None = Field(default=None, description="Machine-readable reason for the phase.")
    uri: str | None = Field(default=None, description="Address of the stored file, such as s3://bucket/key.")
    version_id: str | None = Field(default=None, description="Version of the stored file, if the bucket is versioned.")
    size: int | None = Field(default=None, ge=0, description="Size of the stored file in bytes.")
    checksum: str | None = Field(default=None, description="Checksum of the stored file as algorithm:hex.")
    content_type: str | None = Field(default=None, description="Media type of the stored file.")
    url: str | None = Field(
        default=None,
        description="Presigned URL with which anyone can download the file; only if the EventSink asks for it.",
    )
    url_expires_at: Instant | None = Field(default=None, description="When the URL stops working.")


class RecordingData(_Payload):
    """A recording, as it was when the event was sent."""

    namespace: str = Field(description="Namespace of the Recording.")
    name: str = Field(description="Name of the Recording.")
    uid: str = Field(description="uid of the Recording. The key for a table of recordings.")
    former_uid: str | None = Field(
        default=None, description="uid of the lost Recording that this one was rebuilt from; its objects have it."
    )
    provider_id: str | None = Field(
        default=None, description="The provider's id of the recording, such as the id of the bot."
    )
    title: str | None = Field(default=None, description="Title of the Recording.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the Recording.")
    owner: OwnerData
    phase: str | None = Field(default=None, description="Pending, Uploading, Complete or Failed.")
    reason: str | None = Field(default=None, description="Machine-readable reason for the phase.")
    storage_location: str | None = Field(default=None, description="StorageLocation of the files.")
    manifest_uri: str | None = Field(default=None, description="Address of the manifest, which describes the files.")
    created_at: Instant | None = Field(default=None, description="When the Recording was created.")
    completed_at: Instant | None = Field(default=None, description="When it became Complete or Failed.")
    artifacts: tuple[ArtifactData, ...] = Field(default=(), description="The files of the recording.")


class RecordingEvent(_Payload):
    """Data of the events completed, failed, source-expired and moved."""

    recording: RecordingData


class DeletedEvent(_Payload):
    """Data of the event deleted."""

    recording: RecordingData
    objects: Literal["Deleted", "Kept"] = Field(description="Whether the stored files were deleted as well.")


class BudgetEvent(_Payload):
    """Data of the events of a budget."""

    report: str = Field(description="Name of the StorageReport.")
    budget: str = Field(description="Budget of the month, such as 50.00.")
    cost: str | None = Field(default=None, description="Cost of the month so far, such as 51.20.")
    forecast: str | None = Field(default=None, description="Expected cost of the whole month.")
    currency: str = Field(description="Currency of the amounts, such as USD.")
    message: str = Field(description="Human-readable details.")


class LocationEvent(_Payload):
    """Data of the event not-ready of a StorageLocation."""

    storage_location: str = Field(description="Name of the StorageLocation.")
    reason: str = Field(description="Machine-readable reason of its condition Ready.")
    message: str = Field(description="Human-readable details, without secrets.")


class SinkTestEvent(_Payload):
    """Data of the event test of an EventSink."""

    sink: str = Field(description="Name of the EventSink.")
    namespace: str = Field(description="Namespace of the EventSink.")
    message: str = Field(description="Human-readable details.")


EventData = RecordingEvent | DeletedEvent | BudgetEvent | LocationEvent | SinkTestEvent
