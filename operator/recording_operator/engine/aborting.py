"""Uploads of artifacts that have failed: aborted, or left to the sweep of orphaned uploads."""

from datetime import datetime

from recording_operator.api.recording import Phase
from recording_operator.engine.actions import AbortUpload, Action
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from recording_operator.engine.facts import AbortEnded
from recording_operator.engine.former import former_of
from recording_operator.engine.placement import key_of
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


def plan_abort(work: ArtifactWork, now: datetime) -> None:
    """Plan to abort the upload of a Failed artifact, or cancel that if the artifact continues before the abort."""
    if work.status.phase is not Phase.FAILED:
        if work.state is WorkState.ABORT_DUE:
            work.cancel_abort()
    elif not work.abort_planned and (work.status.upload_id or work.may_have_upload):
        work.plan_abort(now)


def abort_due(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Abort the uploads that failed or cancelled artifacts left open, as soon as their location is known.

    The status must be Failed at the API server first: until then another operator may use the upload.
    """
    location = state.location_of(tracked)
    failed = {status.name for status in tracked.recording.status.artifacts if status.phase is Phase.FAILED}
    actions: list[Action] = []
    for work in tracked.artifacts.values():
        if work.state is not WorkState.ABORT_DUE or work.abort is None or work.abort.backoff.holds(now):
            continue
        if now - work.abort.since > state.options.give_up_cleaning_after:
            work.forget_upload()  # the sweep of orphaned uploads finds it later
            tracked.outbox.flush_by(now)
        elif location is None:
            work.put_off_abort(now)
        elif work.name in failed:
            work.begin_abort()
            key, upload_id = key_of(tracked.recording, work.name, location), work.status.upload_id
            actions.append(
                AbortUpload(
                    uid=tracked.uid,
                    artifact=work.name,
                    location=location,
                    key=key,
                    upload_id=upload_id,
                    former=former_of(tracked.recording, location),
                )
            )
    return actions


def note_abort(tracked: TrackedRecording, fact: AbortEnded, now: datetime) -> None:
    """No upload is open at the key any more, or the abort has to be retried."""
    work = tracked.artifacts.get(fact.artifact)
    if work is None or not work.abort_planned:
        return
    if fact.ok:
        work.forget_upload()
        tracked.outbox.flush_by(now)
    else:
        work.put_off_abort(now)
