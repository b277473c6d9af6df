"""The status of a Recording as the engine knows it now, before what follows the end of its artifacts."""

from datetime import datetime

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, RecordingStatus
from recording_operator.engine.artifact_work import WorkState
from recording_operator.engine.facts import FormerTimes
from recording_operator.engine.identity import stores_nothing
from recording_operator.engine.placement import placement_of
from recording_operator.engine.state import EngineState
from recording_operator.engine.status import render
from recording_operator.engine.tracked_recording import TrackedRecording


def current_status(state: EngineState, tracked: TrackedRecording, now: datetime) -> RecordingStatus:
    """Compute the status from the artifacts."""
    artifacts = tracked.statuses()
    for work in tracked.artifacts.values():
        if work.state is not WorkState.RESERVED:
            continue
        update = {"phase": Phase.UPLOADING, "reason": Reason.UPLOADING, "message": None}
        artifacts[work.name] = work.status.model_copy(update=update)
    rendered = render(
        tracked.recording,
        artifacts,
        claim=state.claim if tracked.has_slot else None,
        expires_at=tracked.earliest_expiry(),
        placement=placement_of(tracked.recording, tracked.location_to_write, state.location_of(tracked)),
        ended_at=tracked.ended_at,
        now=now,
    )
    return rendered if tracked.former is None else _with_former_times(tracked, tracked.former, rendered)


def _with_former_times(tracked: TrackedRecording, former: FormerTimes, rendered: RecordingStatus) -> RecordingStatus:
    """A rebuilt Recording began and ended when the lost one did, unless something was transferred since."""
    update = {"started_at": former.started_at or rendered.started_at}
    if rendered.completed_at is not None and former.completed_at is not None and stores_nothing(tracked.recording):
        update["completed_at"] = former.completed_at
    return rendered.model_copy(update=update)
