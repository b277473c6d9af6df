"""Events of Recordings, and the state of their delivery to an EventSink."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from recording_operator.api.meta import ApiModel, Clipped, Count, Message, Time

MAX_NOTIFICATIONS: Final = 64
MAX_CLUSTER_NOTIFICATIONS: Final = 256


class EventName(StrEnum):
    """Events that an EventSink can receive."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    SOURCE_EXPIRED = "SourceExpired"
    DELETED = "Deleted"
    MOVED = "Moved"
    BUDGET_EXCEEDED = "BudgetExceeded"
    FORECAST_EXCEEDS_BUDGET = "ForecastExceedsBudget"
    LOCATION_NOT_READY = "LocationNotReady"


class NotificationPhase(StrEnum):
    """How far the delivery of an event to a sink is."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


class Notification(ApiModel):
    """Delivery of one event to one EventSink."""

    sink: Annotated[str, Clipped(253)] = Field(description="Name of the EventSink.")
    # Not the enum: an operator of an older version reads the events of a newer one.
    event: Annotated[str, Clipped(64)] = Field(description="What is announced, such as Completed.")
    id: Annotated[str, Clipped(128)] = Field(description="Id of the event: the same in every attempt.")
    time: Time = Field(description="When the event happened.")
    phase: NotificationPhase = Field(
        default=NotificationPhase.PENDING, description="Pending, Delivered, or Failed after the last attempt."
    )
    attempts: Count = Field(default=0, description="Number of failed attempts.")
    next_retry_time: Time | None = Field(default=None, description="When the next attempt starts.")
    message: Annotated[str, Message(256)] | None = Field(
        default=None, description="Human-readable details about the last failed attempt."
    )


class ClusterNotification(ApiModel):
    """Delivery of one event about a StorageReport or StorageLocation."""

    event: Annotated[str, Clipped(64)] = Field(description="What is announced, such as BudgetExceeded.")
    subject: Annotated[str, Clipped(253)] = Field(description="Name of the StorageReport or StorageLocation.")
    id: Annotated[str, Clipped(128)] = Field(description="Id of the event: the same in every attempt.")
    time: Time = Field(description="When the event happened.")
    phase: NotificationPhase = Field(
        default=NotificationPhase.PENDING, description="Pending, Delivered, or Failed after the last attempt."
    )
    attempts: Count = Field(default=0, description="Number of failed attempts.")
    next_retry_time: Time | None = Field(default=None, description="When the next attempt starts.")
    message: Annotated[str, Message(256)] | None = Field(
        default=None, description="Human-readable details about the last failed attempt."
    )
