"""The next step of every artifact that is not in transfer: it joins the queue, waits, or ends."""

from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.engine import quota_gate
from recording_operator.engine.aborting import plan_abort
from recording_operator.engine.actions import Action, ArtifactOutcome, CountOutcome, ResolveSource
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from recording_operator.engine.choosing import find_location
from recording_operator.engine.identity import stores_nothing
from recording_operator.engine.next_step import ArtifactContext, NextStep, Obstacle, next_step
from recording_operator.engine.queue import Lane
from recording_operator.engine.source_access import find_source
from recording_operator.engine.state import EngineState
from recording_operator.engine.status import TERMINAL
from recording_operator.engine.status_outbox import SOON
from recording_operator.engine.tracked_recording import TrackedRecording


def advance(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Decide about every artifact that is not in transfer; stop the transfers that should not run."""
    recording = tracked.recording
    spec = recording.spec
    actions: list[Action] = []
    if spec.suspend:
        actions += tracked.stop_transfers()
    elif spec.cancel:
        actions += tracked.stop(tracked.artifacts.values())  # a move goes on
    obstacle, questions = find_location(state, tracked, now)
    actions += questions
    if not stores_nothing(recording):
        obstacle = obstacle or state.budget_holds.obstacle(recording, tracked.location)
        obstacle = obstacle or quota_gate.obstacle(state, tracked)
    retry_requested = spec.retry_token != tracked.retry_token
    tracked.retry_token = spec.retry_token
    for artifact in spec.artifacts:
        work = tracked.artifacts[artifact.name]
        if work.in_transfer or artifact.name in tracked.move.copies:
            continue
        source_obstacle, questions = find_source(state, tracked, artifact, now)
        actions += questions
        hindrance = obstacle or source_obstacle or quota_gate.held(state, tracked, work.name)
        context = _context(
            state,
            tracked,
            work,
            obstacle=hindrance,
            retry_requested=retry_requested,
            may_begin=obstacle is None,
            now=now,
        )
        work.secret_changed = False
        actions += _take_step(state, tracked, work, next_step(artifact, work.status, context), now)
    _write_in_time(state, tracked, now)
    return actions


def _context(
    state: EngineState,
    tracked: TrackedRecording,
    work: ArtifactWork,
    *,
    obstacle: Obstacle | None,
    retry_requested: bool,
    may_begin: bool,
    now: datetime,
) -> ArtifactContext:
    spec = tracked.recording.spec
    return ArtifactContext(
        now=now,
        uid=tracked.uid,
        suspend=spec.suspend,
        cancel=spec.cancel,
        retry_requested=retry_requested,
        retry=state.locations.retry_policy(tracked.location),
        obstacle=obstacle,
        not_before=work.hold.not_before if work.hold else None,
        secret_changed=work.secret_changed,
        may_be_stored=work.may_be_stored,
        may_begin=may_begin,
    )


def _take_step(
    state: EngineState, tracked: TrackedRecording, work: ArtifactWork, step: NextStep, now: datetime
) -> list[Action]:
    before, after = work.status, step.status
    actions: list[Action] = []
    if after != before:
        work.status = after
        _flush_in_time(state, tracked, _urgency(tracked, before, after), now)
        if after.phase is Phase.FAILED:
            actions.append(
                CountOutcome(what=ArtifactOutcome.FAILED, reason=Reason(after.reason or Reason.INTERNAL_ERROR))
            )
    state.timers.set(tracked.uid, step.wake_at)
    if not step.ready:
        _leave_queue(state, tracked, work)
    plan_abort(work, now)
    if step.ready and work.state is WorkState.WAITING:
        _queue_up(state, tracked, work, now)
    if step.read_secret and not work.reading_secret:
        work.reading_secret = True
        known_source = work.status.source_revision
        actions.append(ResolveSource(recording=tracked.recording, artifact=work.name, known_source=known_source))
    return actions


def _leave_queue(state: EngineState, tracked: TrackedRecording, work: ArtifactWork) -> None:
    """Remove the artifact from the queue, because it waits for something other than a slot. Its slot is given back."""
    key = (tracked.uid, work.name)
    state.queue.discard(key)
    if work.state is WorkState.RESERVED:
        work.release()
        state.slots.give_back(key)


def _queue_up(state: EngineState, tracked: TrackedRecording, work: ArtifactWork, now: datetime) -> None:
    if tracked.location is None:
        raise ValueError("an artifact that may start has a location")
    lane = Lane(namespace=tracked.ref.namespace, location=tracked.location)
    state.queue.put(lane, quota_gate.rank_of(tracked, work.name, now))


def _write_in_time(state: EngineState, tracked: TrackedRecording, now: datetime) -> None:
    """Have the status written after an edit, or if its phase or claim is wrong, because tenants may write to it."""
    status = tracked.recording.status
    if status.observed_generation != tracked.recording.metadata.generation:
        _flush_in_time(state, tracked, SOON if tracked.is_over else None, now)
    end_not_written = tracked.is_over and (status.phase not in TERMINAL or status.claim is not None)
    if not tracked.busy and (status.claim == state.claim or end_not_written):
        tracked.outbox.flush_by(now + SOON)


def _urgency(tracked: TrackedRecording, before: ArtifactStatus, after: ArtifactStatus) -> timedelta | None:
    """How soon the status must be written; None if it can be written with the rest of the queue."""
    if before.reason == after.reason and after.reason in (Reason.BUDGET_EXCEEDED, Reason.QUOTA_EXCEEDED):
        return None  # only an amount in the message has changed
    if after.reason != Reason.QUEUED:
        return timedelta(0)
    return SOON if tracked.recording.status.phase in TERMINAL else None


def _flush_in_time(state: EngineState, tracked: TrackedRecording, urgency: timedelta | None, now: datetime) -> None:
    if urgency is not None:
        tracked.outbox.flush_by(now + urgency)
    elif tracked.outbox.flush_at is None:
        tracked.outbox.flush_by(state.queued_pacer.next(now, unfinished=len(state.recordings)))
