"""The engine: facts in, actions out, no thread, no clock, no library.

It is level-triggered: whatever happened, it looks at what a Recording is now and what it should be. `observe` and
`tick` are called by one thread with the current time; the actions that they return are to be carried out, in any
order, and their results come back as facts.
"""

import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Claim, Phase, Recording
from recording_operator.engine import ending, finished, moving, writing
from recording_operator.engine.entry import Entry, InFlight, version_of
from recording_operator.engine.facts import (
    Action,
    CleanedUp,
    DeleteRecording,
    Fact,
    LeadershipConfirmed,
    LocationGone,
    LocationSeen,
    LocationsListed,
    NamespaceSeen,
    ReadRecording,
    RecordingGone,
    RecordingSeen,
    RecordingsListed,
    ReportFault,
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
                return self._read_missing(uids)
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

    def drain(self, now: datetime) -> list[Action]:
        """Start nothing new; what runs may end."""
        self.state.draining = True
        for entry in self.state.entries.values():
            moving.release_reserved(self.state, entry)
            if entry.recording.status.claim == self.state.claim and not entry.running:
                entry.flush_by(now)
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

    def census(self) -> tuple[Counter[str], int]:
        """How many unfinished Recordings there are in each phase, and how many artifacts wait for a slot."""
        phases = Counter(str(entry.recording.status.phase or Phase.PENDING) for entry in self.state.entries.values())
        return phases, len(self.state.waiting)

    def live_uids(self) -> set[str]:
        """Recordings with unfinished business: their uploads are claimed."""
        return set(self.state.entries)

    # Facts about objects

    def _seen(self, recording: Recording, now: datetime) -> list[Action]:
        uid = recording.metadata.uid
        actions = self._replace_namesake(recording, now)
        entry = self.state.entries.get(uid)
        if entry is None:
            if finished.is_settled(recording):
                return actions + self._finish(recording, now)
            entry = self._remember(recording)
        elif entry.in_flight is not None and entry.in_flight.what in ("status", "finalizers"):
            if entry.newer is None or version_of(recording) > version_of(entry.newer):
                entry.newer = recording
            return actions
        elif entry.in_flight is not None and entry.in_flight.what == "read":
            entry.in_flight = None
            entry.adopt(recording)
        elif version_of(recording) >= version_of(entry.recording):
            entry.adopt(recording)
        return actions + self._look_at([uid], now)

    def _remember(self, recording: Recording) -> Entry:
        meta = recording.metadata
        self._uid_of[meta.namespace, meta.name] = meta.uid
        self.state.finished.forget(meta.uid)
        entry = self.state.entries[meta.uid] = Entry.of(recording)
        return entry

    def _replace_namesake(self, recording: Recording, now: datetime) -> list[Action]:
        """Deleted and created again while nobody looked: the old one is gone."""
        meta = recording.metadata
        before = self._uid_of.get((meta.namespace, meta.name), meta.uid)
        return self._gone(before, now) if before != meta.uid else []

    def _release_holds(self, location: str) -> None:
        """A location came back: what waited because of it need not wait longer."""
        for entry in self.state.entries.values():
            if entry.recording.spec.storage_location == location:
                entry.release_location_holds()

    def _gone(self, uid: str, now: datetime) -> list[Action]:
        self.state.finished.forget(uid)
        entry = self.state.entries.get(uid)
        if entry is None:
            return []
        entry.gone = True
        entry.in_flight = None
        return self._look_at([uid], now)

    def _read_missing(self, uids: frozenset[str]) -> list[Action]:
        missing = [entry for uid, entry in self.state.entries.items() if uid not in uids]
        asked = [entry for entry in missing if entry.in_flight is None and not entry.ending]
        for entry in asked:
            entry.in_flight = InFlight(what="read")
        return [ReadRecording(ref=entry.ref) for entry in asked]

    def _finish(self, recording: Recording, now: datetime) -> list[Action]:
        """A Recording that needs nothing now: remember only when its time in Kubernetes is over."""
        due = self.state.finished.note(recording, now)
        if due is None or due > now:
            return []
        entry = self._remember(recording)
        entry.ttl_expired = True
        return self._look_at([entry.uid], now)

    # Facts that answer actions

    def _answered(self, fact: Fact, now: datetime) -> list[Action]:
        entry = self.state.entries.get(getattr(fact, "uid", ""))
        if entry is None:
            return []
        actions: list[Action] = []
        match fact:
            case Written():
                actions = writing.written(entry, fact.recording)
            case WriteRefused() if fact.gone:
                return self._gone(entry.uid, now)
            case WriteRefused():
                actions = writing.refused(entry, fact, now)
            case LeadershipConfirmed():
                entry.in_flight = None
                entry.confirmed = entry.recording.metadata.resource_version
            case SourceResolved():
                moving.resolved(entry, fact, now)
            case UploadCreated():
                moving.upload_created(entry, fact, now)
            case TransferProgress():
                moving.progressed(self.state, entry, fact)
                self.state.timers.set(entry.uid, entry.flush_at)
                return []
            case TransferEnded():
                actions = moving.ended(self.state, entry, fact, now)
            case UploadAborted():
                ending.aborted(self.state, entry, fact, now)
            case CleanedUp():
                ending.cleaned(self.state, entry, fact, now)
        return actions + self._look_at([entry.uid], now)

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
            stops = moving.stop_running(entry)
            moving.release_all(self.state, entry)
            self._forget(entry)
            return [*stops, ReportFault(ref=entry.ref, detail=f"{type(error).__name__} in {_place(error)}")]

    def _carry_out(self, entry: Entry, now: datetime) -> list[Action]:
        actions = moving.start_reserved(self.state, entry, now)
        actions += writing.flush(self.state, entry, now)
        self._rest(entry, now)
        return actions

    def _reconcile(self, entry: Entry, now: datetime) -> list[Action]:
        if entry.ending:
            return ending.tear_down(self.state, entry, now)
        if entry.ttl_expired:
            return self._expire(entry)
        return [
            *writing.ensure_finalizer(entry, now),
            *moving.advance(self.state, entry, now),
            *ending.abort_due(self.state, entry, now),
        ]

    def _expire(self, entry: Entry) -> list[Action]:
        """ttlAfterFinished ends the Kubernetes object only: our finalizer goes first, or the objects would go too."""
        if entry.in_flight is not None:
            return []
        if not finished.is_settled(entry.recording, ignore_finalizer=True):
            entry.ttl_expired = False
            return []
        if DELETE_OBJECT_FINALIZER in entry.recording.metadata.finalizers:
            return writing.without_finalizer(entry)
        version = entry.recording.metadata.resource_version
        self._forget(entry)
        return [DeleteRecording(ref=entry.ref, resource_version=version)]

    def _rest(self, entry: Entry, now: datetime) -> None:
        """Forget what is settled; else make sure that it is looked at in time."""
        if entry.uid not in self.state.entries:
            return
        if ending.is_over(entry):
            self._forget(entry)
        elif not entry.ending and not entry.ttl_expired and writing.is_at_rest(entry):
            self._forget(entry)
            self.state.finished.note(entry.recording, now)
        elif entry.in_flight is None and not entry.ending:
            self.state.timers.set(entry.uid, entry.flush_at)

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
