"""One operator process of the simulation: a real engine and a real dispatcher, in a world that can kill both."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim
from recording_operator.controller.clock import Clock
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.dispatch import Dispatcher, Handler, InlineHandler
from recording_operator.controller.recordings.fairpool import FairPool
from recording_operator.controller.recordings.handlers import action_handlers
from recording_operator.controller.recordings.manifests import ManifestWriter
from recording_operator.controller.recordings.removal import Removal
from recording_operator.controller.recordings.requests import RecordingRequests
from recording_operator.controller.sources import SourceResolver
from recording_operator.engine.actions import Action, CountOutcome
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import Fact, RecordingsListed, TransferFailed
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.stores.location_store import LocationStore
from tests.engine.simulation.edges import ApiClient, NoEvents, StoreClient, VirtualPool
from tests.engine.simulation.transfers import Transfer

if TYPE_CHECKING:
    from tests.engine.simulation.world import World

_LONGEST_SLEEP = timedelta(seconds=30)
_TICKS_AT_ONE_INSTANT = 10


class Operator:
    """An engine and what carries out its actions; delays, losses and rejections are drawn by the world."""

    def __init__(self, world: "World", *, epoch: int) -> None:
        self.world = world
        self.name = f"op-{epoch}"
        self.claim = Claim(holder=self.name, transitions=epoch)
        self.engine = Engine(claim=self.claim, options=world.options)
        self.clock = Clock(
            wall_s=lambda: world.clock().timestamp(), steady_s=lambda: world.schedule.elapsed_s - self._booted_s
        )
        self._booted_s = world.rng.random() * -1e6  # a machine that runs for some days
        self.alive = True
        self.listed = False
        self.stopping = False
        self.transfers: dict[tuple[str, str], Transfer] = {}
        self._wake_at: datetime | None = None
        kube = KubeApi(ApiClient(self))
        self.resolver = SourceResolver(
            kube, providers=world.provider.urls_of(self, kube), register_secret=lambda _: None
        )
        self._dispatch = self._dispatcher()

    def die(self) -> None:
        """kill -9."""
        self.alive = False
        self.transfers.clear()

    # The control loop

    def post(self, fact: Fact) -> None:
        """Pass a fact to the engine."""
        if not self.alive:
            return
        now = self._time()  # what follows from a step of the clock is decided before the engine hears of the fact
        self.world.trace(self.name, fact)
        self.listed = self.listed or isinstance(fact, RecordingsListed)
        with self.world.checker.observing(self, fact):
            actions = self.engine.observe(fact, now)
        self._carry_out(actions)

    def post_in_order(self, fact: Fact) -> None:
        """Pass a fact to the engine after those that were posted before."""
        self.world.schedule.after(0, lambda: self.post(fact))

    def drain(self) -> None:
        """SIGTERM."""
        self.stopping = True
        self._carry_out(self.engine.drain(self._time()))

    def stop_all(self) -> None:
        """The grace period is over."""
        self._carry_out(self.engine.stop_all())

    def _carry_out(self, actions: list[Action]) -> None:
        self._act(actions)
        ticks = 0
        while (due := self.engine.next_due()) is not None and due <= self._time():
            ticks += 1
            assert ticks < _TICKS_AT_ONE_INSTANT, f"busy loop: due at {due}, and a tick does not change that"
            self._act(self.engine.tick(self._time()))
        self.world.checker.engine_rests(self)
        self._sleep()

    def _sleep(self) -> None:
        due = self.engine.next_due()
        if due is None:
            return
        schedule = self.world.schedule
        # As the control loop, which looks at the clock every few seconds, and so sees that it was set.
        at = schedule.true_now + min(max(due - self.clock.now(), timedelta(0)), _LONGEST_SLEEP)
        if self._wake_at is None or at < self._wake_at or self._wake_at <= schedule.true_now:
            self._wake_at = at
            schedule.at(at, self.wake)

    def wake(self) -> None:
        """What the loop does when nothing was posted for a while: it looks at the clock, and what is due by it."""
        if self.alive:
            self._time()
            self._carry_out([])

    def _time(self) -> datetime:
        """The clock, and what follows where it was set."""
        now = self.clock.now()
        if step := self.clock.take_step():
            self.world.trace(self.name, f"the clock steps by {step}")
            self._act(self.engine.clock_stepped(step, now))
        return now

    # Actions

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if not isinstance(action, CountOutcome):
                self.world.trace(self.name, action)
            self.world.checker.acting(self, action)
            self._dispatch(action)

    def _dispatcher(self) -> Dispatcher:
        """The real one, on this world's API server and store, in this world's time."""
        kube, metrics = KubeApi(ApiClient(self)), self.world.metrics
        handlers = action_handlers(
            requests=RecordingRequests(kube, lease=self, observer=metrics, on_deposed=lambda _: self.die()),
            removal=Removal(self),
            manifests=ManifestWriter(self),
            announcements=Announcements(events=NoEvents(), metrics=metrics),
            executor=self,
            resolver=self.resolver,
            announcer=self.world.applications.announcer(self),
            probe=lambda name: self.world.probe(self, name),
        )
        return Dispatcher(
            {action: self._watched(handler) for action, handler in handlers.items()},
            post=self._hear,
            pool=FairPool(VirtualPool(self.after)),
            others_pool=FairPool(VirtualPool(self.after)),
            may_change=self.held,
            later=self._later,
        )

    def _watched(self, handler: Handler) -> Handler:
        """The dispatcher survives every error; the simulation survives only those that a handler may raise."""
        if isinstance(handler, InlineHandler):
            return handler

        def run(action: Action) -> Iterable[Fact]:
            try:
                return handler.run(action)
            except (KubeError, TransferError, LocationError):
                raise
            except Exception as error:
                self.world.schedule.fail(error)
                raise

        return replace(handler, run=run)

    def _hear(self, fact: Fact) -> None:
        """The result of a request, when its response has arrived."""
        self._later(self.world.latency_s(), lambda: self.post(fact))

    def _later(self, delay_s: float, step: Callable[[], None]) -> None:
        self.world.schedule.after(delay_s, lambda: step() if self.alive else None)

    def after(self, step: Callable[[], None]) -> None:
        """Do something when a message has arrived, if this process still lives."""
        self._later(self.world.latency_s(), step)

    # The Lease, the stores and the executor, as the dispatcher uses them

    def held(self) -> bool:
        """A process that has lost the Lease does not know it yet."""
        return True

    def confirm(self) -> bool:
        """Read the leader from the Lease. Raises KubeError."""
        ApiClient(self).reach()
        return self.world.leader is self

    def store_named(self, location: str, *, uid: str) -> LocationStore:  # noqa: ARG002 - as StoreSource
        """The store of a location. Raises LocationError."""
        if location not in self.world.locations:
            raise LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")
        return cast("LocationStore", StoreClient(self.world, location))

    def start(self, order: TransferOrder) -> None:
        """Begin a transfer."""
        self.transfers[order.uid, order.artifact] = Transfer(self, order)

    def stop(self, uid: str, artifact: str) -> None:
        """End a transfer soon."""
        if (running := self.transfers.get((uid, artifact))) is not None:
            running.request_stop()

    def admitted(self, uid: str, artifact: str) -> None:
        """There is room for it."""
        if (running := self.transfers.get((uid, artifact))) is not None:
            running.answered(None)

    def rejected(self, uid: str, artifact: str, *, message: str, is_final: bool) -> None:
        """There is no room for it."""
        if (running := self.transfers.get((uid, artifact))) is not None:
            running.answered(TransferFailed(reason=Reason.QUOTA_EXCEEDED, message=message, is_final=is_final))

    def persisted(self, uid: str, artifact: str) -> None:
        """The status names its upload."""
        if (running := self.transfers.get((uid, artifact))) is not None:
            running.persisted()
