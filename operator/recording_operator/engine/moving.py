"""The move of a Recording: its copies get slots like uploads, and what is not needed any more is removed."""

from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine import aftercare, quota_gate
from recording_operator.engine.actions import (
    Action,
    ArtifactToClean,
    CleanUp,
    EmitEvent,
    KeptObjects,
    WriteManifest,
)
from recording_operator.engine.aftercare import FollowUp
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.current_status import current_status
from recording_operator.engine.expiry import Expiry
from recording_operator.engine.facts import CleanupEnded, ManifestFailed, ManifestWritten
from recording_operator.engine.former import former_of
from recording_operator.engine.manifest import encode, manifest_key, manifest_of, revision_of
from recording_operator.engine.moves import MovePlaces, MoveStep, next_move, stored_artifacts, switched
from recording_operator.engine.next_step import ArtifactContext, next_step
from recording_operator.engine.placement import key_of
from recording_operator.engine.queue import Lane, rank
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording

_NEVER: Final = Expiry(at=datetime.max.replace(tzinfo=UTC), stated=False)
"""The object that is copied stays where it is, so uploads are more urgent."""


def advance(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Take the next step of the move, if there is one. Call it before the retryToken is noted."""
    work = tracked.move
    work.follow(tracked.recording.status.move, known=tracked.artifacts)
    target = state.locations.get(work.to)
    bucket = None if work.shown is None else work.shown.bucket
    work.is_lost = target is not None and bucket not in (None, target.store.bucket)
    step = next_move(tracked.recording, work) if tracked.is_over else MoveStep.NOTHING
    if step is not MoveStep.COPY:
        _leave_queue(state, tracked)
    has_room = step in {MoveStep.BEGIN, MoveStep.COPY, MoveStep.MANIFEST, MoveStep.SWITCH}
    if not has_room and state.quotas.moves_to(tracked.uid) != tracked.placed:
        quota_gate.end_move(state, tracked, may_be_stored=work.shown is not None and work.shown.bucket is not None)
    match step:
        case MoveStep.BEGIN | MoveStep.SWITCH | MoveStep.END:
            tracked.outbox.flush_by(now)
            return []
        case MoveStep.WITHDRAW:
            tracked.outbox.flush_by(now)
            return [*tracked.stop(work.copies.values())]
        case MoveStep.COPY:
            return _copy(state, tracked, now)
        case MoveStep.MANIFEST:
            return _write_manifest(state, tracked, now)
        case MoveStep.REMOVE:
            return _remove(state, tracked, now)
        case _:
            return []


def _copy(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    spec, work = tracked.recording.spec, tracked.move
    target = work.to or ""
    work.begin_copies([one.name for one in stored_artifacts(tracked.recording.status)])
    obstacle, actions = state.locations.obstacle(tracked.ref.namespace, target, now)
    if work.copies:  # otherwise nothing is stored, and the move costs nothing
        obstacle = obstacle or state.budget_holds.obstacle(tracked.recording, target)
    copies = work.shown.artifacts if work.shown is not None else ()
    begun = {one.name for one in copies if one.upload_id or one.phase in (Phase.UPLOADING, Phase.COMPLETE)}
    obstacle = obstacle or quota_gate.reserve_move(state, tracked, target, now, begun=begun)
    work.may_begin = obstacle is None
    if work.may_begin and work.shown is not None and work.shown.bucket is None:
        tracked.outbox.flush_by(now)
    if obstacle is not None and obstacle.reason is Reason.LOCATION_NOT_ALLOWED:
        state.timers.set(tracked.uid, state.locations.recheck_at(tracked.ref.namespace, now))
    for copy in work.copies.values():
        if copy.in_transfer:
            continue
        context = ArtifactContext(
            now=now,
            uid=tracked.uid,
            suspend=spec.suspend,
            cancel=False,
            retry_requested=spec.retry_token != tracked.retry_token,
            retry=state.locations.retry_policy(target),
            obstacle=obstacle,
            not_before=copy.hold.not_before if copy.hold else None,
        )
        step = next_step(tracked.spec_of(copy.name), copy.status, context)
        if step.status != copy.status:
            copy.status = step.status
            tracked.outbox.flush_by(now)
        state.timers.set(tracked.uid, step.wake_at)
        if step.ready and copy.state is WorkState.WAITING:
            _queue_up(state, tracked, copy, now)
        elif not step.ready:
            _release(state, tracked, copy)
    return actions


def _queue_up(state: EngineState, tracked: TrackedRecording, copy: ArtifactWork, now: datetime) -> None:
    meta = tracked.recording.metadata
    ranked = rank(
        priority=tracked.recording.spec.priority,
        expiry=_NEVER,
        created=meta.creation_timestamp or now,
        key=(tracked.uid, copy.name),
        now=now,
    )
    state.queue.put(Lane(namespace=meta.namespace, location=tracked.move.to or ""), ranked)


def _release(state: EngineState, tracked: TrackedRecording, copy: ArtifactWork) -> None:
    key = (tracked.uid, copy.name)
    state.queue.discard(key)
    if copy.state is WorkState.RESERVED:
        copy.release()
        state.slots.give_back(key)


def _leave_queue(state: EngineState, tracked: TrackedRecording) -> None:
    for copy in tracked.move.copies.values():
        if tracked.artifacts[copy.name].status.phase is Phase.COMPLETE:
            _release(state, tracked, copy)


def _write_manifest(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Write the manifest beside the copies. The one beside the objects confirms the identity until then."""
    work, recording = tracked.move, tracked.recording
    old, new = state.location_of(tracked), state.locations.get(work.to)
    if old is None or new is None or work.in_flight or tracked.manifest.in_flight or work.backoff.holds(now):
        return []
    status = switched(current_status(state, tracked, now), recording, work, MovePlaces(old=old, new=new), now)
    moved = recording.model_copy(update={"status": status})
    work.in_flight = True
    return [
        WriteManifest(
            ref=tracked.ref,
            location=new,
            org=recording.spec.owner.org,
            key=manifest_key(recording, new),
            uri="",
            data=encode(manifest_of(moved)),
            revision=revision_of(moved),
            is_first=False,
            former=former_of(recording, old),
        )
    ]


def note_manifest(tracked: TrackedRecording, fact: ManifestWritten | ManifestFailed, now: datetime) -> None:
    """The manifest is beside the copies, or could not be written there."""
    work = tracked.move
    work.in_flight = False
    tracked.outbox.flush_by(now)
    if isinstance(fact, ManifestWritten):
        work.has_manifest, work.problem, work.backoff = True, None, Backoff()
        return
    work.problem = f"The manifest: {fact.message}" if fact.reason is not None else work.problem
    work.backoff.again(now, at_least=timedelta(seconds=fact.retry_after_s or 0))


def _remove(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Remove the objects at the other location; never before the manifest is beside those of the Recording."""
    work = tracked.move
    if work.in_flight or work.backoff.holds(now):
        return []
    status = current_status(state, tracked, now)
    if aftercare.follow_up(state, tracked, status) is not FollowUp.NOTHING:
        return []
    return remove_other(state, tracked, now)


def remove_other(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Clean up the location that is not that of the Recording. Nothing is left to do if it does not exist any more."""
    work, move = tracked.move, tracked.move.shown
    name = None if move is None else move.to or move.from_
    if move is None or name is None:
        return []
    if move.to is not None and move.bucket is None:
        work.removed = True  # nothing was copied
        return []
    location, kept = state.locations.get(name), state.location_of(tracked)
    if location is None and not state.locations.missing(name):
        return []
    if location is None or move.bucket not in (None, location.store.bucket):
        work.removed = True
        tracked.outbox.flush_by(now)
        return _kept_event(tracked, f"StorageLocation {name} with this bucket does not exist any more")
    recording = tracked.recording
    versions = {one.name: one.version_id for one in move.artifacts}
    uploads = {one.name: one.upload_id for one in move.artifacts}
    # One that has expired since may have a copy.
    stored = {one.name for one in stored_artifacts(recording.status)} | versions.keys()
    artifacts = tuple(
        ArtifactToClean(
            name=one.name,
            key=key_of(recording, one.name, location),
            upload_id=uploads.get(one.name),
            version_id=versions.get(one.name),
            delete_object=True,
        )
        for one in recording.spec.artifacts
        if one.name in stored
    )
    work.in_flight = True
    return [
        CleanUp(
            ref=tracked.ref,
            location=location,
            artifacts=artifacts,
            manifest_key=manifest_key(recording, location),
            kept=_kept(tracked, kept) if kept is not None else None,
            former=former_of(recording, kept or location),
        )
    ]


def note_removal(state: EngineState, tracked: TrackedRecording, fact: CleanupEnded, now: datetime) -> list[Action]:
    """The objects were removed, or not yet. Those under retention stay."""
    work = tracked.move
    work.in_flight = False
    tracked.outbox.flush_by(now)
    if fact.ok and work.shown is not None and work.shown.from_ is not None:
        quota_gate.note_removal(state, tracked, work.shown.from_)
    if fact.ok or fact.reason is Reason.RETENTION_IN_FORCE:
        work.removed, work.problem = True, None
        return [] if fact.ok else _kept_event(tracked, fact.detail.rstrip("."))
    work.problem = fact.detail or work.problem
    work.backoff.again(now)
    return []


def _kept(tracked: TrackedRecording, location: StorageLocation) -> KeptObjects:
    names = [one.name for one in stored_artifacts(tracked.recording.status)]
    return KeptObjects(location=location, keys=frozenset(key_of(tracked.recording, name, location) for name in names))


def _kept_event(tracked: TrackedRecording, why: str) -> list[Action]:
    move = tracked.move.shown
    name = "" if move is None else move.from_ or move.to
    note = f"The objects at {name} are not removed: {why}. The Recording uses those at {tracked.placed}."
    tracked.move.kept = note
    return [EmitEvent(ref=tracked.ref, reason=Reason.OLD_OBJECTS_KEPT, action="Move", note=note, warning=True)]
