"""How a Recording, or an upload of it, ends: aborts, deletion, and exactly the objects that go with it."""

from datetime import datetime

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine import blocked, writing
from recording_operator.engine.actions import AbortUpload, Action, ArtifactToClean, CleanUp, EmitEvent
from recording_operator.engine.entry import Backoff, Entry, Teardown
from recording_operator.engine.facts import CleanedUp, UploadAborted
from recording_operator.engine.moving import release_reserved, stop_running
from recording_operator.engine.placement import key_of
from recording_operator.engine.state import State


def abort_due(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Abort the uploads that a failed or cancelled artifact left open; the location may have to come back first.

    Not before the status says Failed: until that is accepted, another operator may know better.
    """
    location = state.locations.get(entry.recording.spec.storage_location)
    failed = {status.name for status in entry.recording.status.artifacts if status.phase is Phase.FAILED}
    actions: list[Action] = []
    for name, abort in list(entry.aborts.items()):
        if abort.in_flight or abort.backoff.holds(now):
            continue
        key = key_of(state, entry.recording, name)
        if now - abort.since > state.options.give_up_cleaning_after:
            _forget_upload(entry, name, now)  # the sweep of orphaned uploads finds it later
        elif location is None or key is None:
            abort.backoff.again(now)
        elif name in failed:
            abort.in_flight = True
            upload_id = entry.artifacts[name].upload_id
            actions.append(AbortUpload(uid=entry.uid, artifact=name, location=location, key=key, upload_id=upload_id))
    return actions


def aborted(entry: Entry, fact: UploadAborted, now: datetime) -> None:
    """Nothing is open at the key any more, or it must be tried again."""
    abort = entry.aborts.get(fact.artifact)
    if abort is None:
        return
    abort.in_flight = False
    if fact.ok:
        _forget_upload(entry, fact.artifact, now)
    else:
        abort.backoff.again(now)


def _forget_upload(entry: Entry, artifact: str, now: datetime) -> None:
    del entry.aborts[artifact]
    entry.touched.discard(artifact)
    entry.update(artifact, upload_id=None, part_size=None, source=None, bytes_done=None, bytes_total=None)
    entry.flush_by(now)


def tear_down(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Stop, then abort and delete in the store, then let the Kubernetes object go."""
    entry.flush_at = None
    state.drop_from_queue(entry)
    release_reserved(state, entry)
    if entry.running:
        return stop_running(entry)
    teardown = entry.teardown = entry.teardown or Teardown(since=now)
    if teardown.blocked is not None and not _wants_deletion(entry):
        teardown.blocked, teardown.backoff = None, Backoff()  # a person let the objects stay
    if teardown.done:
        return _let_go(entry, now)
    if teardown.in_flight:
        return []
    actions = [] if teardown.backoff.holds(now) else _clean(state, entry, teardown, now)
    if teardown.in_flight or teardown.done or teardown.blocked is None:
        return actions  # an earlier operator may have known what blocks it
    return [*actions, *blocked.tell(entry, teardown, now)]


def _clean(state: State, entry: Entry, teardown: Teardown, now: datetime) -> list[Action]:
    if _never_began(entry) or _nothing_to_remove(entry):
        teardown.done = True
        return _let_go(entry, now)
    location = state.locations.get(entry.recording.spec.storage_location)
    if location is None or _is_elsewhere(entry, location):
        if now - teardown.since > state.options.give_up_cleaning_after:
            teardown.done, teardown.blocked = True, None
            return [*_retained(entry, teardown, "its StorageLocation is gone"), *_let_go(entry, now)]
        teardown.backoff.again(now)
        return _says_missing(state, entry, teardown)
    permitted = DeletionPolicy.DELETE in location.spec.deletion_policies
    delete = _wants_deletion(entry) and permitted
    actions = [] if permitted else _retained(entry, teardown, "its location does not allow Delete")
    artifacts = tuple(
        ArtifactToClean(
            name=status.name,
            key=key_of(state, entry.recording, status.name) or "",
            upload_id=status.upload_id,
            version_id=status.version_id,
            delete_object=delete,
        )
        for status in entry.artifacts.values()
        if delete or _may_have_upload(entry, status)
    )
    if not artifacts:
        teardown.done = True
        return [*actions, *_let_go(entry, now)]
    teardown.in_flight = True
    return [*actions, CleanUp(ref=entry.ref, location=location, artifacts=artifacts)]


def cleaned(state: State, entry: Entry, fact: CleanedUp, now: datetime) -> list[Action]:
    """The store is clean, or it must be tried again."""
    teardown = entry.teardown
    if teardown is None:
        return []
    teardown.in_flight = False
    teardown.done = fact.ok
    if fact.ok:
        teardown.blocked = None
        state.locations.deletion_works(entry.recording.spec.storage_location)
        return []
    if not _wants_deletion(entry):
        # Only uploads are left: the sweep of orphaned uploads finds them later, and without a bucket there are none.
        late = now - teardown.since > state.options.give_up_cleaning_after
        teardown.done = late or blocked.bucket_is_gone(entry, teardown, fact, state.locations)
        if not teardown.done:
            teardown.backoff.again(now)
        return []
    if blocked.bucket_is_gone(entry, teardown, fact, state.locations):
        teardown.done, teardown.blocked = True, None
        return blocked.gone_with_bucket(entry, state.locations)
    actions = blocked.failed(entry, teardown, fact, state.locations, now)
    teardown.backoff.again(now)
    return actions


def _says_missing(state: State, entry: Entry, teardown: Teardown) -> list[Action]:
    name = entry.recording.spec.storage_location
    location = state.locations.get(name)
    if not _wants_deletion(entry) or (location is None and not state.locations.missing(name)):
        return []
    hours = state.options.give_up_cleaning_after.total_seconds() / 3600
    missing = f"StorageLocation {name} does not exist"
    if location is not None:
        missing = f"The objects are in the bucket {entry.recording.status.bucket}, and StorageLocation {name} was made "
        missing += f"anew with the bucket {location.store.bucket}"
    message = f"{missing}. After {hours:g} h the Recording goes and its objects stay"
    return blocked.hold(entry, teardown, state.locations, reason=Reason.LOCATION_NOT_FOUND, message=message)


def is_over(entry: Entry) -> bool:
    """Whether a deleted Recording needs nothing of us any more."""
    if not entry.ending or entry.teardown is None or not entry.teardown.done or entry.in_flight is not None:
        return False
    return entry.gone or DELETE_OBJECT_FINALIZER not in entry.recording.metadata.finalizers


def _let_go(entry: Entry, now: datetime) -> list[Action]:
    if entry.gone or DELETE_OBJECT_FINALIZER not in entry.recording.metadata.finalizers:
        return []
    if entry.teardown is not None and (cleared := blocked.tell(entry, entry.teardown, now)):
        return cleared  # others' finalizers may keep it
    return writing.without_finalizer(entry, now)


def _wants_deletion(entry: Entry) -> bool:
    """Only a Recording that is seen while it is being deleted, finalizer in place, loses its objects."""
    return (
        not entry.gone
        and entry.recording.spec.deletion_policy is DeletionPolicy.DELETE
        and DELETE_OBJECT_FINALIZER in entry.recording.metadata.finalizers
    )


def _never_began(entry: Entry) -> bool:
    """Nothing of it can be in the store: its location need not come back for it to go."""
    moved = any(status.phase is Phase.COMPLETE or status.upload_id or status.key for status in entry.artifacts.values())
    return entry.recording.status.started_at is None and not moved and not entry.touched


def _nothing_to_remove(entry: Entry) -> bool:
    """Its objects stay, and no upload can be open: it need not wait for its location."""
    return not _wants_deletion(entry) and not any(_may_have_upload(entry, one) for one in entry.artifacts.values())


def _is_elsewhere(entry: Entry, location: StorageLocation) -> bool:
    """Whether the location, deleted and made anew, has another bucket: that one tells nothing of the objects."""
    bucket = entry.recording.status.bucket
    return _wants_deletion(entry) and bucket not in (None, location.store.bucket)


def _may_have_upload(entry: Entry, status: ArtifactStatus) -> bool:
    return status.phase is not Phase.COMPLETE and (bool(status.upload_id) or status.name in entry.touched)


def _retained(entry: Entry, teardown: Teardown, why: str) -> list[Action]:
    if teardown.told or not _wants_deletion(entry):
        return []
    teardown.told = True
    note = f"The stored objects are kept: {why}"
    event = EmitEvent(
        ref=entry.ref, reason=Reason.DELETION_POLICY_NOT_ALLOWED, action="Delete", note=note, warning=True
    )
    return [event]
