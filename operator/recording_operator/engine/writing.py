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
    if tracked.outbox.flush_at is not None and not state.sinks.known and aftercare.is_announced(state, tracked, now):
        return []
    return tracked.outbox.flush(
        tracked.recording, lambda: aftercare.wanted_status(state, tracked, now), claim=state.claim, now=now
    )


def continue_uploads(tracked: TrackedRecording) -> list[Action]:
    """Let the transfers continue whose upload is named by the written status."""
    waiting = sorted((work for work in tracked.works() if work.upload_not_named), key=lambda work: work.name)
    if not waiting:
        return []
    status = tracked.recording.status
    copies = status.move.artifacts if status.move is not None else ()
    named_ids = {one.upload_id for one in (*status.artifacts, *copies)}
    named = [work for work in waiting if work.status.upload_id in named_ids]
    for work in named:
        work.upload_not_named = False
    return [UploadPersisted(uid=tracked.uid, artifact=work.name) for work in named]


def is_at_rest(state: EngineState, tracked: TrackedRecording, now: datetime) -> bool:
    """Whether everything is written and nothing is left to do."""
    outbox, stored = tracked.outbox, {status.name: status.phase for status in tracked.recording.status.artifacts}
    return (
        outbox.is_idle
        and not outbox.stale
        and outbox.flush_at is None
        and aftercare.is_over(state, tracked, now)
        and not tracked.has_slot
        and all(
            work.state is WorkState.WAITING and work.status.phase is stored.get(name)
            for name, work in tracked.artifacts.items()
        )
    )
