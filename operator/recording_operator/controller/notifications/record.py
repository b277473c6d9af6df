"""What the leader knows about one EventSink."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recording_operator.api.eventsink import EventSink
from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.notification import ClusterNotification, EventName
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.circuit import Circuit, SinkOutage
from recording_operator.engine.notification_facts import Sink
from recording_operator.notify.sender import SinkTarget

READY = "Ready"
_WORKING = "Events are sent."
_SUSPENDED = "Nothing is sent, because spec.suspend is true. Events about Recordings are kept."


def read_sink(raw: dict[str, Any]) -> EventSink:
    """The EventSink, without events that only a newer version knows: the others are still sent.

    Raises ValidationError.
    """
    spec = raw.get("spec") or {}
    known = [one for one in spec.get("events") or () if one in set(EventName)]
    return EventSink.model_validate({**raw, "spec": {**spec, "events": known}})


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkProblem:
    """Why events cannot be sent."""

    reason: Reason
    message: str


@dataclass(slots=True, kw_only=True)
class SinkRecord:
    """The sink, what its status will say, and what was read for it."""

    sink: EventSink
    delivered: int
    failed: int
    pending: int = 0
    last_delivery_time: datetime | None
    notifications: tuple[ClusterNotification, ...] = ()
    """The outbox of events about StorageReports and StorageLocations."""
    problem: SinkProblem | None = None
    checked: bool = False
    """Whether its Secret and its reference were read since it was edited."""
    since: datetime | None = None
    """When it was edited or has recovered; later, if its receiver wanted a longer wait."""
    usable_since: datetime | None = None
    """When it was edited, or when its condition Ready has changed: an operator that starts knows this as well."""
    not_before: datetime | None = None
    """The latest time that a Retry-After of its receiver has named."""
    target: SinkTarget | None = field(default=None, repr=False)
    read_s: float = 0.0
    """When the target was read or could not be read, by a steady clock."""
    circuit: Circuit = field(default_factory=Circuit)
    outage: SinkOutage = field(default_factory=SinkOutage)
    written_s: float | None = None
    changed: bool = False
    """Whether the status has to be written."""

    @classmethod
    def of(cls, sink: EventSink, now: datetime) -> "SinkRecord":
        """A sink that was not known before. The counters go on where the status is."""
        status = sink.status
        record = cls(
            sink=sink,
            delivered=status.delivered,
            failed=status.failed,
            last_delivery_time=status.last_delivery_time,
            notifications=status.notifications,
        )
        ready = next((one for one in status.conditions if one.type == READY), None)
        if ready is not None:
            record.usable_since = ready.last_transition_time if _is_about(ready, sink) else now
        if ready is not None and ready.reason == Reason.SINK_GONE and _is_about(ready, sink):
            record.problem = SinkProblem(reason=Reason.SINK_GONE, message=ready.message)
        return record

    @property
    def stopped(self) -> bool:
        """Whether the receiver wants no more events."""
        return self.problem is not None and self.problem.reason is Reason.SINK_GONE

    def recovers(self, now: datetime) -> None:
        """What waits may be sent, but not before the time that the receiver has named."""
        self.since = now if self.not_before is None else max(now, self.not_before)
        self.usable_since = now

    def as_fact(self) -> Sink:
        """The sink for the engine."""
        spec, meta = self.sink.spec, self.sink.metadata
        labels = spec.selector.match_labels if spec.selector is not None else {}
        return Sink(
            namespace=meta.namespace,
            name=meta.name,
            events=frozenset(str(event) for event in spec.events),
            match_labels=tuple(sorted(labels.items())),
            suspended=spec.suspend,
            stopped=self.stopped,
            since=self.since,
            usable_since=self.usable_since,
        )

    def ready_condition(self, now: datetime) -> Condition:
        """The condition Ready."""
        reason, message = self._why()
        status = ConditionStatus.TRUE if reason is Reason.DELIVERING else ConditionStatus.FALSE
        old = next((one for one in self.sink.status.conditions if one.type == READY), None)
        is_same = old is not None and old.status is status and _is_suspended(old.reason) is _is_suspended(reason)
        since = old.last_transition_time if old is not None and is_same else now
        return Condition(
            type=READY,
            status=status,
            observed_generation=self.sink.metadata.generation,
            last_transition_time=since,
            reason=reason,
            message=message,
        )

    def _why(self) -> tuple[Reason, str]:
        """Reason and message of the condition."""
        if self.sink.spec.suspend:
            return Reason.SUSPENDED, _SUSPENDED
        if self.problem is not None:
            return self.problem.reason, self.problem.message
        return Reason.DELIVERING, _WORKING


def _is_about(condition: Condition, sink: EventSink) -> bool:
    return condition.observed_generation == sink.metadata.generation


def _is_suspended(reason: str) -> bool:
    """The time of a condition also says since when a sink is suspended or not: `usable_since` needs it."""
    return reason == Reason.SUSPENDED
