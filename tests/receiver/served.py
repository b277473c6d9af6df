"""A small application behind the receiver's server, in this process, and clients that behave badly."""

import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from recording_operator.receiver.bodies import BodyLimits, BodyMalformed, BodyReader, BodyTooLarge, BodyTooSlow, NoRoom
from recording_operator.webserver.connections import ConnectionLimits, Connections
from recording_operator.webserver.server import HttpServer
from tests.support.waiting import eventually

HOST: Final = "127.0.0.1"
_STATUS: Final = {BodyTooLarge: 413, BodyTooSlow: 408, BodyMalformed: 400, NoRoom: 429}
GET: Final = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ENDLESS: Final = GET.replace(b"/ ", b"/endless ")


class Echo:
    """Responds with the length of the body, or without an end. The path names the namespace."""

    def __init__(self, limits: BodyLimits) -> None:
        self.bodies = BodyReader(limits)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/endless":
            await StreamingResponse(itertools.repeat(bytes(65536)))(scope, receive, send)
            return
        try:
            body = await self.bodies.read(Request(scope, receive), namespace=scope["path"])
            self.bodies.release(body, namespace=scope["path"])
            response = Response(str(len(body)))
        except (BodyTooLarge, BodyTooSlow, BodyMalformed, NoRoom) as error:
            response = Response(status_code=_STATUS[type(error)], headers={"Connection": "close"})
        await response(scope, receive, send)


class Served:
    """A running server."""

    def __init__(self, connections: ConnectionLimits, bodies: BodyLimits) -> None:
        self.closed: list[str] = []
        self.connections = Connections(connections, on_closed=self.closed.append)
        self.echo = Echo(bodies)
        self.server = HttpServer(self.echo, host=HOST, port=0, connections=self.connections)

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection((HOST, self.server.port), timeout=10)

    def status_of(self, request: bytes) -> int:
        """The status of the response to a request."""
        with self.connect() as connection:
            connection.sendall(request)
            return status_of(connection)

    def open_connections(self, number: int) -> bool:
        """Wait until so many are open."""
        return eventually(lambda: len(self.connections) == number, what=f"{number} connections")


@contextmanager
def served(connections: ConnectionLimits | None = None, bodies: BodyLimits | None = None) -> Iterator[Served]:
    """A server that ends with the block."""
    running = Served(connections or ConnectionLimits(), bodies or BodyLimits())
    running.server.start()
    try:
        yield running
    finally:
        running.server.stop()


def status_of(connection: socket.socket) -> int:
    """The status of the response; 0 if the connection is closed without one."""
    try:
        line = connection.recv(65536).split(b" ", 2)
    except ConnectionResetError:
        return 0
    return int(line[1]) if len(line) > 1 else 0


def seconds_until_closed(connection: socket.socket) -> float:
    """How long it takes until the server closes the connection."""
    started_s = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - started_s
