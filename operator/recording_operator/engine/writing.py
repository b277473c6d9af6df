"""Writes to the API server: one request per Recording at a time, each guarded by the version that it was decided on.

That guard is what keeps a stale echo, an edit under way or a second operator from working twice: 300 rounds of 8 racing
claims on a real server always had one winner.
"""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason, Trait
from recording_operator.api.recording import Phase, Recording, RecordingStatus
from recording_operator.engine import moving
from recording_operator.engine.actions import (
    Action,
    ConfirmLeadership,
    DeleteRecording,
    EmitEvent,
    ReadRecording,
    UploadPersisted,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.entry import Backoff, Entry, InFlight, News, version_of
from recording_operator.engine.facts import WriteRefused
from recording_operator.engine.finished import is_settled
from recording_operator.engine.placement import placement_of
from recording_operator.engine.state import State
from recording_operator.engine.status import dump, render, says_the_same

_UNSURE_AT_MOST: Final = 4
_PATIENCE: Final = 3
"""Conflicts in a row after which the next try waits: somebody else writes all the time."""


def flush(state: State, entry: Entry, now: datetime) -> list[Action]:
    """Write the status if it is due and differs from what the server has."""
    if entry.in_flight is not None or entry.ending or entry.flush_at is None or entry.flush_at > now:
        return []
    if entry.refusals.holds(now):
        return []
    if entry.stale:
        return _read(entry)
    wanted = _wanted(state, entry, now)
    stored, status = dump(entry.recording.status), dump(wanted)
    if status == stored:
        entry.flush_at = None
        return []
    if entry.contested or _foreign_claim(state, entry):
        entry.contested = False
        entry.in_flight = InFlight(what="lease", version=entry.recording.metadata.resource_version)
        return [ConfirmLeadership(uid=entry.uid)]
    entry.flush_at = None
    entry.flushed_at = now
    entry.sent = [*entry.sent[-_UNSURE_AT_MOST:], status]
    entry.news = _news(entry, wanted)
    version = entry.recording.metadata.resource_version
    entry.in_flight = InFlight(what="status", version=version)
    return [WriteStatus(ref=entry.ref, resource_version=version, status=status, previous=stored)]


def announce(entry: Entry) -> list[Action]:
    """An Event when the API server shows what was written: phase or reason have changed, and the news were not told."""
    news = entry.news
    if news is None or not entry.sent or not says_the_same(dump(entry.recording.status), entry.sent[-1]):
        return []
    entry.news = None
    if news.shown == entry.told:
        return []
    entry.told = news.shown
    reason = Reason(news.shown[1])
    return [EmitEvent(ref=entry.ref, reason=reason, action=news.action, note=news.note, warning=news.warning)]


def persisted(entry: Entry) -> list[Action]:
    """Let transfers go on whose upload the API server's status names now."""
    if not entry.unpersisted:
        return []
    stored = {state.name: state.upload_id for state in entry.recording.status.artifacts}
    named = [name for name in sorted(entry.unpersisted) if stored.get(name) == entry.artifacts[name].upload_id]
    entry.unpersisted.difference_update(named)
    return [UploadPersisted(uid=entry.uid, artifact=name) for name in named]


def written(entry: Entry, recording: Recording) -> None:
    """A write was accepted: go on from the newest version that is known."""
    entry.in_flight = None
    entry.refusals = Backoff()
    entry.conflicts = 0
    entry.stale = entry.unsure = False
    newer, entry.newer = entry.newer, None
    entry.adopt(recording)
    if newer is not None and version_of(newer) > version_of(recording):
        entry.learn(newer)


def refused(entry: Entry, fact: WriteRefused, now: datetime) -> None:
    """A request was not carried out: look again after a conflict, wait and try again otherwise."""
    newer, entry.newer, entry.in_flight = entry.newer, None, None
    if fact.conflict and not entry.unsure:
        entry.sent, entry.news = [], None  # for certain not written, by nobody or by somebody else
    entry.unsure = entry.unsure or not fact.conflict
    if newer is not None and version_of(newer) > version_of(entry.recording):
        entry.learn(newer)
    elif fact.conflict:
        entry.stale = True
    entry.conflicts = entry.conflicts + 1 if fact.conflict else entry.conflicts
    if not fact.conflict or entry.conflicts > _PATIENCE:
        entry.refusals.again(now, at_least=timedelta(seconds=fact.retry_after_s or 0))
    entry.flush_by(now)


def read(entry: Entry, recording: Recording) -> None:
    """A read was answered."""
    entry.in_flight = None
    entry.stale = entry.unsure = False
    if version_of(recording) > version_of(entry.recording):
        entry.learn(recording)


def ensure_finalizer(entry: Entry, now: datetime) -> list[Action]:
    """The finalizer stands exactly where deletionPolicy is Delete, before any object does."""
    wanted = entry.recording.spec.deletion_policy is DeletionPolicy.DELETE
    present = DELETE_OBJECT_FINALIZER in entry.recording.metadata.finalizers
    return [] if wanted == present else _write_finalizers(entry, add=wanted, now=now)


def without_finalizer(entry: Entry, now: datetime) -> list[Action]:
    """Take our finalizer away."""
    return _write_finalizers(entry, add=False, now=now)


def write_as(entry: Entry, wanted: RecordingStatus, now: datetime) -> list[Action]:
    """Write this status of a Recording that is being deleted, where the server has another."""
    stored, status = dump(entry.recording.status), dump(wanted)
    if status == stored or entry.in_flight is not None or entry.refusals.holds(now):
        return []
    if entry.stale:
        return _read(entry)
    entry.sent = [*entry.sent[-_UNSURE_AT_MOST:], status]
    version = entry.recording.metadata.resource_version
    entry.in_flight = InFlight(what="status", version=version)
    return [WriteStatus(ref=entry.ref, resource_version=version, status=status, previous=stored)]


def delete(entry: Entry, now: datetime) -> list[Action]:
    """Remove the Kubernetes object as it is known."""
    if entry.in_flight is not None or entry.refusals.holds(now):
        return []
    if entry.stale:
        return _read(entry)
    version = entry.recording.metadata.resource_version
    entry.in_flight = InFlight(what="delete", version=version)
    return [DeleteRecording(ref=entry.ref, resource_version=version)]


def is_at_rest(entry: Entry) -> bool:
    """Whether the server has everything that the engine knows, and nothing is left to do."""
    stored = {state.name: state.phase for state in entry.recording.status.artifacts}
    return (
        not entry.busy
        and not entry.stale
        and entry.flush_at is None
        and not entry.aborts
        and is_settled(entry.recording)
        and all(state.phase is stored.get(name) for name, state in entry.artifacts.items())
    )


def _wanted(state: State, entry: Entry, now: datetime) -> RecordingStatus:
    artifacts = dict(entry.artifacts)
    for name in entry.reserved:
        artifacts[name] = artifacts[name].model_copy(
            update={"phase": Phase.UPLOADING, "reason": Reason.UPLOADING, "message": None}
        )
    return render(
        entry.recording,
        artifacts,
        claim=state.claim if entry.running or entry.reserved else None,
        expires_at=moving.earliest_expiry(entry),
        placement=placement_of(state, entry.recording),
        now=now,
    )


def _foreign_claim(state: State, entry: Entry) -> bool:
    """An older leadership's claim is left over; one as new as ours needs a look at the Lease before it is overruled."""
    claim = entry.recording.status.claim
    if claim is None or claim == state.claim or claim.transitions < state.claim.transitions:
        return False
    return entry.confirmed != entry.recording.metadata.resource_version


def _read(entry: Entry) -> list[Action]:
    entry.in_flight = InFlight(what="read", version=entry.recording.metadata.resource_version)
    return [ReadRecording(ref=entry.ref)]


def _write_finalizers(entry: Entry, *, add: bool, now: datetime) -> list[Action]:
    if entry.in_flight is not None or entry.refusals.holds(now):
        return []
    if entry.stale:
        return _read(entry)
    meta = entry.recording.metadata
    others = [name for name in meta.finalizers if name != DELETE_OBJECT_FINALIZER]
    finalizers = (*others, DELETE_OBJECT_FINALIZER) if add else tuple(others)
    entry.in_flight = InFlight(what="finalizers", version=meta.resource_version)
    return [WriteFinalizers(ref=entry.ref, resource_version=meta.resource_version, finalizers=finalizers)]


_ACTIONS: Final = {Reason.SUSPENDED: "Suspend", Reason.CANCELLED: "Cancel"}


def _news(entry: Entry, wanted: RecordingStatus) -> News | None:
    """What an Event will say once this status stands; phase and reason that were told last are no news."""
    if wanted.phase is None or wanted.reason is None or Trait.SILENT in wanted.reason.traits:
        return None
    news = (str(wanted.phase), str(wanted.reason))
    if news == entry.told:
        return None
    warning = Trait.NORMAL_EVENT not in wanted.reason.traits
    action = _ACTIONS.get(wanted.reason, "Upload")
    return News(shown=news, action=action, note=_note(wanted), warning=warning)


def _note(wanted: RecordingStatus) -> str:
    note = (wanted.message or "").rstrip(".")
    if wanted.reason is Reason.UPLOADING:
        return f"Uploading to s3://{wanted.bucket}/{wanted.prefix}"
    if wanted.phase is Phase.COMPLETE:
        return f"{note} ({wanted.size}) under s3://{wanted.bucket}/{wanted.prefix}"
    if wanted.next_retry_time is not None and wanted.phase is Phase.PENDING:
        return f"{note}; attempt {(wanted.attempts or 0) + 1} at {wanted.next_retry_time:%H:%M:%S} UTC"
    return note
