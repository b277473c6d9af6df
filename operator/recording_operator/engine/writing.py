"""Writes the status of a Recording that is not being deleted, and continues when it is written."""

from datetime import datetime

from recording_operator.engine import aftercare
from recording_operator.engine.actions import Action, UploadPersisted
from recording_operator.engine.artifact_work import WorkState
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


def flush(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Write the status if it is due and differs from that at the API server."""
    if tracked.ending or aftercare.holds_status(tracked, now):
        return []
    return tracked.outbox.flush(
        tracked.recording, lambda: aftercare.wanted_status(state, tracked, now), claim=state.claim, now=now
    )


def continue_uploads(tracked: TrackedRecording) -> list[Action]:
    """Let the transfers continue whose upload is named by the written status."""
    waiting = sorted(work.name for work in tracked.artifacts.values() if work.upload_not_named)
    if not waiting:
        return []
    stored = {status.name: status.upload_id for status in tracked.recording.status.artifacts}
    named = [name for name in waiting if stored.get(name) == tracked.artifacts[name].status.upload_id]
    for name in named:
        tracked.artifacts[name].upload_not_named = False
    return [UploadPersisted(uid=tracked.uid, artifact=name) for name in named]


def is_at_rest(tracked: TrackedRecording) -> bool:
    """Whether everything is written and nothing is left to do."""
    outbox, stored = tracked.outbox, {status.name: status.phase for status in tracked.recording.status.artifacts}
    return (
        outbox.is_idle
        and not outbox.stale
        and outbox.flush_at is None
        and aftercare.is_over(tracked)
        and not tracked.has_slot
        and all(
            work.state is WorkState.WAITING and work.status.phase is stored.get(name)
            for name, work in tracked.artifacts.items()
        )
    )
