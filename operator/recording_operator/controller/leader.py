"""What only the leader does: it watches, reconciles, transfers, sweeps and reports until a signal, and then drains."""

import logging
import threading
import time
from datetime import datetime
from typing import Final

from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.quotas import QuotaKeeper
from recording_operator.controller.loop import ControlLoop
from recording_operator.controller.notifications.cluster import ClusterOutbox
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.reports.holds import HoldKeeper
from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.sweep import Sweeper
from recording_operator.controller.watching import Watching
from recording_operator.engine.actions import Action
from recording_operator.engine.engine import Engine
from recording_operator.kube.events import EventRecorder
from recording_operator.memory import trim_heap
from recording_operator.metrics import Metrics

LOOP_SILENCE_S: Final = 60.0
WATCH_SILENCE_S: Final = 120.0
_TICK_S: Final = 1.0
_TRIM_EVERY_S: Final = 60.0
_PAUSE_AFTER_ERROR_S: Final = 60.0

_logger = logging.getLogger(__name__)


class Leader:
    """Runs the parts of the leader. Call `run` once."""

    def __init__(
        self,
        *,
        loop: ControlLoop,
        watcher: Watching,
        locations: LocationKeeper,
        sweeper: Sweeper,
        reports: ReportKeeper,
        holds: HoldKeeper,
        sinks: SinkKeeper,
        outbox: ClusterOutbox,
        quotas: QuotaKeeper,
        events: EventRecorder,
        metrics: Metrics,
        grace_s: float,
    ) -> None:
        self._loop = loop
        self._watcher = watcher
        self._locations = locations
        self._sweeper = sweeper
        self._reports = reports
        self._holds = holds
        self._sinks = sinks
        self._outbox = outbox
        self._quotas = quotas
        self._events = events
        self._metrics = metrics
        self._grace_s = grace_s

    def run(self, stop: threading.Event, *, stop_now: threading.Event) -> None:
        """Work until `stop` is set, then drain until the grace period ends or `stop_now` is set."""
        trim_heap()  # memory that only the start needed
        self._loop.start()
        watch_stop = threading.Event()
        threading.Thread(target=self._watcher.run, args=(watch_stop,), name="watch", daemon=True).start()
        threading.Thread(target=self._sweep, args=(stop,), name="sweep", daemon=True).start()
        threading.Thread(target=self._report, args=(stop,), name="reports", daemon=True).start()
        self._run_periodic_work(stop)
        self._drain(stop_now)
        watch_stop.set()
        self._loop.stop(timeout_s=_TICK_S)
        self._events.close(timeout_s=_TICK_S * 2)

    # Probes

    @property
    def listed(self) -> bool:
        """Whether the first list of every resource is complete."""
        return self._watcher.listed.is_set()

    def fault(self) -> str | None:
        """A problem that the process cannot recover from, in one line; None if there is none. Then /healthz fails."""
        if time.monotonic() - self._loop.beat_s > LOOP_SILENCE_S:
            return "the control loop is stuck"
        return self._watcher.health.problem(limit_s=WATCH_SILENCE_S)

    # Work

    def _run_periodic_work(self, stop: threading.Event) -> None:
        """Do what is due at regular intervals, until `stop` is set."""
        trimmed_s = time.monotonic()
        while not stop.wait(_TICK_S):
            if time.monotonic() - trimmed_s > _TRIM_EVERY_S:
                trim_heap()
                trimmed_s = time.monotonic()
            self._locations.tick()
            self._holds.tick()
            self._outbox.tick()
            self._sinks.tick()
            self._quotas.tick()
            self._loop.call(self._count_queue)

    def _count_queue(self, engine: Engine, now: datetime) -> list[Action]:
        snapshot = engine.snapshot(now)
        self._metrics.set_recordings(snapshot.phases, expiring=snapshot.expiring)
        self._metrics.set_held(snapshot.held)
        self._metrics.set_queue_depth(snapshot.waiting)
        self._quotas.note(engine.quota_report())
        pending = engine.pending_notifications()
        self._sinks.note_pending(pending)
        self._metrics.set_sinks(self._sinks.readiness(), pending=pending.total())
        return []

    def _sweep(self, stop: threading.Event) -> None:
        while not stop.wait(_TICK_S):
            if self.listed:
                try:
                    self._sweeper.run_due()
                except Exception:
                    _logger.exception("A sweep failed with an unexpected error")
                    stop.wait(_PAUSE_AFTER_ERROR_S)

    def _report(self, stop: threading.Event) -> None:
        while not stop.wait(_TICK_S):
            if self.listed and self._locations.checked:
                self._reports.run(stop)

    # End

    def _drain(self, stop_now: threading.Event) -> None:
        """Let transfers finish within the grace period, stop the others, and write all statuses."""
        _logger.info("Stopping: transfers have %g s to finish; the next operator resumes the others", self._grace_s)
        self._loop.call(lambda engine, now: engine.drain(now))
        self._until_idle(time.monotonic() + self._grace_s, give_up=stop_now)
        self._loop.call(lambda engine, _now: engine.stop_all())
        self._until_idle(time.monotonic() + self._grace_s / 2, give_up=None)

    def _until_idle(self, deadline_s: float, *, give_up: threading.Event | None) -> None:
        pause = threading.Event()
        while time.monotonic() < deadline_s and not (give_up is not None and give_up.is_set()):
            if self._loop.evaluate(Engine.idle, timeout_s=_TICK_S):
                return
            pause.wait(_TICK_S / 10)
