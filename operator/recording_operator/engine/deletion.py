"""Deletion of a Recording: its uploads are aborted, exactly its objects are deleted, then its finalizer is removed."""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine import deletion_blocker, farewell, left_objects, moving, quota_gate
from recording_operator.engine.actions import Action, ArtifactToClean, CleanUp, EmitEvent
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.facts import CleanupEnded
from recording_operator.engine.finalizer import has_finalizer, remove_finalizer
from recording_operator.engine.former import former_of
from recording_operator.engine.manifest import manifest_key
from recording_operator.engine.placement import key_of
from recording_operator.engine.state import EngineState
from recording_operator.engine.teardown import Teardown
from recording_operator.engine.tracked_recording import TrackedRecording

RETENTION_WAIT: Final = timedelta(minutes=15)
"""How long a deletion waits that the retention of an object prevents: it may last for years."""


def tear_down(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Take the next step: stop transfers, then abort and delete in the store, then remove the finalizer."""
    tracked.outbox.cancel_flush()
    state.drop_from_queue(tracked)
    state.release_slots(tracked)
    if tracked.in_transfer:
        return [*tracked.stop_transfers()]
    if tracked.manifest.in_flight or tracked.move.in_flight:
        return []
    teardown = tracked.teardown = tracked.teardown or Teardown(
        since=now, gives_up_after=state.options.give_up_deleting_after
    )
    if teardown.blocked is not None and not _wants_deletion(tracked):
        teardown.blocked, teardown.backoff = None, Backoff()  # a person decided to keep the objects
    if teardown.done:
        return _release(state, tracked, now)
    if teardown.in_flight:
        return []
    if _is_moving(state, tracked, teardown, now):
        removal = [] if tracked.move.backoff.holds(now) else moving.remove_other(state, tracked, now)
        return [*removal, *tear_down(state, tracked, now)] if tracked.move.removed else removal
    if left_objects.gives_up(tracked, teardown, now):
        reported = left_objects.report_given_up(tracked, teardown)
        teardown.done, teardown.blocked = True, None
        return [*reported, *_release(state, tracked, now)]
    actions = [] if teardown.backoff.holds(now) else _clean(state, tracked, teardown, now)
    if teardown.in_flight or teardown.done or teardown.blocked is None:
        return actions  # until the first attempt the status of an earlier operator is kept
    return [*actions, *deletion_blocker.write_condition(tracked, teardown, now)]


def _clean(state: EngineState, tracked: TrackedRecording, teardown: Teardown, now: datetime) -> list[Action]:
    if _never_began(tracked) or _nothing_to_remove(tracked):
        teardown.done = True
        return _release(state, tracked, now)
    location = state.location_of(tracked)
    if location is None or _is_elsewhere(tracked, location):
        if now - teardown.since > state.options.give_up_cleaning_after:
            teardown.done, teardown.blocked = True, None
            return [*_left_without_location(tracked), *_release(state, tracked, now)]
        teardown.backoff.again(now)
        return _block_without_location(state, tracked, teardown)
    permitted = DeletionPolicy.DELETE in location.spec.deletion_policies
    delete = _wants_deletion(tracked) and permitted
    actions = [] if permitted else _objects_kept_event(tracked, teardown, "the StorageLocation does not allow Delete")
    artifacts = tuple(
        ArtifactToClean(
            name=work.name,
            key=key_of(tracked.recording, work.name, location),
            upload_id=work.status.upload_id,
            version_id=work.status.version_id,
            delete_object=delete,
        )
        for work in tracked.artifacts.values()
        if delete or _may_have_upload(work)
    )
    if not artifacts:
        teardown.done = True
        return [*actions, *_release(state, tracked, now)]
    teardown.in_flight, teardown.deletes_objects = True, delete
    manifest = manifest_key(tracked.recording, location) if delete else None
    cleaning = CleanUp(
        ref=tracked.ref,
        location=location,
        artifacts=artifacts,
        manifest_key=manifest,
        former=former_of(tracked.recording, location),
    )
    return [*actions, cleaning]


def note_cleanup(state: EngineState, tracked: TrackedRecording, fact: CleanupEnded, now: datetime) -> list[Action]:
    """The store was cleaned up, or the cleanup has to be retried."""
    if tracked.move.in_flight:
        return moving.note_removal(state, tracked, fact, now)
    teardown = tracked.teardown
    if teardown is None:
        return []
    teardown.in_flight = False
    teardown.done = fact.ok
    if fact.ok:
        teardown.blocked = None
        if teardown.deletes_objects:
            quota_gate.note_deletion(state, tracked)
            teardown.objects_deleted = True
        state.locations.deletion_works(tracked.location)
        return []
    if not _wants_deletion(tracked):
        # Only uploads are left: the sweep of orphaned uploads finds them later; without a bucket there are none.
        late = now - teardown.since > state.options.give_up_cleaning_after
        teardown.done = late or deletion_blocker.bucket_is_gone(tracked, teardown, fact, state.locations)
        if not teardown.done:
            teardown.backoff.again(now)
        return []
    if deletion_blocker.bucket_is_gone(tracked, teardown, fact, state.locations):
        teardown.done, teardown.blocked = True, None
        return deletion_blocker.bucket_events(tracked, state.locations)
    actions = deletion_blocker.note_failure(tracked, teardown, fact, state.locations, now)
    locked = fact.reason is Reason.RETENTION_IN_FORCE
    wait = min(RETENTION_WAIT, teardown.gives_up_after or RETENTION_WAIT) if locked else timedelta(0)
    teardown.backoff.again(now, at_least=wait)
    return actions


def _is_moving(state: EngineState, tracked: TrackedRecording, teardown: Teardown, now: datetime) -> bool:
    """Whether objects at a second location have to be removed first: copies of a move, or those that were moved."""
    late = now - teardown.since > state.options.give_up_cleaning_after
    return tracked.move.shown is not None and not tracked.move.removed and not late


def _block_without_location(state: EngineState, tracked: TrackedRecording, teardown: Teardown) -> list[Action]:
    name = tracked.location
    location = state.locations.get(name)
    if not _wants_deletion(tracked) or (location is None and not state.locations.missing(name)):
        return []
    hours = state.options.give_up_cleaning_after.total_seconds() / 3600
    missing = "The status does not name a StorageLocation" if name is None else f"StorageLocation {name} does not exist"
    if location is not None:
        missing = f"The objects are in the bucket {tracked.recording.status.bucket}, "
        missing += f"and StorageLocation {name} was created again with the bucket {location.store.bucket}"
    message = f"{missing}. After {hours:g} h the Recording is removed, and its objects are kept."
    return deletion_blocker.block(tracked, teardown, state.locations, reason=Reason.LOCATION_NOT_FOUND, message=message)


def _left_without_location(tracked: TrackedRecording) -> list[Action]:
    if not _wants_deletion(tracked):
        return []
    why = "no StorageLocation with their bucket exists any more."
    return left_objects.report(tracked, reason=Reason.LOCATION_NOT_FOUND, why=why)


def is_over(tracked: TrackedRecording) -> bool:
    """Whether nothing is left to do for a deleted Recording."""
    if not tracked.ending or tracked.teardown is None or not tracked.teardown.done or not tracked.outbox.is_idle:
        return False
    if not farewell.is_over(tracked):
        return False
    return tracked.gone or not has_finalizer(tracked.recording)


def _release(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    events = [] if tracked.teardown is None else farewell.say(state, tracked, tracked.teardown, now)
    if tracked.gone or not has_finalizer(tracked.recording) or not farewell.is_over(tracked):
        return events
    if tracked.teardown is not None and (cleared := deletion_blocker.write_condition(tracked, tracked.teardown, now)):
        return [*events, *cleared]  # the finalizers of others may still keep the Recording
    return [*events, *remove_finalizer(tracked, now)]


def _wants_deletion(tracked: TrackedRecording) -> bool:
    """Objects are deleted only if an event shows the Recording with a deletionTimestamp and our finalizer."""
    return (
        not tracked.gone
        and tracked.recording.spec.deletion_policy is DeletionPolicy.DELETE
        and has_finalizer(tracked.recording)
    )


def _never_began(tracked: TrackedRecording) -> bool:
    """Whether nothing of the Recording can be in the store, so that its location is not needed."""
    moved = any(
        work.may_have_upload or work.status.phase is Phase.COMPLETE or work.status.upload_id or work.status.key
        for work in tracked.artifacts.values()
    )
    return tracked.recording.status.started_at is None and not moved


def _nothing_to_remove(tracked: TrackedRecording) -> bool:
    """Whether its objects are kept and no upload can be open, so that its location is not needed."""
    return not _wants_deletion(tracked) and not any(map(_may_have_upload, tracked.artifacts.values()))


def _is_elsewhere(tracked: TrackedRecording, location: StorageLocation) -> bool:
    """Whether the location was deleted and created again with another bucket, which does not have the objects."""
    bucket = tracked.recording.status.bucket
    return _wants_deletion(tracked) and bucket not in (None, location.store.bucket)


def _may_have_upload(work: ArtifactWork) -> bool:
    return work.status.phase is not Phase.COMPLETE and (bool(work.status.upload_id) or work.may_have_upload)


def _objects_kept_event(tracked: TrackedRecording, teardown: Teardown, why: str) -> list[Action]:
    if teardown.announced or not _wants_deletion(tracked):
        return []
    teardown.announced = True
    note = f"The stored objects are kept, because {why}."
    event = EmitEvent(
        ref=tracked.ref, reason=Reason.DELETION_POLICY_NOT_ALLOWED, action="Delete", note=note, warning=True
    )
    return [event]
