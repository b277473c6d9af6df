"""Artifacts on the move: who may start, what a transfer reports, and what follows when it ends."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason, Trait, Verdict, verdict_of
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.engine.actions import Action, ResolveSource, StartTransfer, StopTransfer, Tallied, Tally
from recording_operator.engine.artifacts import (
    ABOUT_A_SECRET,
    Settled,
    Surroundings,
    after_failure,
    names_secret,
    revision_is_of,
    settle,
    spec_revision,
)
from recording_operator.engine.entry import Abort, Entry
from recording_operator.engine.expiry import Expiry, expiry_of
from recording_operator.engine.facts import (
    SourceResolved,
    Stored,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    UploadCreated,
)
from recording_operator.engine.placement import key_of
from recording_operator.engine.queue import Lane, rank
from recording_operator.engine.state import State
from recording_operator.engine.status import TERMINAL

SOON: Final = timedelta(seconds=1)
"""Several artifacts that end at about the same time share a write."""


def advance(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Settle every artifact that is not moving; stop those that should not."""
    recording = entry.recording
    spec = recording.spec
    actions: list[Action] = []
    if spec.suspend or spec.cancel:
        actions += stop_running(entry)
    obstacle, questions = state.locations.obstacle(recording, now)
    actions += questions
    retry_asked = spec.retry_token != entry.retry_token
    entry.retry_token = spec.retry_token
    for artifact in spec.artifacts:
        if artifact.name in entry.running:
            continue
        hold = entry.holds.get(artifact.name)
        around = Surroundings(
            now=now,
            uid=entry.uid,
            suspend=spec.suspend,
            cancel=spec.cancel,
            retry_asked=retry_asked,
            retry=state.locations.retry_plan(spec.storage_location),
            obstacle=obstacle,
            not_before=hold.not_before if hold else None,
            secret_changed=artifact.name in entry.secret_changed,
            may_be_stored=artifact.name in entry.unseen,
        )
        entry.secret_changed.discard(artifact.name)
        settled = settle(artifact, entry.artifacts[artifact.name], around)
        actions += _apply(state, entry, artifact.name, settled, now)
    if obstacle is not None and obstacle.reason is Reason.LOCATION_NOT_ALLOWED:
        state.timers.set(entry.uid, state.locations.recheck_at(recording, now))
    _write_in_time(state, entry, now)
    return actions


def _write_in_time(state: State, entry: Entry, now: datetime) -> None:
    """Answer an edit, give back a claim on what does not move, call ended what has ended; a tenant may write there."""
    status = entry.recording.status
    if status.observed_generation != entry.recording.metadata.generation:
        _flush_in_time(state, entry, SOON if _over(entry) else None, now)
    untold = _over(entry) and (status.phase not in TERMINAL or status.claim is not None)
    if not entry.busy and (status.claim == state.claim or untold):
        entry.flush_by(now + SOON)


def _apply(state: State, entry: Entry, name: str, settled: Settled, now: datetime) -> list[Action]:
    before, after = entry.artifacts[name], settled.status
    actions: list[Action] = []
    if after != before:
        entry.artifacts[name] = after
        _flush_in_time(state, entry, _urgency(entry, after), now)
        if after.phase is Phase.FAILED:
            actions.append(Tally(what=Tallied.FAILED, reason=Reason(after.reason or Reason.INTERNAL_ERROR)))
    _abort_leftovers(entry, name, now)
    state.timers.set(entry.uid, settled.wake_at)
    _queue_up(state, entry, name, ready=settled.ready and name not in entry.aborts, now=now)
    if settled.look_into_secret and name not in entry.resolving:
        entry.resolving.add(name)
        actions.append(ResolveSource(recording=entry.recording, artifact=name))
    return actions


def _queue_up(state: State, entry: Entry, name: str, *, ready: bool, now: datetime) -> None:
    """Wait for a slot, or for nothing; a slot that was reserved before the artifact had to wait is given back."""
    key = (entry.uid, name)
    if not ready:
        state.waiting.discard(key)
        if name in entry.reserved:
            entry.reserved.discard(name)
            state.slots.give_back(key)
    elif name not in entry.reserved:
        meta, spec = entry.recording.metadata, entry.recording.spec
        lane = Lane(namespace=meta.namespace, location=spec.storage_location)
        created = meta.creation_timestamp or now
        ranked = rank(priority=spec.priority, expiry=_expiry(entry, name), created=created, key=key, now=now)
        state.waiting.put(lane, ranked)


def _urgency(entry: Entry, after: ArtifactStatus) -> timedelta | None:
    """How soon this is to be written; None where its turn among the queued is soon enough."""
    if after.reason != Reason.QUEUED:
        return timedelta(0)
    return SOON if entry.recording.status.phase in TERMINAL else None


def _flush_in_time(state: State, entry: Entry, urgency: timedelta | None, now: datetime) -> None:
    if urgency is not None:
        entry.flush_by(now + urgency)
    elif entry.flush_at is None:
        entry.flush_by(state.queued_pace.next(now, unfinished=len(state.entries)))


def _over(entry: Entry) -> bool:
    return all(artifact.phase in TERMINAL for artifact in entry.artifacts.values())


def _abort_leftovers(entry: Entry, name: str, now: datetime) -> None:
    """The upload of a Failed artifact is to be aborted; that of one that may go on is not, if it is not too late."""
    status, abort = entry.artifacts[name], entry.aborts.get(name)
    if status.phase is Phase.FAILED:
        if abort is None and (status.upload_id or name in entry.touched):
            entry.aborts[name] = Abort(since=now)
    elif abort is not None and not abort.in_flight:
        del entry.aborts[name]


def give_slots(state: State, now: datetime) -> Iterator[str]:
    """Reserve free slots for those who are next; yields the uids of their Recordings."""
    while (key := state.waiting.take(state.slots, state.locations.limits)) is not None:
        uid, name = key
        entry = state.entries.get(uid)
        if entry is None:
            state.slots.give_back(key)
            continue
        entry.reserved.add(name)
        entry.flush_by(now)
        yield uid


def start_reserved(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Start the artifacts with a slot, once the API server shows our claim (and the finalizer, where one is due)."""
    if not entry.reserved or entry.in_flight is not None or entry.stale:
        return []
    if entry.recording.status.claim != state.claim:
        return []
    wants_finalizer = entry.recording.spec.deletion_policy is DeletionPolicy.DELETE
    if wants_finalizer and DELETE_OBJECT_FINALIZER not in entry.recording.metadata.finalizers:
        return []
    location = state.locations.get(entry.recording.spec.storage_location)
    if location is None:
        release_reserved(state, entry)
        entry.flush_by(now)
        return []
    actions: list[Action] = []
    for name in sorted(entry.reserved):
        spec, status = entry.spec_of(name), entry.artifacts[name]
        entry.running[name] = False
        entry.touched.add(name)
        revision = spec_revision(entry.uid, spec)
        entry.update(
            name,
            phase=Phase.UPLOADING,
            reason=Reason.UPLOADING,
            message=None,
            source_revision=revision,
            key=key_of(state, entry.recording, name),
        )
        actions.append(
            StartTransfer(
                recording=entry.recording,
                artifact=name,
                location=location,
                key=entry.artifacts[name].key or "",
                upload_id=status.upload_id,
                part_size_bytes=status.part_size,
                source=status.source,
                only_look=entry.recording.spec.cancel,
            )
        )
    entry.reserved.clear()
    entry.flush_by(now + state.options.progress_every)
    return actions


def release_reserved(state: State, entry: Entry) -> None:
    """Give slots back that were not used yet."""
    for name in entry.reserved:
        state.slots.give_back((entry.uid, name))
    entry.reserved.clear()


def stop_running(entry: Entry) -> list[Action]:
    """Ask the transfers of a Recording to stop, each once."""
    asked = [name for name, stopping in entry.running.items() if not stopping]
    for name in asked:
        entry.running[name] = True
    return [StopTransfer(uid=entry.uid, artifact=name) for name in asked]


def resolved(entry: Entry, fact: SourceResolved, now: datetime) -> None:
    """Secrets were read: by a transfer that begins, or to see whether a waiting artifact may go on."""
    status = entry.artifacts[fact.artifact]
    entry.resolving.discard(fact.artifact)
    if fact.artifact in entry.running:
        if fact.revision is not None and revision_is_of(entry.uid, entry.spec_of(fact.artifact), fact.revision):
            entry.update(fact.artifact, source_revision=fact.revision)
        return
    if fact.revision is not None and fact.revision != status.source_revision:
        entry.secret_changed.add(fact.artifact)
        entry.holds.pop(fact.artifact, None)
        return
    if status.phase is not Phase.PENDING:
        return  # it was cancelled meanwhile, or its time is over
    if fact.failure is not None and fact.failure.reason in ABOUT_A_SECRET and fact.failure.message != status.message:
        entry.update(fact.artifact, reason=fact.failure.reason, message=fact.failure.message)
        entry.flush_by(now)
    entry.hold(fact.artifact).again(now)


def upload_created(entry: Entry, fact: UploadCreated, now: datetime) -> None:
    """Name the upload in the status before its first part is sent."""
    if fact.artifact not in entry.running:
        return
    entry.update(
        fact.artifact,
        upload_id=fact.upload_id,
        part_size=fact.part_size_bytes,
        source=fact.source,
        bytes_total=fact.source.size,
    )
    entry.unpersisted.add(fact.artifact)
    entry.flush_by(now)


def progressed(state: State, entry: Entry, fact: TransferProgress) -> None:
    """Note progress; it is written at most every 10 s."""
    if fact.artifact not in entry.running:
        return
    entry.update(fact.artifact, bytes_done=fact.bytes_done, bytes_total=fact.bytes_total)
    entry.holds.pop(fact.artifact, None)
    if entry.flushed_at is not None:
        entry.flush_by(entry.flushed_at + state.options.progress_every)


def ended(state: State, entry: Entry, fact: TransferEnded, now: datetime) -> list[Action]:
    """A transfer is over: stored, failed, or stopped."""
    name = fact.artifact
    if entry.running.pop(name, None) is None:
        return []
    entry.unpersisted.discard(name)
    state.slots.give_back((entry.uid, name))
    entry.unseen.discard(name)
    match fact.outcome:
        case Stored() as stored:
            _stored(entry, name, stored)
            entry.flush_by(now if _over(entry) else now + SOON)
            return [Tally(what=Tallied.STORED, reason=Reason.STORED)]
        case TransferFailed() as failure:
            return _failed(state, entry, name, failure, now)
        case _:
            message = "the upload was stopped; it goes on where it stopped"
            entry.update(name, phase=Phase.PENDING, reason=Reason.INTERRUPTED, message=message)
            entry.flush_by(now if not entry.running else now + SOON)
            return []


def _stored(entry: Entry, name: str, stored: Stored) -> None:
    entry.holds.pop(name, None)
    entry.update(
        name,
        phase=Phase.COMPLETE,
        reason=Reason.STORED,
        message=None,
        uri=stored.uri,
        bytes_done=stored.size_bytes,
        bytes_total=stored.size_bytes,
        etag=stored.etag,
        version_id=stored.version_id,
        checksum=stored.checksum,
        content_type=stored.content_type,
        integrity=stored.integrity,
        proved_checksum=stored.proved_checksum,
        upload_id=None,
        part_size=None,
        next_retry_time=None,
        expired_since=None,
        source=None,
    )


def _failed(state: State, entry: Entry, name: str, failure: TransferFailed, now: datetime) -> list[Action]:
    after = after_failure(
        entry.artifacts[name],
        reason=failure.reason,
        message=failure.message,
        retry_after_s=failure.retry_after_s,
        is_final=failure.is_final,
        retry=state.locations.retry_plan(entry.recording.spec.storage_location),
        expiry=_expiry(entry, name),
        now=now,
    )
    entry.replace(name, after, now)
    if failure.reason in {Reason.STORE_UPLOAD_LOST, Reason.SOURCE_CHANGED}:
        entry.update(name, upload_id=None, part_size=None, source=None, bytes_done=0)
    if entry.artifacts[name].phase is Phase.FAILED:
        return [Tally(what=Tallied.FAILED, reason=failure.reason)]
    waits_for_secret = failure.reason is Reason.SOURCE_EXPIRED and names_secret(entry.spec_of(name))
    if verdict_of(failure.reason) is Verdict.NOT_ITS_FAULT or waits_for_secret:
        wait = timedelta(seconds=failure.retry_after_s or 0)
        entry.hold(name).again(now, at_least=wait)
    tallies: list[Action] = []
    if entry.artifacts[name].next_retry_time is not None:
        tallies.append(Tally(what=Tallied.RETRIED, reason=failure.reason))
    if failure.reason is Reason.SOURCE_EXPIRED:
        tallies.append(Tally(what=Tallied.EXPIRED, reason=failure.reason))
    if Trait.DOUBTS_LOCATION in failure.reason.traits:
        return tallies + state.locations.doubt(entry.recording.spec.storage_location)
    return tallies


def earliest_expiry(entry: Entry) -> datetime | None:
    """The earliest expiry among the sources that are still needed."""
    specs = [spec for spec in entry.recording.spec.artifacts if spec.source is not None]
    needed = [spec.name for spec in specs if entry.artifacts[spec.name].phase not in TERMINAL]
    return min((_expiry(entry, name).at for name in needed), default=None)


def _expiry(entry: Entry, name: str) -> Expiry:
    spec, meta = entry.spec_of(name), entry.recording.metadata
    created = meta.creation_timestamp
    if created is None:
        raise ValueError("a stored object has a creationTimestamp")
    source = spec.source
    return expiry_of(
        url=source.url if source else None, expires_at=source.expires_at if source else None, created=created
    )
