"""The last events of a deleted Recording: those that are still pending, and Deleted.

Our finalizer, if it is there, keeps the Recording until they are delivered, at most 30 seconds: a dead sink must not
keep a namespace from being deleted. What waited for its next attempt is tried at once, so that Deleted does not wait
behind it. The order stays: an earlier event that has failed is given up after half of that time, before Deleted is
sent. Without the finalizer they are sent as well, but a crash loses them.
"""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.notification import EventName, Notification
from recording_operator.api.recording import Recording
from recording_operator.engine import notifications
from recording_operator.engine.actions import Action
from recording_operator.engine.finalizer import has_finalizer, needs_finalizer
from recording_operator.engine.notification_work import key_of
from recording_operator.engine.occurrences import deletion
from recording_operator.engine.state import EngineState
from recording_operator.engine.teardown import Teardown
from recording_operator.engine.tracked_recording import TrackedRecording

LONGEST: Final = timedelta(seconds=30)
FOR_EARLIER_EVENTS: Final = LONGEST / 2
"""How long the events before the last one of a sink are repeated. The rest is for one attempt of the last one, which
may take 15 seconds.
"""
_TOO_LATE: Final = "The Recording was removed before the event could be delivered."


def is_wanted(state: EngineState, recording: Recording) -> bool:
    """Whether a sink must be notified that this Recording is gone."""
    return not _was_said(state, recording) and bool(state.sinks.selecting(recording, EventName.DELETED))


def say(state: EngineState, tracked: TrackedRecording, teardown: Teardown, now: datetime) -> list[Action]:
    """Send what is due. `is_over` says when it has ended. While the operator drains it sends nothing and gives up
    nothing: the next one does both.
    """
    if teardown.notices is None:
        if not state.sinks.known:
            return []
        teardown.notices = _notices(state, tracked, now)
        teardown.earlier_notices_until, teardown.notices_until = now + FOR_EARLIER_EVENTS, now + LONGEST
    actions = [notifications.give_up(tracked, one, _TOO_LATE) for one in _too_late(state, tracked, teardown, now)]
    actions += notifications.send_due(state, tracked, teardown.notices, now)
    if is_over(tracked):
        state.sinks.note_end(tracked.uid)  # the watch shows its end later
    return actions


def is_over(tracked: TrackedRecording) -> bool:
    """Whether all of them are delivered or given up."""
    teardown = tracked.teardown
    if teardown is None or teardown.notices is None:
        return False
    return not any(map(notifications.is_pending, tracked.notifications.current(teardown.notices)))


def _too_late(state: EngineState, tracked: TrackedRecording, teardown: Teardown, now: datetime) -> list[Notification]:
    """The events that are given up now: at the end all, before it those that hold up the last one of their sink."""
    pending = [one for one in tracked.notifications.current(teardown.notices or ()) if notifications.is_pending(one)]
    if state.draining or not _is_past(teardown.earlier_notices_until, now):
        return []
    if _is_past(teardown.notices_until, now):
        return pending
    last = {one.sink: one for one in pending}
    return [one for one in pending if one is not last[one.sink] and _has_failed(tracked, one)]


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and now >= at


def _has_failed(tracked: TrackedRecording, one: Notification) -> bool:
    """Whether it was tried since the deletion, in vain. What is in flight may still be accepted."""
    work, key = tracked.notifications, key_of(one)
    return key not in work.in_flight and (one.next_retry_time is not None or key in work.not_before)


def _notices(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Notification]:
    if _was_said(state, tracked.recording):
        return []
    listed = tracked.notifications.current(tracked.recording.status.notifications)
    notices = [_due_at_once(tracked, one) for one in listed if notifications.is_pending(one)]
    if tracked.ttl_expired:
        return notices  # ttlAfterFinished removes the Recording only
    end = deletion(tracked.recording, tracked.recording.metadata.deletion_timestamp or now)
    known = {key_of(one) for one in notices}
    selected = state.sinks.selecting(tracked.recording, end.event)
    notices += [
        Notification(sink=sink.name, event=end.event, id=end.id, time=end.at)
        for sink in selected
        if (sink.name, end.id) not in known
    ]
    return notices


def _was_said(state: EngineState, recording: Recording) -> bool:
    """Whether the last events have ended already, in this operator or in an earlier one.

    Our finalizer stays until then. The finalizers of others may keep the Recording for longer.
    """
    is_deleted = recording.metadata.deletion_timestamp is not None
    was_released = is_deleted and needs_finalizer(recording) and not has_finalizer(recording)
    return was_released or state.sinks.was_notified_of_end(recording.metadata.uid)


def _due_at_once(tracked: TrackedRecording, one: Notification) -> Notification:
    """Without the rest of its wait, which may last for hours."""
    tracked.notifications.results.pop(key_of(one), None)
    tracked.notifications.not_before.pop(key_of(one), None)
    return one.model_copy(update={"next_retry_time": None})
