"""The HTTP server of a process: uvicorn in a thread of its own."""

import asyncio
import socket
import threading
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from recording_operator.webserver.connections import Connections, protocol_class

_LONGEST_HEADERS_BYTES: Final = 16 * 1024
_KEEP_ALIVE_S: Final = 65
"""Longer than load balancers keep idle connections (60 s): otherwise they would send into a connection that ends."""
_FINISH_WITHIN_S: Final = 15
_BACKLOG: Final = 1024


class HttpServer:
    """Serves the application on one address. Raises OSError if it is not available."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, connections: Connections) -> None:
        self._socket = _listening(host.strip("[]*"), port)
        config = uvicorn.Config(
            app,
            http=protocol_class(connections),
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,  # a path may contain a token
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_FINISH_WITHIN_S,
            h11_max_incomplete_event_size=_LONGEST_HEADERS_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port, which is useful if 0 was requested."""
        return int(self._socket.getsockname()[1])

    @property
    def alive(self) -> bool:
        """Whether it serves, or was not stopped."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more connections, finish the requests that have begun, and end."""
        self._server.should_exit = True
        self._thread.join(_FINISH_WITHIN_S + 1)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


def _listening(host: str, port: int) -> socket.socket:
    """A socket on an address or host name, or on every address, IPv4 and IPv6."""
    listening = _bound(host, port)
    # asyncio sets this only for sockets that name their protocol, which those of `create_server` do not. Without it,
    # the body of a response waits for the acknowledgement of its headers: 40 ms. Connections inherit it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _bound(host: str, port: int) -> socket.socket:
    if host:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
    return socket.create_server(("", port), backlog=_BACKLOG)
