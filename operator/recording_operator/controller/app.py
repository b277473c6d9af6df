"""The operator as a process: what is made, in which order it starts, and how it ends."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from pydantic import ValidationError

from recording_operator.api.recording import Claim, Recording
from recording_operator.controller.bandwidth import BandwidthLimits
from recording_operator.controller.clock import Clock
from recording_operator.controller.dispatch import Dispatcher
from recording_operator.controller.fairpool import FairPool
from recording_operator.controller.health import Checks, HealthServer
from recording_operator.controller.locations import LocationKeeper
from recording_operator.controller.loop import ControlLoop
from recording_operator.controller.refresh import Refresher
from recording_operator.controller.reports import ReportKeeper
from recording_operator.controller.sources import SourceResolver
from recording_operator.controller.stores import S3Stores
from recording_operator.controller.sweep import Sweeper, SweepIntervals
from recording_operator.controller.transfers import TransferRunner
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.actions import Action
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import Fact, RecordingGone, RecordingSeen, RecordingsListed
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection
from recording_operator.kube.errors import KubeError
from recording_operator.kube.events import EventRecorder
from recording_operator.kube.fence import FencedClient
from recording_operator.kube.lease import Leadership
from recording_operator.kube.readiness import check_ready
from recording_operator.kube.rest import RestClient
from recording_operator.logs import Redactor
from recording_operator.memory import give_back
from recording_operator.metrics import Metrics
from recording_operator.settings import Settings
from recording_operator.signals import on_end_signals

LOOP_SILENCE_S: Final = 60.0
WATCH_SILENCE_S: Final = 120.0
_API_THREADS: Final = 8
_TICK_S: Final = 1.0
_GIVE_BACK_EVERY_S: Final = 60.0
_END_WITHIN_S: Final = 8.0
"""From the signal to the end, besides the time that transfers have: Events and the Lease are written in it."""
_WATCHED: Final = ("recordings", "storagelocations")

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The operator cannot start. The text is one line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What the command line says."""

    namespace: str
    http_host: str
    http_port: int


class Watching(Protocol):
    """What the application needs of a watcher; `handlers.Watcher` is the one there is."""

    listed: threading.Event

    @property
    def health(self) -> "WatchingHealth": ...

    def run(self, stop: threading.Event) -> None: ...


class WatchingHealth(Protocol):
    """How long the watches have been silent."""

    def seconds_since_last_byte(self, resource: str) -> float: ...

    def problem(self, *, limit_s: float = ...) -> str | None: ...


MakeWatcher = Callable[..., Watching]


class App:
    """One operator process. `run` returns the exit status."""

    def __init__(
        self,
        *,
        options: AppOptions,
        settings: Settings,
        connection: Connection,
        redactor: Redactor,
        version: str,
        make_watcher: MakeWatcher,
    ) -> None:
        self._options = options
        self._settings = settings
        self._connection = connection
        self._redactor = redactor
        self._make_watcher = make_watcher
        self._stop = threading.Event()
        self._impatient = threading.Event()
        self._metrics = Metrics(version=version)
        self._identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._clock = Clock()
        self._loop: ControlLoop | None = None
        self._watcher: Watching | None = None
        self._standing_by = False

    def run(self) -> int:
        """Start, work until a signal, drain. Raises StartError."""
        on_end_signals(first=self._asked_to_end, again=self._impatient.set)
        health = self._listen()
        rest = RestClient(self._connection, observer=self._metrics, heard=self._clock.heard)
        self._check(rest)
        leadership = Leadership(
            rest,
            namespace=self._options.namespace,
            identity=self._identity,
            on_lost=_end_at_once,
            timings=self._settings.lease_timings(),
        )
        health.start()
        self._standing_by = True
        if leadership.acquire(self._stop):
            self._standing_by = False
            self._metrics.set_leader(leading=True)
            self._lead(rest, leadership)
            leadership.release()
        health.stop()
        _log.info("Ended")
        return 0

    # Start

    def _listen(self) -> HealthServer:
        options = self._options
        checks = Checks(alive=self._alive, ready=self._ready)
        try:
            server = HealthServer(host=options.http_host, port=options.http_port, checks=checks, metrics=self._metrics)
        except OSError as error:
            where = f"{options.http_host or '*'}:{options.http_port}"
            raise StartError(
                f"cannot listen on {where} ({error.strerror}); choose another with --http-host and --http-port"
            ) from None
        _log.info("Listening on %s for /healthz, /readyz and /metrics", server.address)
        return server

    def _check(self, rest: RestClient) -> None:
        try:
            problems = check_ready(rest, operator_namespace=self._options.namespace)
        except KubeError as error:
            raise StartError(f"the API server at {self._connection.server} does not answer: {error}") from None
        if problems:
            raise StartError("; ".join(problems))

    def _asked_to_end(self) -> None:
        """The first signal. The end has a limit of its own: a call that does not return must not keep the process."""
        drain_s = 0.0 if self._loop is None else 1.5 * self._settings.shutdown.grace.total_seconds()
        limit = threading.Timer(drain_s + _END_WITHIN_S, _end_late)
        limit.daemon = True
        limit.start()
        self._stop.set()

    # Work

    def _lead(self, rest: RestClient, leadership: Leadership) -> None:
        settings = self._settings
        fenced = FencedClient(rest, may_change=leadership.held)
        kube = KubeApi(fenced)
        claim = Claim(holder=self._identity, transitions=leadership.epoch)
        engine = Engine(claim=claim, options=settings.engine_options())
        api_pool = ThreadPoolExecutor(max_workers=_API_THREADS, thread_name_prefix="api")
        probe_pool = ThreadPoolExecutor(max_workers=_API_THREADS, thread_name_prefix="probe")
        events = EventRecorder(fenced, instance=self._identity, on_drop=self._metrics.event_dropped)
        cluster_id = self._cluster_id(kube)

        def act(action: Any) -> None:
            dispatcher(action)

        loop = self._loop = ControlLoop(engine, act=act, clock=self._clock)
        connections = settings.transfers.concurrent * settings.transfers.workers
        stores = S3Stores(cluster_id=cluster_id, connections=connections)
        bandwidth = BandwidthLimits(operator_limit=settings.transfers.bandwidth_per_second, metrics=self._metrics)
        locations = LocationKeeper(
            kube=kube,
            stores=stores,
            post=loop.post,
            pool=probe_pool,
            metrics=self._metrics,
            bandwidth=bandwidth,
            operator_namespace=self._options.namespace,
            probe_interval=settings.locations.probe_interval,
            retry_interval=settings.locations.retry_interval,
            register_secret=self._redactor.register,
            now=self._clock.now,
        )
        resolver = SourceResolver(kube, register_secret=self._redactor.register)
        transfers = TransferRunner(
            stores=locations,
            resolver=resolver,
            dialer=Dialer(settings.source_policy),
            post=loop.post,
            metrics=self._metrics,
            options=settings.transfer_options(),
            bandwidth=bandwidth,
            concurrent=settings.transfers.concurrent,
        )
        dispatcher = Dispatcher(
            kube=kube,
            leadership=leadership,
            events=events,
            transfers=transfers,
            resolver=resolver,
            locations=locations,
            post=loop.post,
            pool=FairPool(api_pool),
            metrics=self._metrics,
            on_deposed=_end_at_once,
        )
        sweeper = Sweeper(
            kube=kube,
            locations=locations,
            post=loop.post,
            intervals=SweepIntervals(
                finished=settings.sweep.finished_interval,
                uploads=settings.sweep.uploads_interval,
                upload_min_age=settings.sweep.upload_min_age,
            ),
            default_ttl=settings.recordings.ttl_after_finished,
            owns_prefix=stores.owns_prefix,
            leads=leadership.held,
            now=self._clock.now,
        )
        refresher = Refresher(
            kube=kube,
            clients=locations,
            operator_namespace=self._options.namespace,
            stopping=self._stop.is_set,
        )
        reports = ReportKeeper(
            kube=kube,
            refresher=refresher,
            events=events,
            metrics=self._metrics.reports,
            metric_orgs=settings.reports.metric_orgs,
            leads=leadership.held,
            now=self._clock.now,
        )
        give_back()  # what starting took
        loop.start()
        watch_stop = self._watch(loop.post, locations, sweeper)
        self._tend(loop, locations, sweeper, reports)
        self._drain(loop)
        watch_stop.set()
        loop.stop(timeout_s=_TICK_S)
        events.close(timeout_s=_TICK_S * 2)

    def _watch(self, post: Callable[[Fact], None], locations: LocationKeeper, sweeper: Sweeper) -> threading.Event:
        def on_recording(kind: str, raw: dict[str, Any]) -> None:
            if kind == "DELETED":
                post(RecordingGone(uid=raw["metadata"]["uid"]))
                return
            try:
                post(RecordingSeen(recording=Recording.model_validate(raw)))
            except ValidationError:
                meta = raw["metadata"]
                extra = {"namespace": meta.get("namespace"), "recording": meta.get("name"), "uid": meta.get("uid")}
                _log.error("The Recording cannot be read: its CRD is not this operator's", extra=extra)

        def on_location(kind: str, raw: dict[str, Any]) -> None:
            if kind == "DELETED":
                locations.gone(raw["metadata"]["name"])
            else:
                locations.seen(raw)

        def on_listed(resource: str, uids: frozenset[str]) -> None:
            if resource == "storagelocations":
                locations.listed(uids)
            else:
                post(RecordingsListed(uids=uids))
                sweeper.look_soon()

        watcher = self._watcher = self._make_watcher(
            self._connection, on_recording=on_recording, on_location=on_location, on_listed=on_listed
        )
        for resource in _WATCHED:
            self._metrics.watch_silence_from(resource, partial(watcher.health.seconds_since_last_byte, resource))
        stop = threading.Event()
        threading.Thread(target=watcher.run, args=(stop,), name="watch", daemon=True).start()
        return stop

    def _tend(self, loop: ControlLoop, locations: LocationKeeper, sweeper: Sweeper, reports: ReportKeeper) -> None:
        """What time alone brings about, until a signal comes."""
        sweeping: threading.Thread | None = None
        reporting: threading.Thread | None = None
        gave_back_s = time.monotonic()
        while not self._stop.wait(_TICK_S):
            if time.monotonic() - gave_back_s > _GIVE_BACK_EVERY_S:
                give_back()
                gave_back_s = time.monotonic()
            locations.tick()
            loop.call(self._take_census)
            listed = self._watcher is not None and self._watcher.listed.is_set()
            if listed and (sweeping is None or not sweeping.is_alive()):
                sweeping = threading.Thread(target=sweeper.run_due, name="sweep", daemon=True)
                sweeping.start()
            if listed and locations.checked and reporting is None:
                reporting = threading.Thread(target=reports.run, args=(self._stop,), name="reports", daemon=True)
                reporting.start()

    def _take_census(self, engine: Engine, now: datetime) -> list[Action]:
        census = engine.census(now)
        self._metrics.set_recordings(census.phases, expiring=census.expiring)
        self._metrics.set_queue_depth(census.waiting)
        return []

    def _drain(self, loop: ControlLoop) -> None:
        """Finish what ends in time, put the rest back, write it all down."""
        grace_s = self._settings.shutdown.grace.total_seconds()
        _log.info("Stopping: transfers have %g s to end, the rest goes on with the next operator", grace_s)
        loop.call(lambda engine, now: engine.drain(now))
        self._until_idle(loop, time.monotonic() + grace_s, give_up=self._impatient)
        loop.call(lambda engine, _now: engine.stop_all())
        self._until_idle(loop, time.monotonic() + grace_s / 2, give_up=None)

    def _until_idle(self, loop: ControlLoop, deadline_s: float, *, give_up: threading.Event | None) -> None:
        pause = threading.Event()
        while time.monotonic() < deadline_s and not (give_up is not None and give_up.is_set()):
            if loop.ask(Engine.idle, timeout_s=_TICK_S):
                return
            pause.wait(_TICK_S / 10)

    def _cluster_id(self, kube: KubeApi) -> str:
        try:
            return kube.namespace_uid("kube-system")
        except KubeError as error:
            raise StartError(f"the namespace kube-system, which names this cluster, cannot be read: {error}") from None

    # Probes

    def _alive(self) -> str | None:
        loop = self._loop
        if loop is not None and time.monotonic() - loop.beat_s > LOOP_SILENCE_S:
            return "the control loop stands still"
        if self._watcher is not None:
            return self._watcher.health.problem(limit_s=WATCH_SILENCE_S)
        return None

    def _ready(self) -> str | None:
        if self._standing_by:
            return None
        if self._watcher is None or not self._watcher.listed.is_set():
            return "the first list is not complete"
        return self._alive()


def _end_late() -> None:
    _log.critical("Ending now: something has not returned in time; the next operator goes on with what is open")
    logging.shutdown()
    os._exit(0)


def _end_at_once(why: str) -> None:
    """Another operator may work from this moment on: no clean-up, no last write, nothing."""
    _log.critical("Ending at once: %s", why)
    logging.shutdown()
    os._exit(3)
