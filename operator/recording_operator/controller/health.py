"""`/healthz`, `/readyz` and `/metrics`."""

import errno
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final, Protocol

from recording_operator.metrics import CONTENT_TYPE

_TEXT: Final = "text/plain; charset=utf-8"
_HEADER_TIMEOUT_S: Final = 10
_EVERY_IPV4: Final = "0.0.0.0"  # noqa: S104 - the kubelet uses the pod's address
_EVERY_IPV6: Final = "::"
_NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The checks behind the probes. Each returns None if all is well, otherwise the problem in one line."""

    alive: Callable[[], str | None]
    ready: Callable[[], str | None]


class Rendering(Protocol):
    """The metrics of a process."""

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""


class HealthServer:
    """Serves probes and scrapes in its own threads. Raises OSError if the port is not available.

    Without a host it listens on every address, IPv4 and IPv6.
    """

    def __init__(self, *, host: str, port: int, checks: Checks, metrics: Rendering) -> None:
        self._server = _listening(host, port, _handler(checks, metrics))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port, which is useful if 0 was requested."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """The address, as `host:port`."""
        host = str(self._server.server_address[0])
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _listening(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> "_Server":
    """Listens on an address (IPv6 with or without brackets), a host name, or everywhere (empty, or `*`)."""
    host = host.strip("[]*")
    if host:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except UnicodeError:
            raise OSError(errno.EINVAL, "it is not a host name") from None
        return _Server(address, family, handler)
    if socket.has_dualstack_ipv6():
        try:
            return _Server((_EVERY_IPV6, port), socket.AF_INET6, handler)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return _Server((_EVERY_IPV4, port), socket.AF_INET, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[Any, ...], family: socket.AddressFamily, handler: type[BaseHTTPRequestHandler]):
        self.address_family = family
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind. The IPv6 wildcard address accepts IPv4 too.

        The method of the standard library would resolve the host name of the machine.
        """
        if self.address_family is socket.AF_INET6 and self.server_address[0] == _EVERY_IPV6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Do not log a traceback if the client has closed the connection."""


def _handler(checks: Checks, metrics: Rendering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _HEADER_TIMEOUT_S
        server_version = "recording-operator"
        sys_version = ""

        def do_GET(self) -> None:
            """Serve one of three paths."""
            path = self.path.split("?", 1)[0]
            if path == "/metrics":
                self._respond(200, CONTENT_TYPE, metrics.render())
            elif path in ("/healthz", "/readyz"):
                fault = checks.alive() if path == "/healthz" else checks.ready()
                self._respond(200 if fault is None else 503, _TEXT, f"{fault or 'ok'}\n".encode())
            else:
                self._respond(404, _TEXT, b"not found\n")

        def _respond(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Do not log requests: probes are sent every few seconds."""

    return Handler
