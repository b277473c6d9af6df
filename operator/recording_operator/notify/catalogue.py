"""The types of the events, and the model of the data of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recording_operator.api.notification import EventName
from recording_operator.notify.payloads import (
    BudgetEvent,
    DeletedEvent,
    EventData,
    LocationEvent,
    RecordingEvent,
    SinkTestEvent,
)

_SCHEMAS: Final = "https://recordings.dev/events"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEventType:
    """A type of CloudEvent. A change of the data that would break a receiver gets a new version."""

    name: str
    """Without prefix and version, such as recording.completed."""
    data: type[EventData]
    sentence: str

    @property
    def type(self) -> str:
        """The attribute `type`."""
        return f"dev.recordings.{self.name}.v1"

    @property
    def schema_file(self) -> str:
        """Name of the file with the JSON schema of the data."""
        return f"{self.name}.v1.json"

    @property
    def schema_uri(self) -> str:
        """The attribute `dataschema`. It identifies the schema."""
        return f"{_SCHEMAS}/{self.schema_file}"


EVENT_TYPES: Final[Mapping[EventName, CloudEventType]] = {
    EventName.COMPLETED: CloudEventType(
        name="recording.completed", data=RecordingEvent, sentence="Every required artifact is stored and verified."
    ),
    EventName.FAILED: CloudEventType(
        name="recording.failed", data=RecordingEvent, sentence="A required artifact failed, and no other is left to do."
    ),
    EventName.SOURCE_EXPIRED: CloudEventType(
        name="recording.source-expired", data=RecordingEvent, sentence="A URL has expired. Apply a fresh one."
    ),
    EventName.MOVED: CloudEventType(
        name="recording.moved", data=RecordingEvent, sentence="The files are at another StorageLocation now."
    ),
    EventName.DELETED: CloudEventType(
        name="recording.deleted", data=DeletedEvent, sentence="The Recording was deleted, perhaps with its files."
    ),
    EventName.BUDGET_EXCEEDED: CloudEventType(
        name="budget.exceeded", data=BudgetEvent, sentence="The month has cost more than the budget of a StorageReport."
    ),
    EventName.FORECAST_EXCEEDS_BUDGET: CloudEventType(
        name="budget.forecast-exceeded",
        data=BudgetEvent,
        sentence="The month is expected to cost more than the budget.",
    ),
    EventName.LOCATION_NOT_READY: CloudEventType(
        name="location.not-ready", data=LocationEvent, sentence="The check of a StorageLocation fails."
    ),
}
TEST_TYPE: Final = CloudEventType(
    name="sink.test", data=SinkTestEvent, sentence="A person tries the EventSink. There is nothing to do."
)
"""Sent on request only, whatever spec.events has."""
ALL_TYPES: Final = (*EVENT_TYPES.values(), TEST_TYPE)
