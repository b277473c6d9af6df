"""Stored objects that a lifecycle rule has deleted."""

from datetime import datetime

from recording_operator.api.reasons import Reason
from recording_operator.engine import quota_gate
from recording_operator.engine.actions import Action
from recording_operator.engine.facts import ObjectsExpired
from recording_operator.engine.state import EngineState
from recording_operator.engine.status import all_expired
from recording_operator.engine.tracked_recording import TrackedRecording


def note(state: EngineState, fact: ObjectsExpired, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Note in the status that they are gone. Artifacts that are not stored keep their state."""
    for name in fact.artifacts:
        work = tracked.artifacts.get(name)
        if work is not None and work.status.is_stored:
            work.update(reason=Reason.EXPIRED, message=fact.message)
            tracked.outbox.flush_by(now)
    if all_expired(tuple(tracked.statuses().values())):
        quota_gate.note_deletion(state, tracked)
    return []
