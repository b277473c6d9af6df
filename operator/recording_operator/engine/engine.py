"""The engine: facts in, actions out. It has no thread, no clock and no I/O.

It is level-triggered: for every event, it compares the current state of the Recording with the desired one. One
thread calls `observe` and `tick` with the current time. The caller executes the actions that they return, in any order,
and passes their results back as facts.
"""

import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from recording_operator.api.recording import Claim, Recording
from recording_operator.engine import (
    aborting,
    advancing,
    aftercare,
    deletion,
    expired_objects,
    farewell,
    moving,
    notifications,
    quota_gate,
    results,
    starting,
    writing,
)
from recording_operator.engine.actions import Action, ReportFault
from recording_operator.engine.facts import (
    Affects,
    BudgetHoldsChanged,
    Fact,
    LocationGone,
    LocationSeen,
    LocationsListed,
    NamespaceSeen,
    ObjectsExpired,
    RecordingGone,
    RecordingSeen,
    RecordingsListed,
    TransferProgress,
    UsageCountBegan,
    UsageCounted,
    UsageNotCounted,
    WriteRejected,
)
from recording_operator.engine.finalizer import ensure_finalizer, has_finalizer, remove_finalizer
from recording_operator.engine.notification_facts import SinksChanged
from recording_operator.engine.placement import location_name
from recording_operator.engine.queue import Slots
from recording_operator.engine.queue_snapshot import QueueSnapshot, take_snapshot
from recording_operator.engine.quotas import QuotaReport
from recording_operator.engine.settled import is_finished, is_settled
from recording_operator.engine.state import EngineOptions, EngineState
from recording_operator.engine.tracked_recording import TrackedRecording
from recording_operator.engine.ttl_schedule import TtlSchedule
from recording_operator.engine.versions import is_newer


class Engine:
    """Decides what happens to all Recordings. A leader creates one when it acquires the Lease.

    `claim` holds the identity of the process and leaseTransitions of the Lease."""

    def __init__(self, *, claim: Claim, options: EngineOptions) -> None:
        self.state = EngineState(
            claim=claim,
            options=options,
            slots=Slots(options.capacity),
            ttl_schedule=TtlSchedule(default_ttl=options.default_ttl),
        )
        self._uid_of: dict[tuple[str, str], str] = {}

    # What the controller calls

    def observe(self, fact: Fact, now: datetime) -> list[Action]:
        """Process a fact. Returns the actions that follow from it."""
        match fact:
            case RecordingSeen(recording=recording):
                return self._seen(recording, now)
            case RecordingGone(uid=uid, recording=recording):
                return self._gone(uid, now, recording)
            case RecordingsListed(uids=uids):
                return self._read_missing(uids, now)
            case LocationSeen() | LocationGone() | LocationsListed() | NamespaceSeen():
                affected = self._uids_where(self.state.locations.observe(fact, now))
                if isinstance(fact, LocationSeen) and fact.ready:
                    self._release_holds(fact.location.metadata.name)
                if isinstance(fact, LocationSeen | LocationGone):
                    affected += self._uids_where(quota_gate.note_location(self.state, fact))
                return self._process(affected, now)
            case ObjectsExpired():
                return self._expired(fact, now)
            case UsageCountBegan() | UsageCounted() | UsageNotCounted():
                return self._process(self._uids_where(quota_gate.note_count(self.state, fact)), now)
            case BudgetHoldsChanged():
                return self._process(self._uids_where(self.state.budget_holds.observe(fact)), now)
            case SinksChanged():
                return self._process(self._uids_where(self.state.sinks.observe(fact)), now)
            case _:
                return self._note_result(fact, now)

    def tick(self, now: datetime) -> list[Action]:
        """Process what is due. Returns the actions that follow from it."""
        due = self.state.timers.due(now)
        actions = self._process([uid for uid in due if uid in self.state.recordings], now)
        for ended in self.state.ttl_schedule.due(now):
            actions += self._seen(ended, now)
        return actions

    def next_due(self) -> datetime | None:
        """When `tick` has to be called next; None if nothing is scheduled."""
        times = (self.state.timers.next(), self.state.ttl_schedule.next(), self.state.quotas_due)
        return min((at for at in times if at is not None), default=None)

    def clock_stepped(self, by: timedelta, now: datetime) -> list[Action]:
        """The clock jumped by `by` to `now`. Shift all deadlines, so that waits keep their length."""
        self.state.shift(by)
        for tracked in self.state.recordings.values():
            tracked.shift(by, now)
        return self._process(list(self.state.recordings), now)

    def drain(self, now: datetime) -> list[Action]:
        """Start no more transfers. Running transfers may finish."""
        self.state.draining = True
        for tracked in self.state.recordings.values():
            self.state.release_slots(tracked)
        return self._process(list(self.state.recordings), now)

    def stop_all(self) -> list[Action]:
        """Stop every transfer. Its artifact becomes Pending, and no attempt is spent."""
        actions: list[Action] = []
        for tracked in self.state.recordings.values():
            actions += tracked.stop_transfers()
        return actions

    def idle(self) -> bool:
        """Whether draining has finished: no transfer runs, and no status names this process in its claim."""
        return not any(
            tracked.in_transfer
            or tracked.manifest.in_flight
            or tracked.move.in_flight
            or tracked.notifications.in_flight
            or not tracked.outbox.is_idle
            or (tracked.recording.status.claim == self.state.claim and not tracked.ending)
            for tracked in self.state.recordings.values()
        )

    def snapshot(self, now: datetime) -> QueueSnapshot:
        """Count the unfinished Recordings."""
        known = ((tracked.recording, tracked.location) for tracked in self.state.recordings.values())
        return take_snapshot(known, holds=self.state.budget_holds, waiting=len(self.state.queue), now=now)

    def pending_notifications(self) -> Counter[tuple[str, str]]:
        """How many events wait, by namespace and name of the EventSink."""
        waiting = (notifications.waiting_sinks(tracked.recording) for tracked in self.state.recordings.values())
        return Counter(chain.from_iterable((*waiting, *self.state.sinks.forgotten.values())))

    def quota_report(self) -> QuotaReport:
        """How much of each quota is used, and which locations should be counted."""
        return QuotaReport(usages=tuple(self.state.quotas.usages()), wishes=self.state.quotas.wishes())

    def _uids_where(self, affected: Affects) -> list[str]:
        known = self.state.recordings.items()
        return [uid for uid, one in known if any(affected(one.recording, place) for place in one.places)]

    # Facts about objects

    def _seen(self, recording: Recording, now: datetime) -> list[Action]:
        uid = recording.metadata.uid
        if self.state.echoes.is_echo(recording):
            return []
        actions: list[Action] = []
        tracked, namesake = self.state.recordings.get(uid), self._namesake(recording)
        if namesake is not None and is_newer(recording, namesake.recording):
            actions = self._gone(namesake.uid, now)  # deleted and created again while no watch was open
        elif namesake is not None and tracked is None:
            return []  # an outdated event: a newer Recording has this name
        if tracked is None:
            place = self.state.locations.get(location_name(recording))
            if is_settled(recording) and not aftercare.lacks_manifest(recording, place):
                return actions + self._finish(recording, now)
            self._remember(recording, now)
        elif tracked.outbox.keeps_versions:
            tracked.outbox.keep(recording)
            return actions
        else:
            tracked.learn(recording)
        return actions + self._process([uid], now)

    def _remember(self, recording: Recording, now: datetime) -> TrackedRecording:
        meta = recording.metadata
        self._uid_of[meta.namespace, meta.name] = meta.uid
        self.state.ttl_schedule.forget(meta.uid)
        self.state.sinks.forgotten.pop(meta.uid, None)
        tracked = self.state.recordings[meta.uid] = TrackedRecording.of(recording)
        # The claim is ours, but the Recording is not in memory: the API server must have a newer version.
        tracked.outbox.stale = recording.status.claim == self.state.claim
        if tracked.outbox.stale:
            tracked.outbox.flush_by(now)
        return tracked

    def _expired(self, fact: ObjectsExpired, now: datetime) -> list[Action]:
        """Objects of a Recording have expired. It is usually settled and forgotten."""
        uid = fact.recording.metadata.uid
        if self.state.echoes.is_echo(fact.recording) or self._namesake(fact.recording) is not None:
            return []  # it has changed meanwhile: the next look finds the objects gone
        if uid not in self.state.recordings:
            self._remember(fact.recording, now)
        return self._guarded(partial(expired_objects.note, self.state, fact), uid, now) + self._process([uid], now)

    def _namesake(self, recording: Recording) -> TrackedRecording | None:
        meta = recording.metadata
        uid = self._uid_of.get((meta.namespace, meta.name), meta.uid)
        return self.state.recordings.get(uid) if uid != meta.uid else None

    def _release_holds(self, location: str) -> None:
        """The location is ready again: end the waits of its artifacts."""
        for tracked in self.state.recordings.values():
            if location in tracked.places:
                tracked.release_location_holds()

    def _gone(self, uid: str, now: datetime, recording: Recording | None = None) -> list[Action]:
        self.state.ttl_schedule.forget(uid)
        self.state.sinks.forgotten.pop(uid, None)
        self.state.echoes.note_gone(uid)
        tracked = self.state.recordings.get(uid)
        if tracked is None and recording is not None and farewell.is_wanted(self.state, recording):
            tracked = self._remember(recording, now)
        if tracked is None:
            return []
        tracked.gone = True
        return self._process([uid], now)

    def _read_missing(self, uids: frozenset[str], now: datetime) -> list[Action]:
        """A Recording that is not in the list has finished or was deleted. No event will report it, so read it."""
        missing = [tracked for uid, tracked in self.state.recordings.items() if uid not in uids]
        for tracked in missing:
            tracked.outbox.stale = True
            tracked.outbox.flush_by(now)
        return self._process([tracked.uid for tracked in missing], now)

    def _finish(self, recording: Recording, now: datetime) -> list[Action]:
        """Nothing is left to do for this Recording. Keep only the time at which its ttlAfterFinished ends."""
        self.state.echoes.note(recording)
        if waiting := notifications.waiting_sinks(recording):
            self.state.sinks.forgotten[recording.metadata.uid] = waiting
            return []  # the sweep of unsettled Recordings brings it back
        due = self.state.ttl_schedule.note(recording, now)
        if due is None or due > now:
            return []
        tracked = self._remember(recording, now)
        tracked.ttl_expired = True
        return self._process([tracked.uid], now)

    # Facts that are results of actions

    def _note_result(self, fact: Fact, now: datetime) -> list[Action]:
        uid = getattr(fact, "uid", "")
        if isinstance(fact, WriteRejected) and fact.gone and uid in self.state.recordings:
            self.state.recordings[uid].outbox.closed()
            return self._gone(uid, now)
        actions = self._guarded(partial(results.note, self.state, fact), uid, now)
        if isinstance(fact, TransferProgress) and uid in self.state.recordings:
            self.state.timers.set(uid, self.state.recordings[uid].outbox.flush_at)
            return actions
        return actions + self._process([uid], now)

    # Steps

    def _process(self, uids: list[str], now: datetime) -> list[Action]:
        """Reconcile these Recordings, reserve free slots, then start transfers and write statuses."""
        actions: list[Action] = []
        affected = dict.fromkeys(uids)
        for uid in list(affected):
            actions += self._guarded(self._reconcile, uid, now)
        for uid in quota_gate.release(self.state, now):
            affected[uid] = None
            actions += self._guarded(self._reconcile, uid, now)
        if not self.state.draining:
            decisions = list(starting.give_slots(self.state, now))
            affected.update((decision.uid, None) for decision in decisions)
            for uid in dict.fromkeys(decision.uid for decision in decisions if not decision.has_slot):
                actions += self._guarded(self._reconcile, uid, now)
        for uid in affected:
            actions += self._guarded(self._carry_out, uid, now)
        return actions

    def _guarded(
        self, step: Callable[[TrackedRecording, datetime], list[Action]], uid: str, now: datetime
    ) -> list[Action]:
        """Run `step`. Tenants write Recordings: an exception about one must not stop the others."""
        tracked = self.state.recordings.get(uid)
        if tracked is None:
            return []
        try:
            return step(tracked, now)
        except Exception as error:  # noqa: BLE001 - reported as a fault of this Recording
            tracked.broken = True
            fault = ReportFault(ref=tracked.ref, detail=f"{type(error).__name__} in {_place(error)}")
            return [fault, *self._let_end(tracked)]

    def _let_end(self, tracked: TrackedRecording) -> list[Action]:
        """Keep a broken Recording until its transfers have ended. The next event about it starts again."""
        self.state.drop_from_queue(tracked)
        self.state.release_slots(tracked)
        if not tracked.in_transfer and tracked.outbox.is_idle:
            self._forget(tracked)
        return [*tracked.stop_transfers()]

    def _carry_out(self, tracked: TrackedRecording, now: datetime) -> list[Action]:
        if tracked.broken:
            return self._let_end(tracked)
        actions = starting.start_reserved(self.state, tracked, now)
        actions += writing.continue_uploads(tracked)
        actions += tracked.outbox.announce(tracked.recording)
        tracked.outbox.settle()
        actions += aftercare.begin(self.state, tracked, now)
        actions += notifications.begin(self.state, tracked, now)
        actions += writing.flush(self.state, tracked, now)
        return actions + self._rest(tracked, now)

    def _reconcile(self, tracked: TrackedRecording, now: datetime) -> list[Action]:
        actions = self._next_steps(tracked, now)
        quota_gate.note_use(self.state, tracked)
        return actions

    def _next_steps(self, tracked: TrackedRecording, now: datetime) -> list[Action]:
        if tracked.broken:
            return []
        if tracked.ending:
            return deletion.tear_down(self.state, tracked, now)
        if tracked.ttl_expired and (not tracked.outbox.is_idle or tracked.deleted):
            return []
        announced = not notifications.has_pending(tracked.recording.status)
        finished = announced and is_finished(tracked.recording, ignore_finalizer=True)
        tracked.ttl_expired = tracked.ttl_expired and finished
        if tracked.ttl_expired:
            return self._expire(tracked, now)
        return [
            *ensure_finalizer(tracked, now),
            *moving.advance(self.state, tracked, now),
            *advancing.advance(self.state, tracked, now),
            *aborting.abort_due(self.state, tracked, now),
        ]

    def _expire(self, tracked: TrackedRecording, now: datetime) -> list[Action]:
        """Delete the Kubernetes object only: without our finalizer, which is removed first, the objects are kept."""
        if has_finalizer(tracked.recording):
            return remove_finalizer(tracked, now)
        return tracked.outbox.delete(tracked.recording, now)

    def _rest(self, tracked: TrackedRecording, now: datetime) -> list[Action]:
        """Forget the Recording if it is settled, otherwise set its timer."""
        if deletion.is_over(tracked):
            self._forget(tracked)
            self.state.echoes.note(tracked.recording)
            return []
        if not tracked.ending and not tracked.ttl_expired and writing.is_at_rest(self.state, tracked, now):
            self._forget(tracked)
            return self._finish(tracked.recording, now)
        for at in (*tracked.wake_times(), notifications.next_due(self.state, tracked)):
            self.state.timers.set(tracked.uid, at if at is not None and at > now else None)
        return []

    def _forget(self, tracked: TrackedRecording) -> None:
        """Remove a Recording from memory. A later event brings it back."""
        self.state.recordings.pop(tracked.uid, None)
        quota_gate.forget(self.state, tracked)
        self.state.drop_from_queue(tracked)
        ref = tracked.ref
        if self._uid_of.get((ref.namespace, ref.name)) == tracked.uid:
            del self._uid_of[ref.namespace, ref.name]


def _place(error: Exception) -> str:
    """Where the exception was raised. Never its message, which may quote a URL."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
