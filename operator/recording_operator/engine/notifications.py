"""The outbox of events: status.notifications says which EventSink still has to receive what.

The status write that says what has happened also lists the notifications, so a crash loses none. Each is sent until the
sink accepts it, in the order of the events of a Recording, and up to 8 times within a little more than a day.
`settled` waits for all of them. docs/decisions/notifications.md
"""

import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.api.notification import MAX_NOTIFICATIONS, Notification, NotificationPhase
from recording_operator.api.recording import Recording, RecordingStatus
from recording_operator.engine.actions import Action, NotificationOutcome, ReportNotification, SendNotification
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed, Sink
from recording_operator.engine.notification_work import key_of
from recording_operator.engine.occurrences import occurrences
from recording_operator.engine.state import EngineState
from recording_operator.engine.status_outbox import SOON
from recording_operator.engine.tracked_recording import TrackedRecording

DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""After each failed attempt but the last: 27.6 hours. Source: the schedule that the Standard Webhooks recommend."""
MOST_ATTEMPTS: Final = len(DELAYS) + 1
LONGEST_OUTAGE: Final = timedelta(hours=32)
"""An event that is older is given up if nothing can be sent to its sink: longer than all delays together."""
_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)
_JITTER_SHARE: Final = 0.1
_UNSENT_WAIT: Final = timedelta(seconds=5)
_NEAR: Final = timedelta(minutes=2)
"""A Recording that waits longer for its next attempt is forgotten. The sweep of unsettled Recordings brings it back."""
_TOO_MANY: Final = "Too many events about this Recording wait."
_SINK_IS_GONE: Final = "The EventSink does not exist any more."
_SINK_IS_STOPPED: Final = "The EventSink is stopped, because its receiver responded 410 Gone."


def is_pending(one: Notification) -> bool:
    """Whether the sink still has to receive it."""
    return one.phase is NotificationPhase.PENDING


def has_pending(status: RecordingStatus) -> bool:
    """Whether a sink still has to receive something."""
    return any(is_pending(one) for one in status.notifications)


def waiting_sinks(recording: Recording) -> tuple[tuple[str, str], ...]:
    """Namespace and name of the sink of each event that is pending."""
    namespace = recording.metadata.namespace
    return tuple((namespace, one.sink) for one in recording.status.notifications if is_pending(one))


def with_notifications(
    state: EngineState, tracked: TrackedRecording, status: RecordingStatus, now: datetime
) -> RecordingStatus:
    """The status to write, with a notification for each sink that selects what has happened."""
    recording = tracked.recording
    listed = tracked.notifications.current(recording.status.notifications)
    known = {key_of(one) for one in listed}
    for one in occurrences(recording, status, now):
        listed += [
            Notification(sink=sink.name, event=one.event, id=one.id, time=one.at)
            for sink in state.sinks.selecting(recording, one.event)
            if (sink.name, one.id) not in known
        ]
    if not listed:
        return status
    settled = status.settled and not any(map(is_pending, listed))
    return status.model_copy(update={"notifications": _bounded(tracked, listed), "settled": settled})


def begin(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Send what is due of a Recording that is not being deleted."""
    if tracked.ending:
        return []
    stored = tracked.recording.status.notifications
    tracked.notifications.forget_written(stored)
    dropped = tracked.notifications.take_dropped(stored)
    lost = [one.model_copy(update={"message": _TOO_MANY}) for one in dropped]
    return [*(_report(tracked, one, NotificationOutcome.FAILED) for one in lost), *_send_stored(state, tracked, now)]


def _send_stored(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    stored = tracked.recording.status.notifications
    if not stored or tracked.outbox.stale:
        return []
    actions = send_due(state, tracked, stored, now)
    if not all(isinstance(action, SendNotification) for action in actions):
        tracked.outbox.flush_by(now)
    return actions


def send_due(
    state: EngineState, tracked: TrackedRecording, listed: Iterable[Notification], now: datetime
) -> list[Action]:
    """Send to each sink the first event that it has not received, if it is due. A sink that is gone gets none."""
    if state.draining or not state.sinks.known:
        return []
    actions: list[Action] = []
    begun: set[str] = set()
    for one in tracked.notifications.current(listed):
        if not is_pending(one) or one.sink in begun:
            continue
        sink = state.sinks.get(tracked.ref.namespace, one.sink)
        if sink is None or sink.stopped:
            actions.append(give_up(tracked, one, _SINK_IS_GONE if sink is None else _SINK_IS_STOPPED))
            continue
        begun.add(one.sink)
        if (
            not sink.suspended
            and key_of(one) not in tracked.notifications.in_flight
            and _due(tracked, one, sink) <= now
        ):
            tracked.notifications.in_flight.add(key_of(one))
            actions.append(_send(state, tracked, one))
    return actions


def note(
    state: EngineState, tracked: TrackedRecording, fact: NotificationDelivered | NotificationFailed, now: datetime
) -> list[Action]:
    """The sink has accepted an event, or not."""
    work, key = tracked.notifications, (fact.sink, fact.id)
    work.in_flight.discard(key)
    listed = work.current(_listed(tracked))
    one = next((found for found in listed if key_of(found) == key and is_pending(found)), None)
    if one is None:
        return []  # another operator was faster
    if isinstance(fact, NotificationFailed) and not fact.tried:
        return _postpone(state, tracked, one, fact, now)
    work.not_before.pop(key, None)
    tracked.outbox.flush_by(now + SOON if work.in_flight else now)
    if isinstance(fact, NotificationDelivered):
        update = {"phase": NotificationPhase.DELIVERED, "next_retry_time": None, "message": None}
        work.results[key] = one.model_copy(update=update)
        return [_report(tracked, work.results[key], NotificationOutcome.DELIVERED)]
    return [_note_failure(tracked, one, fact, now)]


def _postpone(
    state: EngineState, tracked: TrackedRecording, one: Notification, fact: NotificationFailed, now: datetime
) -> list[Action]:
    """Nothing was sent: no attempt is spent, and nothing is written. In the end, a sink that stays dead is given up."""
    sink = state.sinks.get(tracked.ref.namespace, one.sink)
    since = one.time if sink is None or sink.usable_since is None else max(one.time, sink.usable_since)
    if fact.message and now - since > LONGEST_OUTAGE:
        tracked.outbox.flush_by(now)
        return [give_up(tracked, one, fact.message)]
    wait = max(_UNSENT_WAIT, timedelta(seconds=fact.retry_after_s or 0))
    tracked.notifications.not_before[key_of(one)] = now + wait
    return []


def _note_failure(tracked: TrackedRecording, one: Notification, fact: NotificationFailed, now: datetime) -> Action:
    tried = one.model_copy(update={"attempts": one.attempts + 1})
    if fact.is_final or tried.attempts >= MOST_ATTEMPTS:
        return give_up(tracked, tried, fact.message)
    wait = max(
        DELAYS[0] if tracked.ending else _delay(tried),
        timedelta(seconds=fact.retry_after_s or 0),
    )
    update = {"next_retry_time": now + wait, "message": fact.message}
    tracked.notifications.results[key_of(one)] = tried.model_copy(update=update)
    return _report(tracked, tracked.notifications.results[key_of(one)], NotificationOutcome.RETRIED)


def next_due(state: EngineState, tracked: TrackedRecording) -> datetime | None:
    """When the next event may be sent; None if nothing is pending or it is not known."""
    return min((at for at in _waits(state, tracked) if at is not None), default=None)


def only_waits(state: EngineState, tracked: TrackedRecording, now: datetime) -> bool:
    """Whether events are pending, and none of them is sent soon."""
    waits = _waits(state, tracked)
    return bool(waits) and state.sinks.known and all(at is None or at > now + _NEAR for at in waits)


def _waits(state: EngineState, tracked: TrackedRecording) -> list[datetime | None]:
    """For each sink with a pending event: when it is due. None while the sink is suspended."""
    waits: dict[str, datetime | None] = {}
    for one in tracked.notifications.current(_listed(tracked)):
        if is_pending(one) and one.sink not in waits:
            sink = state.sinks.get(tracked.ref.namespace, one.sink)
            waits[one.sink] = None if sink is None or sink.suspended else _due(tracked, one, sink)
    return list(waits.values())


def _due(tracked: TrackedRecording, one: Notification, sink: Sink) -> datetime:
    """When the next attempt starts: at once if the sink was edited or has recovered since the last one.

    `since` can be later than now: a Retry-After is not undercut.
    """
    at, postponed = one.next_retry_time, tracked.notifications.not_before.get(key_of(one), _AT_ONCE)
    if at is None:
        return postponed
    if one.attempts and sink.since is not None and sink.since > at - _delay(one):
        at = min(at, sink.since)
    return max(at, postponed)


def _delay(tried: Notification) -> timedelta:
    return delay_after(tried.attempts, f"{tried.sink} {tried.id}")


def delay_after(attempts: int, what: str) -> timedelta:
    """The delay after so many attempts, up to a tenth longer: the events of an outage do not return all at once."""
    share = zlib.crc32(f"{what} {attempts}".encode()) / 2**32
    return DELAYS[min(attempts, len(DELAYS)) - 1] * (1 + share * _JITTER_SHARE)


def _bounded(tracked: TrackedRecording, listed: Sequence[Notification]) -> tuple[Notification, ...]:
    """At most as many as the schema admits: the oldest that have ended go first, then the oldest that wait."""
    excess = len(listed) - MAX_NOTIFICATIONS
    if excess <= 0:
        return tuple(listed)
    oldest = sorted(range(len(listed)), key=lambda index: (is_pending(listed[index]), index))[:excess]
    dropped = [listed[index] for index in oldest if is_pending(listed[index])]
    tracked.notifications.dropped.update((key_of(one), one) for one in dropped)
    return tuple(one for index, one in enumerate(listed) if index not in set(oldest))


def _listed(tracked: TrackedRecording) -> Sequence[Notification]:
    """The notifications of the status; at the end of a deletion, those that are left."""
    teardown = tracked.teardown
    if teardown is not None and teardown.notices is not None:
        return teardown.notices
    return tracked.recording.status.notifications


def give_up(tracked: TrackedRecording, one: Notification, message: str) -> Action:
    """Send it no more."""
    update = {"phase": NotificationPhase.FAILED, "next_retry_time": None, "message": message}
    failed = one.model_copy(update=update)
    tracked.notifications.results[key_of(one)] = failed
    return _report(tracked, failed, NotificationOutcome.FAILED)


def _send(state: EngineState, tracked: TrackedRecording, one: Notification) -> SendNotification:
    return SendNotification(
        recording=tracked.recording,
        sink=one.sink,
        event=one.event,
        id=one.id,
        time=one.time,
        location=state.location_of(tracked),
        objects_deleted=tracked.teardown is not None and tracked.teardown.objects_deleted,
    )


def _report(tracked: TrackedRecording, one: Notification, outcome: NotificationOutcome) -> ReportNotification:
    return ReportNotification(
        ref=tracked.ref, sink=one.sink, event=one.event, outcome=outcome, attempts=one.attempts, message=one.message
    )
