"""The engine: facts in, actions out, no thread, no clock, no library.

It is level-triggered: whatever happened, it looks at what a Recording is now and what it should be. `observe` and
`tick` are called by one thread with the current time; the actions that they return are to be carried out, in any
order, and their results come back as facts.
"""

import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Claim, Recording
from recording_operator.engine import ending, finished, moving, writing
from recording_operator.engine.actions import Action, ReportFault
from recording_operator.engine.census import Census, take_census
from recording_operator.engine.entry import Entry, version_of
from recording_operator.engine.facts import (
    CleanedUp,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    LocationGone,
    LocationSeen,
    LocationsListed,
    NamespaceSeen,
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    RecordingsListed,
    SourceResolved,
    TransferEnded,
    TransferProgress,
    UploadAborted,
    UploadCreated,
    WriteRefused,
    Written,
)
from recording_operator.engine.queue import Slots
from recording_operator.engine.state import EngineOptions, State


class Engine:
    """Decides for all Recordings. One per leadership: `claim` holds the identity and the Lease's number."""

    def __init__(self, *, claim: Claim, options: EngineOptions) -> None:
        self.state = State(
            claim=claim,
            options=options,
            slots=Slots(options.capacity),
            finished=finished.Finished(default_ttl=options.default_ttl),
        )
        self._uid_of: dict[tuple[str, str], str] = {}

    # What the controller calls

    def observe(self, fact: Fact, now: datetime) -> list[Action]:
        """Take note of a fact; the actions that follow from it."""
        match fact:
            case RecordingSeen(recording=recording):
                return self._seen(recording, now)
            case RecordingGone(uid=uid):
                return self._gone(uid, now)
            case RecordingsListed(uids=uids):
                return self._read_missing(uids, now)
            case LocationSeen() | LocationGone() | LocationsListed() | NamespaceSeen():
                touched = self.state.locations.observe(fact, now)
                if isinstance(fact, LocationSeen) and fact.ready:
                    self._release_holds(fact.location.metadata.name)
                concerned = [uid for uid, entry in self.state.entries.items() if touched(entry.recording)]
                return self._look_at(concerned, now)
            case _:
                return self._answered(fact, now)

    def tick(self, now: datetime) -> list[Action]:
        """Do what is due."""
        due = self.state.timers.due(now)
        actions = self._look_at([uid for uid in due if uid in self.state.entries], now)
        for ended in self.state.finished.due(now):
            actions += self._seen(ended, now)
        return actions

    def next_due(self) -> datetime | None:
        """When `tick` has something to do."""
        wishes = (self.state.timers.next(), self.state.finished.next())
        return min((at for at in wishes if at is not None), default=None)

    def clock_stepped(self, by: timedelta, now: datetime) -> list[Action]:
        """The clock was set by so much to `now`: waits that are under way stay as long as they were."""
        self.state.shift(by)
        for entry in self.state.entries.values():
            entry.shift(by, now)
        return self._look_at(list(self.state.entries), now)

    def drain(self, now: datetime) -> list[Action]:
        """Start nothing new; what runs may end."""
        self.state.draining = True
        for entry in self.state.entries.values():
            moving.release_reserved(self.state, entry)
        return self._look_at(list(self.state.entries), now)

    def stop_all(self) -> list[Action]:
        """Ask every transfer to stop; each ends as Pending, with no attempt spent."""
        actions: list[Action] = []
        for entry in self.state.entries.values():
            actions += moving.stop_running(entry)
        return actions

    def idle(self) -> bool:
        """While draining: nothing runs, and every status that names this process has been written."""
        return not any(
            entry.running or entry.in_flight or (entry.recording.status.claim == self.state.claim and not entry.ending)
            for entry in self.state.entries.values()
        )

    def census(self, now: datetime) -> Census:
        """Count the unfinished Recordings."""
        known = (entry.recording for entry in self.state.entries.values())
        return take_census(known, waiting=len(self.state.waiting), now=now)

    # Facts about objects

    def _seen(self, recording: Recording, now: datetime) -> list[Action]:
        uid = recording.metadata.uid
        if self.state.forgotten.is_echo(recording):
            return []
        actions: list[Action] = []
        entry, namesake = self.state.entries.get(uid), self._namesake(recording)
        if namesake is not None and version_of(namesake.recording) < version_of(recording):
            actions = self._gone(namesake.uid, now)  # deleted and created again while nobody looked
        elif namesake is not None and entry is None:
            return []  # a late word on one whose name belongs to another already
        if entry is None:
            if finished.is_settled(recording):
                return actions + self._finish(recording, now)
            self._remember(recording, now)
        elif entry.in_flight is not None and entry.in_flight.what in ("status", "finalizers", "delete"):
            if entry.newer is None or version_of(recording) > version_of(entry.newer):
                entry.newer = recording
            return actions
        elif version_of(recording) > version_of(entry.recording):
            entry.learn(recording)
        return actions + self._look_at([uid], now)

    def _remember(self, recording: Recording, now: datetime) -> Entry:
        meta = recording.metadata
        self._uid_of[meta.namespace, meta.name] = meta.uid
        self.state.finished.forget(meta.uid)
        entry = self.state.entries[meta.uid] = Entry.of(recording)
        # Claimed by this process, and it knows nothing of that: there must be a newer version.
        entry.stale = recording.status.claim == self.state.claim
        if entry.stale:
            entry.flush_by(now)
        return entry

    def _namesake(self, recording: Recording) -> Entry | None:
        meta = recording.metadata
        uid = self._uid_of.get((meta.namespace, meta.name), meta.uid)
        return self.state.entries.get(uid) if uid != meta.uid else None

    def _release_holds(self, location: str) -> None:
        """A location came back: what waited because of it need not wait longer."""
        for entry in self.state.entries.values():
            if entry.recording.spec.storage_location == location:
                entry.release_location_holds()

    def _gone(self, uid: str, now: datetime) -> list[Action]:
        self.state.finished.forget(uid)
        self.state.forgotten.note_gone(uid)
        entry = self.state.entries.get(uid)
        if entry is None:
            return []
        entry.gone = True
        return self._look_at([uid], now)

    def _read_missing(self, uids: frozenset[str], now: datetime) -> list[Action]:
        """Whoever is not in a list has ended or is gone: nobody will tell, so it is read."""
        missing = [entry for uid, entry in self.state.entries.items() if uid not in uids]
        for entry in missing:
            entry.stale = True
            entry.flush_by(now)
        return self._look_at([entry.uid for entry in missing], now)

    def _finish(self, recording: Recording, now: datetime) -> list[Action]:
        """A Recording that needs nothing now: remember only when its time in Kubernetes is over."""
        due = self.state.finished.note(recording, now)
        self.state.forgotten.note(recording)
        if due is None or due > now:
            return []
        entry = self._remember(recording, now)
        entry.ttl_expired = True
        return self._look_at([entry.uid], now)

    # Facts that answer actions

    def _answered(self, fact: Fact, now: datetime) -> list[Action]:
        uid = getattr(fact, "uid", "")
        if isinstance(fact, WriteRefused) and fact.gone and uid in self.state.entries:
            self.state.entries[uid].in_flight = None
            return self._gone(uid, now)
        actions = self._guarded(partial(self._note, fact), uid, now)
        if isinstance(fact, TransferProgress) and uid in self.state.entries:
            self.state.timers.set(uid, self.state.entries[uid].flush_at)
            return actions
        return actions + self._look_at([uid], now)

    def _note(self, fact: Fact, entry: Entry, now: datetime) -> list[Action]:
        match fact:
            case Written():
                writing.written(entry, fact.recording)
            case WriteRefused():
                writing.refused(entry, fact, now)
            case RecordingRead():
                writing.read(entry, fact.recording)
            case DeleteAccepted():
                entry.in_flight = None
                entry.deleted = True
            case LeadershipConfirmed():
                entry.confirmed = entry.in_flight.version if entry.in_flight else None
                entry.in_flight = None
            case SourceResolved():
                moving.resolved(entry, fact, now)
            case UploadCreated():
                moving.upload_created(entry, fact, now)
            case TransferProgress():
                moving.progressed(self.state, entry, fact)
            case TransferEnded():
                return moving.ended(self.state, entry, fact, now)
            case UploadAborted():
                ending.aborted(entry, fact, now)
            case CleanedUp():
                return ending.cleaned(self.state, entry, fact, now)
        return []

    # Looking at Recordings

    def _look_at(self, uids: list[str], now: datetime) -> list[Action]:
        """Bring these Recordings forward, give free slots away, then write what has to be written."""
        actions: list[Action] = []
        touched = dict.fromkeys(uids)
        for uid in list(touched):
            actions += self._guarded(self._reconcile, uid, now)
        if not self.state.draining:
            for uid in moving.give_slots(self.state, now):
                touched[uid] = None
        for uid in touched:
            actions += self._guarded(self._carry_out, uid, now)
        return actions

    def _guarded(self, step: Callable[[Entry, datetime], list[Action]], uid: str, now: datetime) -> list[Action]:
        """One Recording that the engine trips over must not stop the others: their authors are not trusted."""
        entry = self.state.entries.get(uid)
        if entry is None:
            return []
        try:
            return step(entry, now)
        except Exception as error:
            entry.broken = True
            fault = ReportFault(ref=entry.ref, detail=f"{type(error).__name__} in {_place(error)}")
            return [fault, *self._let_end(entry)]

    def _let_end(self, entry: Entry) -> list[Action]:
        """A broken Recording holds its slots until what is under way has ended; the next event starts anew."""
        self.state.drop_from_queue(entry)
        moving.release_reserved(self.state, entry)
        if not entry.running and entry.in_flight is None:
            self._forget(entry)
        return moving.stop_running(entry)

    def _carry_out(self, entry: Entry, now: datetime) -> list[Action]:
        if entry.broken:
            return self._let_end(entry)
        actions = moving.start_reserved(self.state, entry, now)
        actions += writing.persisted(entry)
        actions += writing.announce(entry)
        if entry.in_flight is None and not entry.unsure:
            entry.sent = []
        actions += writing.flush(self.state, entry, now)
        return actions + self._rest(entry, now)

    def _reconcile(self, entry: Entry, now: datetime) -> list[Action]:
        if entry.broken:
            return []
        if entry.ending:
            return ending.tear_down(self.state, entry, now)
        if entry.ttl_expired and (entry.in_flight is not None or entry.deleted):
            return []
        entry.ttl_expired = entry.ttl_expired and finished.is_settled(entry.recording, ignore_finalizer=True)
        if entry.ttl_expired:
            return self._expire(entry, now)
        return [
            *writing.ensure_finalizer(entry, now),
            *moving.advance(self.state, entry, now),
            *ending.abort_due(self.state, entry, now),
        ]

    def _expire(self, entry: Entry, now: datetime) -> list[Action]:
        """ttlAfterFinished ends the Kubernetes object only: our finalizer goes first, or the objects would go too."""
        if DELETE_OBJECT_FINALIZER in entry.recording.metadata.finalizers:
            return writing.without_finalizer(entry, now)
        return writing.delete(entry, now)

    def _rest(self, entry: Entry, now: datetime) -> list[Action]:
        """Forget what is settled; else make sure that it is looked at in time."""
        if ending.is_over(entry):
            self._forget(entry)
            self.state.forgotten.note(entry.recording)
            return []
        if not entry.ending and not entry.ttl_expired and writing.is_at_rest(entry):
            self._forget(entry)
            return self._finish(entry.recording, now)
        for at in entry.wishes():
            self.state.timers.set(entry.uid, at if at is not None and at > now else None)
        return []

    def _forget(self, entry: Entry) -> None:
        """Drop a Recording from memory; a later event brings it back."""
        self.state.entries.pop(entry.uid, None)
        self.state.drop_from_queue(entry)
        ref = entry.ref
        if self._uid_of.get((ref.namespace, ref.name)) == entry.uid:
            del self._uid_of[ref.namespace, ref.name]


def _place(error: Exception) -> str:
    """Where it happened; never the message, which may quote a URL."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
