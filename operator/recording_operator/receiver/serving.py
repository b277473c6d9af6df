"""One receiver process: creates its parts, serves until a signal, and ends in order."""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from recording_operator.api.names import API_VERSION, RECORDING_SOURCE_KIND, RECORDING_SOURCE_PLURAL
from recording_operator.api.reasons import Reason
from recording_operator.controller.clock import Clock
from recording_operator.controller.health import Checks, HealthServer
from recording_operator.controller.start_error import StartError
from recording_operator.kube.connection import Connection
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.receiving import ReceiverApi
from recording_operator.kube.rest import RestClient
from recording_operator.kube.watch import Watcher
from recording_operator.receiver.app import Parts, make_app
from recording_operator.receiver.bodies import BodyLimits, BodyReader
from recording_operator.receiver.intake import Intake
from recording_operator.receiver.metrics import ReceiverMetrics
from recording_operator.receiver.processing import Processor
from recording_operator.receiver.secretkeeper import SecretKeeper
from recording_operator.receiver.sources import KnownSource, SourceBook
from recording_operator.receiver.statuses import StatusWriter
from recording_operator.receiver.workers import QueueLimits, Workers
from recording_operator.settings import ReceiverSettings
from recording_operator.signals import on_end_signals
from recording_operator.webserver.connections import ConnectionLimits, Connections
from recording_operator.webserver.server import HttpServer

_USER_AGENT: Final = "recording-operator-receiver"
_JOIN_S: Final = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverOptions:
    """Options of the command line."""

    http_host: str
    http_port: int
    metrics_port: int


class Receiver:
    """One receiver process. `run` returns the exit status."""

    def __init__(
        self,
        *,
        options: ReceiverOptions,
        settings: ReceiverSettings,
        connection: Connection,
        register_secret: Callable[[str], None],
        version: str,
    ) -> None:
        self._options = options
        self._settings = settings
        self._stop = threading.Event()
        self._stop_now = threading.Event()
        clock = Clock()
        self._metrics = ReceiverMetrics(version=version)
        self._connections = Connections(
            ConnectionLimits(
                connections=settings.connections, header_timeout_s=settings.header_timeout.total_seconds()
            ),
            on_closed=lambda reason: self._metrics.connection_closed(reason=reason),
        )
        rest = RestClient(
            connection,
            user_agent=_USER_AGENT,
            observer=self._metrics,
            connections=settings.threads + 3,
            on_server_time=clock.note_server_time,
        )
        api = ReceiverApi(rest)
        self._events = EventRecorder(rest, instance=socket.gethostname())
        self._keeper = SecretKeeper(api, register_secret=register_secret)
        self._book = SourceBook(on_seen=self._keeper.read_soon)
        self._statuses = StatusWriter(api, now=clock.now)
        self._workers = Workers(_queue_limits(settings), on_depth=self._metrics.set_queue_depth)
        self._watcher = Watcher(
            connection, on_change={RECORDING_SOURCE_PLURAL: self._book.on_change}, on_listed=self._book.on_listed
        )
        intake = Intake(api, on_left_out=self._metrics.content_left_out)
        self._app = make_app(
            Parts(
                book=self._book,
                bodies=BodyReader(_body_limits(settings)),
                workers=self._workers,
                processor=Processor(intake, on_conflict=self._report_conflict),
                statuses=self._statuses,
                metrics=self._metrics,
                now=clock.now,
            )
        )
        self._server: HttpServer | None = None

    def run(self) -> int:
        """Serve until a signal, then finish what has begun. Raises StartError if a port is not available."""
        on_end_signals(first=self._stop.set, again=self._stop_now.set)
        self._server, health = self._listen()
        background = [
            threading.Thread(target=target, args=arguments, name=name, daemon=True)
            for name, target, arguments in (
                ("watch", self._watcher.run, (self._stop_now,)),
                ("secrets", self._keeper.run, (self._book, self._stop_now)),
            )
        ]
        statuses = threading.Thread(
            target=self._statuses.run, args=(self._book, self._stop_now), name="statuses", daemon=True
        )
        for thread in (*background, statuses):
            thread.start()
        self._server.start()
        health.start()
        self._stop.wait()
        # Not ready any more, but still accepting: load balancers need a moment to notice.
        self._stop_now.wait(self._settings.shutdown_delay.total_seconds())
        self._server.stop()
        self._workers.close()
        self._stop_now.set()
        statuses.join(_JOIN_S)
        self._events.close(timeout_s=_JOIN_S)
        health.stop()
        _logger.info("Ended")
        return 0

    def _listen(self) -> tuple[HttpServer, HealthServer]:
        options, checks = self._options, Checks(alive=self._alive, ready=self._ready)
        port = options.http_port
        try:
            server = HttpServer(self._app, host=options.http_host, port=port, connections=self._connections)
            port = options.metrics_port
            health = HealthServer(host=options.http_host, port=port, checks=checks, metrics=self._metrics)
        except OSError as error:
            raise StartError(
                f"Cannot listen on {options.http_host or '*'}:{port} ({error.strerror}). Choose another address with "
                "--http-host, --http-port and --metrics-port."
            ) from None
        _logger.info("Listening on port %d for deliveries", server.port)
        _logger.info("Listening on %s for /healthz, /readyz and /metrics", health.address)
        return server, health

    def _report_conflict(self, known: KnownSource) -> None:
        metadata = known.source.metadata
        names = {"namespace": metadata.namespace, "name": metadata.name, "uid": metadata.uid}
        self._events.emit(
            {"apiVersion": API_VERSION, "kind": RECORDING_SOURCE_KIND, "metadata": names},
            reason=Reason.NAME_TAKEN.value,
            action="Receiving",
            note="An object of another origin has the name that a delivery needs. The log of the receiver names it.",
            event_type=EventType.WARNING,
        )

    def _alive(self) -> str | None:
        if self._server is not None and not self._server.alive and not self._stop.is_set():
            return "the HTTP server has ended"
        return self._watcher.health.problem()

    def _ready(self) -> str | None:
        if self._stop.is_set():
            return "the receiver is ending"
        return None if self._book.complete else "the RecordingSources and their Secrets are not read yet"


def _queue_limits(settings: ReceiverSettings) -> QueueLimits:
    return QueueLimits(
        threads=settings.threads,
        waiting=settings.queue,
        longest_wait_s=settings.queue_wait.total_seconds(),
    )


def _body_limits(settings: ReceiverSettings) -> BodyLimits:
    return BodyLimits(
        size_bytes=settings.body_bytes,
        timeout_s=settings.body_timeout.total_seconds(),
        together_bytes=settings.bodies_together,
    )
