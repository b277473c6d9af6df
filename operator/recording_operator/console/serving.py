"""One console process: creates its parts, serves until a signal, and ends in order."""

import logging
import threading
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from recording_operator.catalog.database import open_database
from recording_operator.catalog.downloads import DownloadTable
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.keys import SharedKeys
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.sessions import SessionTable
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.app import make_app
from recording_operator.console.auth.access import AccessReviewer
from recording_operator.console.auth.callers import Caller
from recording_operator.console.auth.rates import RequestRates
from recording_operator.console.auth.setup import make_authenticator
from recording_operator.console.files.directories import LinkedDirectories
from recording_operator.console.files.links import FileLink, LinkSigner, PartLink
from recording_operator.console.files.presigning import LONGEST_OF_CONSOLE
from recording_operator.console.files.stores import ConsoleStores
from recording_operator.console.filling import Filling, FillTarget
from recording_operator.console.metrics import ConsoleMetrics
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem
from recording_operator.console.protection import protected
from recording_operator.console.uploads.places import PartPlaces
from recording_operator.controller.clock import Clock
from recording_operator.controller.health import Checks, HealthServer
from recording_operator.controller.start_error import StartError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection, NoToken, Pem
from recording_operator.kube.resources import Resources
from recording_operator.kube.rest import RestClient
from recording_operator.settings import ConsoleSettings
from recording_operator.signals import on_end_signals
from recording_operator.webserver.connections import ConnectionLimits, Connections
from recording_operator.webserver.server import HttpServer

_LINKS: Final = "links"
_SESSIONS: Final = "sessions"
_USER_AGENT: Final = "recording-operator-console"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """Options of the command line."""

    http_host: str
    http_port: int
    metrics_port: int
    database_url: str
    namespace: str
    """That of the operator, with the Secrets of StorageLocations."""
    roots: tuple[str, ...] = ()
    """The directories below which those of StorageLocations may be."""
    settings: ConsoleSettings = field(default_factory=ConsoleSettings)


class Console:
    """One console process. `run` returns the exit status."""

    def __init__(self, *, options: ConsoleOptions, connection: Connection, version: str) -> None:
        self._options = options
        self._stop = threading.Event()
        clock = Clock()
        self._metrics = ConsoleMetrics(version=version)
        try:
            engine = open_database(options.database_url)
        except CatalogError as error:
            raise StartError(str(error)) from None
        rest = RestClient(
            connection, user_agent=_USER_AGENT, observer=self._metrics, on_server_time=clock.note_server_time
        )
        kube, reader, writer = KubeApi(rest), CatalogReader(engine), CatalogWriter(engine)
        stores = ConsoleStores(kube, operator_namespace=options.namespace, roots=options.roots)
        downloads = DownloadTable(engine)
        self._filling = Filling(
            rest,
            FillTarget(
                writer=writer,
                reader=reader,
                reconciler=Reconciler(engine),
                manifests=ManifestRows(engine, writer),
                downloads=downloads,
                open_store=stores.opened,
            ),
            now=clock.now,
            hour=options.settings.manifests_hour,
        )
        self._metrics.outdated_from(self._filling.outdated)
        self._metrics.incomplete_from(self._filling.incomplete_locations)
        self._access = AccessReviewer(rest)
        callers = RestClient(_without_credentials(connection), user_agent=_USER_AGENT)

        def as_caller(caller: Caller) -> Resources:
            if caller.token is None:
                raise Problem(HTTPStatus.FORBIDDEN, "Changes need your own token, which the proxy does not pass on.")
            return Resources(callers.with_token(caller.token))

        keys = SharedKeys(engine, _LINKS, period=LONGEST_OF_CONSOLE, now=clock.now)
        parts = ConsoleParts(
            kube=kube,
            stores=stores,
            links=LinkSigner(FileLink, keys.valid, now=clock.now),
            part_links=LinkSigner(PartLink, keys.valid, now=clock.now),
            part_places=PartPlaces(),
            directories=LinkedDirectories(
                self._filling.locations.get, RequestRates(per_minute=options.settings.calls_per_minute)
            ),
            reader=reader,
            downloads=downloads,
            authenticator=make_authenticator(
                options.settings,
                rest=rest,
                table=SessionTable(engine),
                session_keys=SharedKeys(
                    engine, _SESSIONS, period=options.settings.session.longest, now=clock.now
                ).valid,
                now=clock.now,
            ),
            access=self._access,
            as_caller=as_caller,
            now=clock.now,
            locations=self._filling.locations,
            reports=self._filling.reports,
            known_at=self._filling.known_at,
            notice=self._filling.notice,
        )
        self._app = protected(make_app(parts, version=version), options.settings)
        self._server: HttpServer | None = None
        self._health: HealthServer | None = None

    def run(self) -> int:
        """Serve until a signal, then finish what has begun. Raises StartError if a port is not available."""
        on_end_signals(first=self._stop.set, again=self._stop.set)
        self.start()
        self._stop.wait()
        self.stop()
        _logger.info("Ended")
        return 0

    def start(self) -> None:
        """Begin to serve, in threads. Raises StartError if a port is not available."""
        self._server, self._health = self._listen()
        self._filling.start()
        self._server.start()
        self._health.start()

    def stop(self) -> None:
        """Finish what has begun, and end."""
        self._stop.set()
        if self._server is not None:
            self._server.stop()
        self._filling.stop()
        self._access.close()
        if self._health is not None:
            self._health.stop()

    @property
    def port(self) -> int:
        """The port for browsers and programs, which is useful if 0 was requested. 0 before `start`."""
        return 0 if self._server is None else self._server.port

    @property
    def problem(self) -> str | None:
        """Why it is not ready; None if it is."""
        return self._ready()

    def _listen(self) -> tuple[HttpServer, HealthServer]:
        options, checks = self._options, Checks(alive=self._alive, ready=self._ready)
        port = options.http_port
        try:
            connections = Connections(_connection_limits(options.settings))
            server = HttpServer(self._app, host=options.http_host, port=port, connections=connections)
            port = options.metrics_port
            health = HealthServer(host=options.http_host, port=port, checks=checks, metrics=self._metrics)
        except OSError as error:
            raise StartError(
                f"Cannot listen on {options.http_host or '*'}:{port} ({error.strerror}). Choose another address with "
                "--http-host, --http-port and --metrics-port."
            ) from None
        _logger.info("Listening on port %d for browsers and programs", server.port)
        if options.settings.https and not options.settings.trusted_proxies:
            _logger.warning("console.trustedProxies is empty: all clients behind a proxy count as one address")
        _logger.info("Listening on %s for /healthz, /readyz and /metrics", health.address)
        return server, health

    def _alive(self) -> str | None:
        if self._server is not None and not self._server.alive and not self._stop.is_set():
            return "the HTTP server has ended"
        return self._filling.died()

    def _ready(self) -> str | None:
        if self._stop.is_set():
            return "the console is ending"
        return self._filling.unready()


def _connection_limits(settings: ConsoleSettings) -> ConnectionLimits:
    return ConnectionLimits(connections=settings.connections, header_timeout_s=settings.header_timeout.total_seconds())


def _without_credentials(connection: Connection) -> Connection:
    """The same API server, for requests with the token of another: the console's own certificate would come first."""
    return replace(connection, token=NoToken(), certificate=Pem(), key=Pem(), impersonation=())
