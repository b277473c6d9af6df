"""A proxy that gets responses out of step with their requests, in front of any server on the loopback address.

with DesyncProxy(source.port, misbehaves=lambda number: Desync(interim=(103,))) as proxy:
    ... connect to proxy.port instead ...

It accepts one request at a time, forwards it on its own connection, and changes the response.
"""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_ABSOLUTE = re.compile(rb"\A([A-Z]+) http://[^/ ]+/")
HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
STRANGER = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 8\r\n\r\nSTRANGER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desync:
    """What is done to one response. The default is nothing.

    `early` is sent as soon as the connection has been made (its first request only). `interim` statuses come before
    the response, which comes `pause_s` after them. `extra` follows at once; `late` comes when the next request has
    been read, before its own response. `doubled` sends the response twice. `length_by` is added to the Content-Length
    (or to the first chunk's size). `pieces` sends it in pieces of so many bytes. `body_anyway` follows a response that
    has no body. `close` ends the connection afterwards.
    """

    early: bytes = b""
    interim: tuple[int, ...] = ()
    pause_s: float = 0.0
    extra: bytes = b""
    late: bytes = b""
    doubled: bool = False
    length_by: int = 0
    pieces: int = 0
    body_anyway: bytes = b""
    close: bool = False


class DesyncProxy:
    """`misbehaves` gets the number of a request, from 1 over all connections, and may be changed while it runs."""

    def __init__(
        self,
        port: int,
        *,
        misbehaves: Callable[[int], Desync] = lambda _: Desync(),
        tls: ssl.SSLContext | None = None,
        upstream_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.misbehaves = misbehaves
        self.misbehaved = 0
        self.requests = 0
        self.connections = 0
        self._target = port
        self._tls = tls
        self._upstream_tls = upstream_tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._closing.set()
        self.drop_connections()

    def play(self, script: Sequence[Desync]) -> None:
        """Misbehave so with the next requests, one after the other, and reset the counter."""
        with self._lock:
            first = self.requests + 1
            self.misbehaved = 0
        turns = dict(enumerate(script, start=first))
        self.misbehaves = lambda number: turns.get(number, Desync())

    def drop_connections(self) -> None:
        """End open connections, so that nothing of one test remains for the next."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
            with self._lock:
                self._open.add(connection)
            self._talk(connection)
        with self._lock:
            self._open.discard(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _talk(self, connection: socket.socket) -> None:
        late = b""
        reader = connection.makefile("rb")
        first = True
        while True:
            with self._lock:
                upcoming = self.misbehaves(self.requests + 1)
            if first and upcoming.early:
                connection.sendall(upcoming.early)
            first = False
            request = _message(reader, is_request=True)
            if not request:
                return
            with self._lock:
                self.requests += 1
                desync = self.misbehaves(self.requests)
                self.misbehaved += desync != Desync()
            if late:
                connection.sendall(late)
            late = desync.late
            response = self._response(request)
            if not response:
                return
            self._send(connection, response, desync)
            if desync.close:
                return

    def _response(self, request: bytes) -> bytes:
        upstream = socket.create_connection(("127.0.0.1", self._target))
        if self._upstream_tls is not None:
            upstream = self._upstream_tls.wrap_socket(upstream, server_hostname="127.0.0.1")
        with upstream:
            # A request to a proxy has the full URL, a request to a server only the path.
            upstream.sendall(_ABSOLUTE.sub(rb"\1 /", request, count=1))
            return _message(upstream.makefile("rb"), is_request=False, method=request.partition(b" ")[0])

    def _send(self, connection: socket.socket, response: bytes, desync: Desync) -> None:
        for status in desync.interim:
            connection.sendall(b"HTTP/1.1 %d Interim\r\nLink: </a>\r\n\r\n" % status)
        self._closing.wait(desync.pause_s)
        sent = _relengthened(response, desync.length_by) if desync.length_by else response
        sent = sent * (1 + desync.doubled) + desync.body_anyway + desync.extra
        step = desync.pieces or len(sent)
        # Pieces beyond the head test nothing more, and there would be a million of them.
        for start in range(0, min(len(sent), 200), step):
            connection.sendall(sent[start : min(start + step, 200)] if desync.pieces else sent)
            if desync.pieces:
                self._closing.wait(0.001)
        if desync.pieces:
            connection.sendall(sent[200:])


def _message(reader: "socket.SocketIO | object", *, is_request: bool, method: bytes = b"") -> bytes:
    readline, read = reader.readline, reader.read  # type: ignore[union-attr]
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = readline()
        if not line:
            return b""
        head += line
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    if b"100-continue" in fields.get(b"expect", b""):
        raise ConnectionError("nobody is asked to continue here")
    bodiless = not is_request and (method == b"HEAD" or head[9:12] in (b"204", b"304"))
    if bodiless:
        return head
    if b"content-length" in fields:
        return head + bytes(read(int(fields[b"content-length"])))
    if b"transfer-encoding" in fields:
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            line = readline()
            if not line:
                break
            size = int(line, 16)
            body += line + read(size + 2)
        return head + body
    return head if is_request else head + bytes(read())


def _relengthened(response: bytes, by: int) -> bytes:
    head, end, body = response.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for number, line in enumerate(lines):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            lines[number] = b"Content-Length: %d" % max(0, int(value) + by)
    return b"\r\n".join(lines) + end + body
