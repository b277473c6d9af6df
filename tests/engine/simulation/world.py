"""The world of one simulation, drawn from a seed: an API server, a store, sources, locations, operators and faults."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import (
    AllowedNamespaces,
    LabelSelector,
    Limits,
    RetryPolicy,
    StorageLocation,
)
from recording_operator.api.storagelocation_moves import MovedFrom
from recording_operator.engine.facts import (
    BudgetHold,
    BudgetHoldsChanged,
    LocationGone,
    LocationSeen,
    LocationsListed,
    RecordingSeen,
)
from recording_operator.engine.identity import recording_uid
from recording_operator.engine.queue import Capacity
from recording_operator.engine.settled import was_changed
from recording_operator.engine.ttl_schedule import TtlSchedule
from recording_operator.metrics import Metrics
from tests.engine.builders import a_location, engine_options
from tests.engine.simulation.apiserver import ApiServer, Change
from tests.engine.simulation.checker import Checker
from tests.engine.simulation.clients import Clients
from tests.engine.simulation.expiry import Expiries
from tests.engine.simulation.moves import MoveWatch, has_failed_to_move
from tests.engine.simulation.operator import Operator
from tests.engine.simulation.providers import Provider
from tests.engine.simulation.quotas import QuotaWatch, draw_quotas
from tests.engine.simulation.schedule import Schedule
from tests.engine.simulation.sinks import Applications
from tests.engine.simulation.sources import Fate, draw_copy_fate
from tests.engine.simulation.store import Address, Store
from tests.engine.simulation.telling import describe
from tests.engine.simulation.watch import Watch, is_unfinished, is_unsettled

OPEN: Final = ("in/{namespace}/",)
"""What the location `egress` opens."""
GOLD: Final = {"tier": "gold"}
_UPLOADS_EVERY_S = 600.0
_FINISHED_EVERY_S = 6 * 3600.0
_UNSETTLED_EVERY_S = 600.0
_OLD_S = 600.0


class World:
    """Everything around the engine. `faults` names the kinds of trouble that this seed meets."""

    def __init__(self, rng: Random, faults: frozenset[str], trace: list[str] | None) -> None:
        self.rng = rng
        self.faults = faults
        self._trace = trace
        self.schedule = Schedule()
        self.skew = timedelta(0)
        self.api_tells_time = rng.random() < 0.7
        self.api = ApiServer(lambda: self.schedule.true_now)
        self.store = Store()
        self.fates: dict[str, Fate] = {}
        self.secrets: dict[tuple[str, str], str] = {}
        self.labels: dict[str, dict[str, str]] = {"team-a": dict(GOLD), "team-b": dict(GOLD)}
        self.locations: dict[str, StorageLocation] = {}
        self.ready: dict[str, bool] = {}
        self.holds: list[BudgetHold] = []
        self.api_down_until_s = 0.0
        self.named_uploads: dict[tuple[str, str], set[str]] = {}
        self.foreign: set[Address] = set()
        self.swept = 0
        self.just_stored: Callable[[str], None] = lambda _: None
        """Called when an object was stored and only the store and the transfer know."""
        self.died = False
        self.split_brain = False
        self.leader: Operator | None = None
        self.watches: dict[str, Watch] = {}
        self.epochs = 0
        self.retries_until_expiry = rng.random() < 0.1
        self.options = engine_options(
            capacity=Capacity(total=rng.choice((1, 2, 16)), per_namespace=rng.choice((1, 2, 8))),
            default_ttl=rng.choice((timedelta(hours=720), timedelta(0), timedelta(hours=2))),
        )
        self.metrics = Metrics(version="simulation")
        self.expiries = Expiries(self)
        self.checker = Checker(self)
        self.quotas = QuotaWatch(self, draw_quotas(rng) if "quota" in faults else {})
        self.moves = MoveWatch(self)
        self.applications = Applications(self)
        self.provider = Provider(self)
        self.clients = Clients(self)
        self.store.on_stored = self.quotas.stored
        self.store.on_deleted = self.moves.deleted
        self.api.listeners.append(self._noted)
        for location in self._draw_locations():
            self.locations[location.metadata.name] = location
            self.ready[location.metadata.name] = True
        self.policies = {name: location.spec.deletion_policies for name, location in self.locations.items()}
        self.moves_from = {name: location.spec.moves.from_ for name, location in self.locations.items()}

    def _draw_locations(self) -> list[StorageLocation]:
        delays = self.rng.choice(((120, 300, 600), (5,), ()))
        retry = RetryPolicy(
            delays=tuple(timedelta(seconds=delay) for delay in delays or (120,)),
            until_expiry=self.retries_until_expiry,
            refresh_grace=timedelta(minutes=self.rng.choice((0, 60))),
        )
        limits = Limits(concurrent_uploads=self.rng.choice((None, 1, 4)))
        gold = AllowedNamespaces(selector=LabelSelector(match_labels=dict(GOLD)))
        weights = self.rng.choice(((1, 0), (0, 1), (1, 1), (90, 10)))
        old = [self.rng.choice(list(MovedFrom)) for _ in range(3)]
        return [
            a_location(
                "archive",
                retry=retry,
                limits=limits,
                weight=weights[0],
                manifest=True,
                moved=old[0],
                quotas=self.quotas.of("archive"),
            ),
            a_location(
                "vault",
                allowed=gold,
                policies=(DeletionPolicy.RETAIN,),
                weight=weights[1],
                manifest=self.rng.random() < 0.5,
                moved=old[1],
                quotas=self.quotas.of("vault"),
            ),
            a_location("egress", allowed=gold, imports=OPEN, moved=old[2]),
        ]

    # Time

    def clock(self) -> datetime:
        """What the operators' clock shows."""
        return self.schedule.true_now + self.skew

    def certain_time(self) -> datetime:
        """What every clock has passed."""
        return min(self.clock(), self.schedule.true_now)

    def trace(self, who: str, what: object) -> None:
        """Note a step, if the trace is kept."""
        if self._trace is not None:
            self._trace.append(f"{self.schedule.elapsed_s:10.2f} {who:6} {describe(what)}")

    # Draws

    def latency_s(self) -> float:
        """How long a message takes."""
        return self.rng.choice((0.005, 0.01, 0.05, 0.5, 3.0 if "slow" in self.faults else 0.1))

    def watch_latency_s(self) -> float:
        """How late the watch is."""
        return self.rng.choice((0.01, 0.1, 0.3, 20.0 if "slow" in self.faults else 0.5))

    def repeats(self) -> bool:
        """Whether the watch shows this again later."""
        return "echo" in self.faults and self.rng.random() < 0.2

    def loses_request(self) -> bool:
        """Whether a request or its response is lost."""
        return "lossy" in self.faults and self.rng.random() < 0.1

    def floods(self) -> bool:
        """Whether the API server responds with 429."""
        return "flood" in self.faults and self.rng.random() < 0.3

    def api_is_down(self) -> bool:
        """Whether the API server does not respond at all."""
        return self.schedule.elapsed_s < self.api_down_until_s

    # Sources

    def fate_of(self, url: str) -> Fate:
        """What becomes of transfers from this URL."""
        return self.fates[url]

    def fate_of_copy(self, uid: str, artifact: str, *, parts: int) -> Fate:
        """What becomes of copies of this artifact."""
        name = f"copy of {uid} {artifact}"
        if name not in self.fates:
            self.fates[name] = draw_copy_fate(self.rng, parts=parts, faulty="sources" in self.faults)
        return self.fates[name]

    # Operators

    def start_operator(self) -> Operator:
        """A new leader: locations are probed, Recordings listed."""
        self.epochs += 1
        operator = self.leader = Operator(self, epoch=self.epochs)
        self.trace(operator.name, "starts")
        for name in list(self.locations):
            operator.post(LocationSeen(location=self.locations[name], ready=False, checked=False))
            self.probe(operator, name)
        self.schedule.after(5.0, lambda: operator.post(LocationsListed()))
        self.schedule.after(self.latency_s(), lambda: self._tell_of_holds(operator))
        self.schedule.after(self.latency_s(), lambda: self.applications.tell(operator))
        self.watches[operator.name] = Watch(operator)
        if self.quotas.quotas:
            self.schedule.after(1.0, lambda: self.quotas.follow(operator))
        self.schedule.after(1.0, lambda: self._sweep_finished(operator))
        self.schedule.after(1.0, lambda: self._sweep_uploads(operator))
        self.schedule.after(1.0, lambda: self._sweep_unsettled(operator))
        return operator

    def bury(self, operator: Operator) -> None:
        """The process is dead, and so is its watch."""
        operator.die()
        self.died = True
        watch = self.watches.pop(operator.name, None)
        if watch is not None:
            watch.close()
        if self.leader is operator:
            self.leader = None

    def probe(self, operator: Operator, name: str) -> None:
        """Check a location and report it."""

        def answer() -> None:
            if name in self.locations:
                ready = self.ready[name] and not self.store.down
                operator.post(LocationSeen(location=self.locations[name], ready=ready, message="no answer"))

        self.schedule.after(self.latency_s(), answer)

    def set_holds(self, holds: list[BudgetHold]) -> None:
        """Budgets changed: every operator that has listed the reports hears of it in a moment."""
        self.holds = holds
        self.trace("world", f"uploads are held by {[hold.report for hold in holds]}")
        for operator in self.living():
            self.schedule.after(self.latency_s(), partial(self._tell_of_holds, operator))

    def _tell_of_holds(self, operator: Operator) -> None:
        """The newest state, as a watch delivers it."""
        operator.post(BudgetHoldsChanged(holds=tuple(self.holds)))

    def lift_quotas(self) -> None:
        """There is room for all."""
        lifted, self.quotas.quotas = self.quotas.quotas, {}
        for name in lifted:
            if name in self.locations:
                self.locations[name] = self.without_quota(self.locations[name])
                self.tell_of_location(name)

    def without_quota(self, location: StorageLocation) -> StorageLocation:
        """The location as it is when its quota is lifted."""
        if self.quotas.quotas:
            return location
        return location.model_copy(update={"spec": location.spec.model_copy(update={"quotas": ()})})

    def tell_of_location(self, name: str) -> None:
        """A location changed. The watch of every operator reports it soon."""
        for operator in self.living():
            if name in self.locations:
                self.probe(operator, name)
            else:
                self.schedule.after(self.latency_s(), self._goner(operator, name))

    def _goner(self, operator: Operator, name: str) -> Callable[[], None]:
        return lambda: operator.post(LocationGone(name=name)) if name not in self.locations else None

    def living(self) -> list[Operator]:
        """Operators whose process runs, old ones included."""
        return [watch.operator for watch in self.watches.values() if watch.operator.alive]

    # Sweeps, as the operator makes them

    def sweep_finished_soon(self, operator: Operator) -> None:
        """After a new list. The list does not show what happened to finished Recordings in between."""
        self.schedule.after(60.0, lambda: self._look_at_finished(operator))

    def _sweep_finished(self, operator: Operator) -> None:
        if operator.alive:
            self._look_at_finished(operator)
            self.schedule.after(_FINISHED_EVERY_S, lambda: self._sweep_finished(operator))

    def _look_at_finished(self, operator: Operator) -> None:
        self.expiries.look(operator)
        near = TtlSchedule(default_ttl=self.options.default_ttl)
        for recording in list(self.api.recordings.values()):
            ends_at = near.ends_at(recording)
            ending = ends_at is not None and ends_at <= self.clock() + timedelta(hours=7.2)
            if not is_unfinished(recording) and (ending or was_changed(recording)):
                operator.post_in_order(RecordingSeen(recording=recording))

    def _sweep_unsettled(self, operator: Operator) -> None:
        if not operator.alive:
            return
        for recording in list(self.api.recordings.values()):
            if is_unsettled(recording):
                operator.post_in_order(RecordingSeen(recording=recording))
        self.schedule.after(_UNSETTLED_EVERY_S, lambda: self._sweep_unsettled(operator))

    def _sweep_uploads(self, operator: Operator) -> None:
        if not operator.alive:
            return
        live = {recording_uid(one) for one in self.api.recordings.values() if is_unfinished(one) or is_unsettled(one)}
        for upload in list(self.store.uploads.values()):
            if upload.uid not in live and self.schedule.elapsed_s - upload.since_s >= _OLD_S:
                known = {recording_uid(one.recording) for one in operator.engine.state.recordings.values()}
                failed = {recording_uid(one) for one in self.api.recordings.values() if has_failed_to_move(one)}
                if upload.uid not in known | failed:  # or the operator is about to abort it
                    self.swept += 1
                self.trace("sweep", f"aborts {upload.upload_id} of {upload.uid[:8]}")
                self.store.abort(upload.at) if not self.store.down else None
        self.schedule.after(_UPLOADS_EVERY_S, lambda: self._sweep_uploads(operator))

    def _noted(self, change: Change) -> None:
        if change.after is not None:
            self.moves.noted(change.after)
            status = change.after.status
            copies = status.move.artifacts if status.move is not None else ()
            for state in (*status.artifacts, *copies):
                if state.upload_id is not None and state.phase is not Phase.COMPLETE:
                    self.named_uploads.setdefault((change.recording.metadata.uid, state.name), set()).add(
                        state.upload_id
                    )
            self.clients.noted(change.after)
        self.checker.changed(change)
