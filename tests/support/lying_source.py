"""An HTTP(S) source on the loopback address that responds as scripted, by default correctly.

with LyingSource(Content(body=b"...")) as source:
    source.behave = lambda request: Behaviour(cut_after=1000) if request.number == 3 else Behaviour()
    ... fetch source.url ...
    assert source.served[2].sent_bytes == 1000
"""

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedReader
from types import TracebackType
from typing import Literal, Self

CANARY = "CANARY-7f3a"  # in every URL's query; it must appear nowhere else
Framing = Literal["length", "chunked", "chunked without end", "close"]
_WINDOW = 64 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of the source."""

    body: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = None
    content_type: str = "video/mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The response to one request. The default is correct.

    `status`, `headers` (None removes one) and `body` replace what would be sent. `cut_after` ends the connection after
    so many bytes of body, `reset` with RST. `framing` says how the end of the body is shown. `hold_after` waits for the
    source's `release` after so many bytes, `hold_head` before the head; `before` is sent before that, `raw_head` is the
    whole head with its empty line. `drip_headers_s` sends the head byte by byte; `pause_s` waits before each window of
    `window` bytes.
    """

    status: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    content: Content | None = None
    ranges: bool = True
    conditions: bool = True
    framing: Framing = "length"
    cut_after: int | None = None
    reset: bool = False
    extra: bytes = b""
    hold_after: int | None = None
    drip_headers_s: float = 0.0
    pause_s: float = 0.0
    window: int = _WINDOW
    no_answer: bool = False
    before: bytes = b""
    hold_head: bool = False
    raw_head: bytes | None = None


@dataclass(slots=True, kw_only=True)
class SourceRequest:
    """One request as received, and how many bytes of body were sent. `number` counts from 1."""

    number: int
    method: str
    target: str
    headers: dict[str, str]
    first_byte: int | None
    last_byte: int | None
    sent_bytes: int = 0
    body: bytes = b""


class LyingSource:
    """A server with one content. `content`, `behave` may be changed while it runs; `served` is in order of arrival."""

    def __init__(self, content: Content, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.content = content
        self.behave: Callable[[SourceRequest], Behaviour] = lambda _: Behaviour()
        self.served: list[SourceRequest] = []
        self.connections = 0
        self.release = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = False
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """A URL with the canary in its query."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/video.mp4?X-Amz-Signature={CANARY}"

    @property
    def open_connections(self) -> int:
        """Connections that neither side has ended, as far as the source has noticed."""
        with self._lock:
            return len(self._open)

    @property
    def bytes_sent(self) -> int:
        """Total bytes of bodies sent."""
        return sum(request.sent_bytes for request in self.served)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self.release.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        with suppress(OSError, ssl.SSLError, _CutError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(raw, server_side=True)
            reader = connection.makefile("rb")
            while (request := self._read_request(reader)) is not None:
                self._answer(connection, request)
        with self._lock:
            self._open.discard(raw)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _read_request(self, reader: BufferedReader) -> SourceRequest | None:
        readline = reader.readline
        words = readline().decode("latin-1").split()
        if len(words) != 3:
            return None
        headers: dict[str, str] = {}
        while (line := readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        with self._lock:
            request = SourceRequest(
                number=len(self.served) + 1,
                method=words[0],
                target=words[1],
                headers=headers,
                first_byte=int(found[1]) if found else None,
                last_byte=int(found[2]) if found and found[2] else None,
            )
            request.body = reader.read(int(headers.get("content-length", 0)))
            self.served.append(request)
        return request

    def _answer(self, connection: socket.socket, request: SourceRequest) -> None:
        behaviour = self.behave(request)
        if behaviour.no_answer:
            self.release.wait(30)
            raise _CutError
        status, headers, body = self._truth(request, behaviour)
        status = behaviour.status or status
        body = body if behaviour.body is None else behaviour.body
        if behaviour.framing == "length":
            headers["Content-Length"] = str(len(body))
        elif behaviour.framing.startswith("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Connection"] = "close"
        headers |= {name: value for name, value in behaviour.headers.items() if value is not None}
        for name in [name for name, value in behaviour.headers.items() if value is None]:
            headers.pop(name, None)
        head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(behaviour.before)
        if behaviour.hold_head:
            self.release.wait(30)
        written = f"{head}\r\n".encode("latin-1") if behaviour.raw_head is None else behaviour.raw_head
        self._send_head(connection, written, behaviour)
        self._send_body(connection, request, body, behaviour)
        if behaviour.framing == "close":
            raise _CutError

    def _truth(self, request: SourceRequest, behaviour: Behaviour) -> tuple[int, dict[str, str], bytes]:
        content = behaviour.content or self.content
        headers = {"Content-Type": content.content_type}
        headers |= {"ETag": content.etag} if content.etag else {}
        headers |= {"Last-Modified": content.last_modified} if content.last_modified else {}
        wanted = request.headers.get("if-match")
        if behaviour.conditions and wanted is not None and wanted != content.etag:
            return 412, headers, b""
        if not behaviour.ranges or request.first_byte is None:
            return 200, headers, content.body
        headers["Accept-Ranges"] = "bytes"
        wanted = request.headers.get("if-range")
        if behaviour.conditions and wanted is not None and wanted not in (content.etag, content.last_modified):
            return 200, headers, content.body
        size = len(content.body)
        if request.first_byte >= size:
            return 416, {"Content-Range": f"bytes */{size}"}, b""
        last = min(size - 1, size if request.last_byte is None else request.last_byte)
        headers["Content-Range"] = f"bytes {request.first_byte}-{last}/{size}"
        return 206, headers, content.body[request.first_byte : last + 1]

    def _send_head(self, connection: socket.socket, head: bytes, behaviour: Behaviour) -> None:
        if not behaviour.drip_headers_s:
            return connection.sendall(head)
        for index in range(len(head)):
            connection.sendall(head[index : index + 1])
            if self.release.wait(behaviour.drip_headers_s):
                raise _CutError
        return None

    def _send_body(self, connection: socket.socket, request: SourceRequest, body: bytes, behaviour: Behaviour) -> None:
        stop_at = len(body) if behaviour.cut_after is None else min(len(body), behaviour.cut_after)
        position = 0
        while position < stop_at:
            if behaviour.hold_after is not None and position >= behaviour.hold_after:
                self.release.wait(30)
            if behaviour.pause_s and self.release.wait(behaviour.pause_s):
                raise _CutError
            end = min(stop_at, position + behaviour.window)
            if behaviour.hold_after is not None and position < behaviour.hold_after:
                end = min(end, behaviour.hold_after)
            piece = body[position:end]
            chunked = behaviour.framing.startswith("chunked")
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            position = end
            request.sent_bytes = position
        if behaviour.cut_after is not None or behaviour.framing == "chunked without end":
            if behaviour.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _CutError
        if behaviour.framing == "chunked":
            connection.sendall(b"0\r\n\r\n")
        if behaviour.extra:
            connection.sendall(behaviour.extra)


class _CutError(Exception):
    """The connection ends here."""


Serve = Callable[[bytes], LyingSource]
"""Starts a source of these bytes; the fixture `serve` ends it after the test."""
