"""Stored objects that a lifecycle rule has deleted."""

from datetime import datetime

from recording_operator.api.reasons import Reason
from recording_operator.engine import quota_gate
from recording_operator.engine.actions import Action
from recording_operator.engine.facts import ObjectsExpired
from recording_operator.engine.placement import location_name
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


def note(state: EngineState, fact: ObjectsExpired, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Note in the status that they are gone. Artifacts that are not stored keep their state."""
    if location_name(fact.recording) != tracked.placed:
        return []  # it was moved meanwhile
    gone = [work for name, work in tracked.artifacts.items() if name in fact.artifacts and work.status.is_stored]
    for work in gone:
        work.update(reason=Reason.EXPIRED, message=fact.message)
    if gone:
        tracked.outbox.flush_by(now)
        quota_gate.note_expiry(state, tracked)
    return []
