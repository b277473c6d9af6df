"""How a Recording, or an upload of it, ends: aborts, deletion, and exactly the objects that go with it."""

from datetime import datetime

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.engine import writing
from recording_operator.engine.entry import Entry, Teardown
from recording_operator.engine.facts import (
    AbortUpload,
    Action,
    ArtifactToClean,
    CleanedUp,
    CleanUp,
    EmitEvent,
    UploadAborted,
)
from recording_operator.engine.moving import key_of, release_reserved, stop_running
from recording_operator.engine.state import State


def abort_due(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Abort the uploads that a failed or cancelled artifact left open; the location may have to come back first."""
    location = state.locations.get(entry.recording.spec.storage_location)
    actions: list[Action] = []
    for name, abort in list(entry.aborts.items()):
        key = key_of(state, entry.recording, name)
        if now - abort.since > state.options.give_up_cleaning_after:
            del entry.aborts[name]  # the sweep of orphaned uploads finds it later
        elif abort.in_flight or (abort.backoff.not_before is not None and now < abort.backoff.not_before):
            continue
        elif location is None or key is None:
            state.timers.set(entry.uid, abort.backoff.again(now))
        else:
            abort.in_flight = True
            upload_id = entry.artifacts[name].upload_id
            actions.append(AbortUpload(uid=entry.uid, artifact=name, location=location, key=key, upload_id=upload_id))
    return actions


def aborted(state: State, entry: Entry, fact: UploadAborted, now: datetime) -> None:
    """Nothing is open at the key any more, or it must be tried again."""
    abort = entry.aborts.get(fact.artifact)
    if abort is None:
        return
    abort.in_flight = False
    if not fact.ok:
        state.timers.set(entry.uid, abort.backoff.again(now))
        return
    del entry.aborts[fact.artifact]
    entry.touched.discard(fact.artifact)
    entry.update(fact.artifact, upload_id=None, part_size=None, source=None, bytes_done=None, bytes_total=None)
    entry.flush_by(now)


def tear_down(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Stop, then abort and delete in the store, then let the Kubernetes object go."""
    entry.flush_at = None
    state.drop_from_queue(entry)
    release_reserved(state, entry)
    if entry.running:
        return stop_running(entry)
    teardown = entry.teardown = entry.teardown or Teardown(since=now)
    if teardown.done:
        return _let_go(entry, now)
    if teardown.in_flight or (teardown.backoff.not_before is not None and now < teardown.backoff.not_before):
        return []
    return _clean(state, entry, teardown, now)


def _clean(state: State, entry: Entry, teardown: Teardown, now: datetime) -> list[Action]:
    location = state.locations.get(entry.recording.spec.storage_location)
    if location is None:
        if now - teardown.since > state.options.give_up_cleaning_after:
            teardown.done = True
            return [*_retained(entry, "its StorageLocation is gone"), *_let_go(entry, now)]
        state.timers.set(entry.uid, teardown.backoff.again(now))
        return []
    permitted = DeletionPolicy.DELETE in location.spec.deletion_policies
    delete = _wants_deletion(entry) and permitted
    actions = _retained(entry, "its location does not allow Delete") if _wants_deletion(entry) and not permitted else []
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


def cleaned(state: State, entry: Entry, fact: CleanedUp, now: datetime) -> None:
    """The store is clean, or it must be tried again."""
    teardown = entry.teardown
    if teardown is None:
        return
    teardown.in_flight = False
    teardown.done = fact.ok
    if not fact.ok and now - teardown.since > state.options.give_up_cleaning_after and not _wants_deletion(entry):
        teardown.done = True  # only uploads are left, and the sweep of orphaned uploads finds them later
    if not teardown.done:
        state.timers.set(entry.uid, teardown.backoff.again(now))


def is_over(entry: Entry) -> bool:
    """Whether a deleted Recording needs nothing of us any more."""
    if not entry.ending or entry.teardown is None or not entry.teardown.done or entry.in_flight is not None:
        return False
    return entry.gone or DELETE_OBJECT_FINALIZER not in entry.recording.metadata.finalizers


def _let_go(entry: Entry, now: datetime) -> list[Action]:
    if entry.gone or entry.in_flight is not None:
        return []
    if DELETE_OBJECT_FINALIZER not in entry.recording.metadata.finalizers:
        return []
    if entry.refusals.not_before is not None and now < entry.refusals.not_before:
        return []
    return writing.without_finalizer(entry)


def _wants_deletion(entry: Entry) -> bool:
    """Only a Recording that is seen while it is being deleted, finalizer in place, loses its objects."""
    return (
        not entry.gone
        and entry.recording.spec.deletion_policy is DeletionPolicy.DELETE
        and DELETE_OBJECT_FINALIZER in entry.recording.metadata.finalizers
    )


def _may_have_upload(entry: Entry, status: ArtifactStatus) -> bool:
    return status.phase is not Phase.COMPLETE and (bool(status.upload_id) or status.name in entry.touched)


def _retained(entry: Entry, why: str) -> list[Action]:
    if entry.teardown is not None and entry.teardown.backoff.tries:
        return []
    note = f"The stored objects are kept: {why}"
    event = EmitEvent(
        ref=entry.ref, reason=Reason.DELETION_POLICY_NOT_ALLOWED, action="Delete", note=note, warning=True
    )
    return [event]
