"""What every replica of the operator does: it serves probes, waits for the Lease, leads and exits."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from recording_operator.controller.clock import Clock
from recording_operator.controller.health import Checks, HealthServer
from recording_operator.controller.leader import Leader
from recording_operator.controller.start_error import StartError
from recording_operator.kube.connection import Connection
from recording_operator.kube.errors import KubeError
from recording_operator.kube.lease import Leadership
from recording_operator.kube.readiness import check_ready
from recording_operator.kube.rest import RestClient
from recording_operator.logs import Redactor
from recording_operator.metrics import Metrics
from recording_operator.settings import Settings
from recording_operator.signals import on_end_signals

_END_WITHIN_S: Final = 8.0
"""Time from the signal to the exit, in addition to the grace period of transfers, for writing Events and the Lease."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOptions:
    """Options of the command line."""

    namespace: str
    http_host: str
    http_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """What every replica has, and from which a Leader is built."""

    namespace: str
    identity: str
    settings: Settings
    connection: Connection
    rest: RestClient
    clock: Clock
    metrics: Metrics
    register_secret: Callable[[str], None]
    stop: threading.Event
    """Set by the first signal."""


MakeLeader = Callable[[Replica, Leadership], Leader]
"""Raises StartError."""


class Process:
    """One operator process. `run` returns the exit status."""

    def __init__(
        self,
        *,
        options: ProcessOptions,
        settings: Settings,
        connection: Connection,
        redactor: Redactor,
        version: str,
        make_leader: MakeLeader,
    ) -> None:
        self._options = options
        self._metrics = Metrics(version=version)
        clock = Clock()
        self._replica = Replica(
            namespace=options.namespace,
            identity=f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}",
            settings=settings,
            connection=connection,
            rest=RestClient(connection, observer=self._metrics, on_server_time=clock.note_server_time),
            clock=clock,
            metrics=self._metrics,
            register_secret=redactor.register,
            stop=threading.Event(),
        )
        self._make_leader = make_leader
        self._stop_now = threading.Event()
        self._standing_by = False
        self._leader: Leader | None = None

    def run(self) -> int:
        """Start, work until a signal, drain. Raises StartError if the operator cannot start."""
        on_end_signals(first=self._on_first_signal, again=self._stop_now.set)
        health = self._listen()
        self._check()
        leadership = Leadership(
            self._replica.rest,
            namespace=self._replica.namespace,
            identity=self._replica.identity,
            on_lost=end_at_once,
            timings=self._replica.settings.lease_timings(),
        )
        health.start()
        self._standing_by = True
        if leadership.acquire(self._replica.stop):
            self._standing_by = False
            self._lead(leadership)
        health.stop()
        _logger.info("Ended")
        return 0

    def _lead(self, leadership: Leadership) -> None:
        """Lead until a signal. Release the Lease in any case, so that another replica takes over immediately."""
        self._metrics.set_leader(leading=True)
        try:
            self._leader = self._make_leader(self._replica, leadership)
            self._leader.run(self._replica.stop, stop_now=self._stop_now)
        finally:
            leadership.release()

    # Start

    def _listen(self) -> HealthServer:
        options = self._options
        checks = Checks(alive=self._alive, ready=self._ready)
        try:
            server = HealthServer(host=options.http_host, port=options.http_port, checks=checks, metrics=self._metrics)
        except OSError as error:
            where = f"{options.http_host or '*'}:{options.http_port}"
            raise StartError(
                f"Cannot listen on {where} ({error.strerror}). Choose another address with --http-host and --http-port."
            ) from None
        _logger.info("Listening on %s for /healthz, /readyz and /metrics", server.address)
        return server

    def _check(self) -> None:
        try:
            problems = check_ready(self._replica.rest, operator_namespace=self._replica.namespace)
        except KubeError as error:
            where = self._replica.connection.server
            raise StartError(f"The API server at {where} does not respond: {error}") from None
        if problems:
            raise StartError("; ".join(problems))

    # Signals

    def _on_first_signal(self) -> None:
        """Begin to drain. A timer ends the process if a call does not return."""
        drain_s = 0.0 if self._leader is None else 1.5 * self._replica.settings.shutdown.grace.total_seconds()
        limit = threading.Timer(drain_s + _END_WITHIN_S, _end_late)
        limit.daemon = True
        limit.start()
        self._replica.stop.set()

    # Probes

    def _alive(self) -> str | None:
        return None if self._leader is None else self._leader.fault()

    def _ready(self) -> str | None:
        if self._standing_by:
            return None
        if self._leader is None or not self._leader.listed:
            return "the first list is not complete yet"
        return self._leader.fault()


def _end_late() -> None:
    _logger.critical("Exiting: a call did not return in time. The next operator resumes the open uploads")
    logging.shutdown()
    os._exit(0)


def end_at_once(why: str) -> None:
    """Exit without any clean-up or last write, because another operator may be working already."""
    _logger.critical("Exiting at once: %s", why)
    logging.shutdown()
    os._exit(3)
