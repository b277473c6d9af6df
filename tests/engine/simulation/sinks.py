"""The applications of the simulation: they receive events, respond slowly, fail, or want no more."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from recording_operator.api.notification import EventName, Notification, NotificationPhase
from recording_operator.api.recording import Phase, Recording
from recording_operator.controller.notifications.payloads import recording_event
from recording_operator.engine.actions import ReportNotification, SendNotification
from recording_operator.engine.facts import Fact
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed, Sink, SinksChanged
from recording_operator.notify.events import encode

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

ALL: Final = frozenset(
    {EventName.COMPLETED, EventName.FAILED, EventName.SOURCE_EXPIRED, EventName.DELETED, EventName.MOVED}
)
_SECRET: Final = "sig="


class Applications:
    """The sinks of the world, and what they have received."""

    def __init__(self, world: "World") -> None:
        self._world = world
        # Of its own, so that the seeds of worlds without sinks tell the same stories as ever.
        self._rng = Random(str(world.rng.getstate()[1][:8]))
        self.sinks = self._draw() if self._rng.random() < 0.5 else ()
        self._faulty = self._rng.random() < 0.5
        self.received: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        """By namespace, sink and uid: the ids, in the order in which they were first accepted."""

    def _draw(self) -> tuple[Sink, ...]:
        return tuple(
            Sink(namespace=namespace, name=name, events=events)
            for namespace in ("team-a", "team-b")
            for name, events in (("app", ALL), ("ends", frozenset({EventName.COMPLETED, EventName.FAILED})))
            if self._rng.random() < 0.7
        )

    def tell(self, operator: "Operator") -> None:
        """The list of the sinks arrives."""
        operator.post(SinksChanged(sinks=self.sinks))

    # As the announcer of an operator

    def announcer(self, operator: "Operator") -> "_Announcer":
        """What this operator sends events with."""
        return _Announcer(self, operator)

    def send(self, operator: "Operator", action: SendNotification) -> None:
        """A request is on its way."""
        meta = action.recording.metadata
        self._check_listed(action)
        event = encode(recording_event(action))
        assert _SECRET not in event.body.decode(), "a source URL in an event"
        reached = not self._fails()
        if reached:
            seen = self.received[meta.namespace, action.sink, meta.uid]
            if action.id not in seen:
                seen.append(action.id)
        heard = reached and not self._fails()  # or the response is lost
        result = self._accepted(action) if heard else self._failed(action)
        self.later(lambda: operator.post(result))

    def later(self, step: Callable[[], None]) -> None:
        """A message between an operator and an application arrives; what is for a dead process is lost."""
        self._world.schedule.after(self._rng.choice((0.01, 0.1, 1.0, 15.0 if self._faulty else 0.5)), step)

    def _fails(self) -> bool:
        return self._faulty and bool(self._world.faults) and self._rng.random() < 0.3

    def _accepted(self, action: SendNotification) -> Fact:
        return NotificationDelivered(uid=action.recording.metadata.uid, sink=action.sink, id=action.id)

    def _failed(self, action: SendNotification) -> Fact:
        uid = action.recording.metadata.uid
        failed = NotificationFailed(uid=uid, sink=action.sink, id=action.id, message="503")
        is_spared = self._rng.random() < 0.3
        return replace(failed, tried=False, retry_after_s=self._rng.choice((10.0, 300.0))) if is_spared else failed

    def _check_listed(self, action: SendNotification) -> None:
        """Nothing is sent that a status did not list before, except at the end of a deletion."""
        if action.event == EventName.DELETED:
            return
        listed = {(one.sink, one.id) for one in action.recording.status.notifications}
        assert (action.sink, action.id) in listed, "sent before it was written"

    # Checks

    def changed(self, before: Recording, after: Recording) -> None:
        """A status was written: what ends is announced in the same write."""
        old, new, meta = before.status, after.status, after.metadata
        ends = new.phase in (Phase.COMPLETE, Phase.FAILED) and new.phase is not old.phase
        wanted = {
            sink.name for sink in self.sinks if sink.namespace == meta.namespace and str(new.phase) in _ends(sink)
        }
        listed = {
            one.sink for one in new.notifications if one.event == _event_of(new.phase) and one not in old.notifications
        }
        assert not ends or wanted == listed, f"{meta.name} is {new.phase}: {listed} are told, {wanted} expected"
        ids = {(one.sink, one.id) for one in new.notifications}
        lost = [
            one for one in old.notifications if one.phase is NotificationPhase.PENDING and (one.sink, one.id) not in ids
        ]
        assert not lost, f"lost {lost}"
        assert not (new.settled and any(_is_pending(one) for one in new.notifications)), "settled, and events wait"

    def check_end(self, recording: Recording) -> None:
        """Everything that was listed was received, in order."""
        meta, status = recording.metadata, recording.status
        for name in {one.sink for one in status.notifications}:
            ours = [one for one in status.notifications if one.sink == name]
            assert not any(map(_is_pending, ours)), f"{meta.name}: {ours} wait"
            delivered = [one.id for one in ours if one.phase is NotificationPhase.DELIVERED]
            seen = self.received[meta.namespace, name, meta.uid]
            assert [one for one in seen if one in delivered] == delivered, f"{meta.name}: {name} received {seen}"


class _Announcer:
    """The announcer of one operator."""

    def __init__(self, applications: Applications, operator: "Operator") -> None:
        self._applications = applications
        self._operator = operator

    def send(self, action: SendNotification) -> None:
        self._applications.later(
            lambda: self._applications.send(self._operator, action) if self._operator.alive else None
        )

    def report(self, action: ReportNotification) -> None:
        """Counted by a real operator."""


def _is_pending(one: Notification) -> bool:
    return one.phase is NotificationPhase.PENDING


def _event_of(phase: Phase | None) -> str:
    return {Phase.COMPLETE: "Completed", Phase.FAILED: "Failed"}.get(phase or Phase.PENDING, "")


def _ends(sink: Sink) -> set[str]:
    return {"Complete" if event == "Completed" else event for event in sink.events}
