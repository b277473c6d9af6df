"""Responses as bytes: read by the product, by curl, and by a strict reading of RFC 9112."""

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from recording_operator.egress.http1.errors import MalformedResponse, ResponseCut
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer
from recording_operator.egress.http1.response import read_response

CURL: Final = shutil.which("curl")
_PIECE = 64 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of reading a response: a status and a body, or an `error`."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, list[str]] = field(default_factory=dict)
    reusable: bool = False
    error: str | None = None


def read_by_us(data: bytes, *, method: str = "GET", pieces: Sequence[int] = (), at_most: int = 2**26) -> Outcome:
    """The response in `data`, which arrives in pieces of these lengths and the rest at once; then the end."""
    near, far = socket.socketpair()
    sender = threading.Thread(target=_send, args=(far, data, pieces), daemon=True)
    sender.start()
    try:
        with near:
            near.settimeout(20)
            response = read_response(ReceiveBuffer(near), method=method)
            body = response.read_all(at_most=at_most)
            return Outcome(
                status=response.status, body=body, headers=dict(response.head.fields), reusable=response.reusable
            )
    except MalformedResponse as error:
        return Outcome(error=str(error))
    except ResponseCut:
        return Outcome(error="cut")
    finally:
        sender.join(20)


def _send(far: socket.socket, data: bytes, pieces: Sequence[int]) -> None:
    with far, suppress(OSError):
        for size in pieces:
            far.sendall(data[:size])
            data = data[size:]
        far.sendall(data)


class RawServer:
    """Responds to `/N` with `responses[N]`, and ends the connection."""

    def __init__(self) -> None:
        self.responses: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            asked = b""
            while b"\r\n\r\n" not in asked:
                received = connection.recv(_PIECE)
                if not received:
                    return
                asked += received
            connection.sendall(self.responses[int(asked.split(b" ")[1][1:])])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(_PIECE):
                pass


@contextmanager
def a_raw_server() -> Iterator[RawServer]:
    """A server for the time of a test."""
    server = RawServer()
    try:
        yield server
    finally:
        server.close()


def read_by_curl(server: RawServer, data: bytes) -> Outcome:
    """The response as curl reads it."""
    server.responses.append(data)
    url = f"http://127.0.0.1:{server.port}/{len(server.responses) - 1}"
    command = [str(CURL), "-q", "--silent", "--http1.1", "--max-time", "20", "--noproxy", "*", "-o", "-", url]
    ran = subprocess.run(command, capture_output=True, check=False)
    return Outcome(body=ran.stdout, error=f"curl: {ran.returncode}" if ran.returncode else None)


_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_STRICT_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_STRICT_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


def read_strictly(data: bytes, *, method: str = "GET") -> Outcome:
    """A strict reading by RFC 9112, of all bytes at once; an error for every violation."""
    for _ in range(1000):
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return Outcome(error=_ended_in(head))
        first, *lines = head.split(b"\r\n")
        status = re.fullmatch(rb"HTTP/1\.1 ([1-9][0-9]{2}) [\t\x20-\x7e\x80-\xff]*", first)
        fields = [_STRICT_FIELD.fullmatch(line) for line in lines]
        if status is None or not all(fields):
            return Outcome(error="malformed")
        named = [(found[1].lower(), found[2].strip(b" \t")) for found in fields if found]
        if not 100 <= int(status[1]) < 200:
            return _strict_body(int(status[1]), named, rest, method)
        if status[1] == b"101":
            return Outcome(error="malformed")
        data = rest
    return Outcome(error="malformed")


def _strict_body(status: int, named: list[tuple[bytes, bytes]], rest: bytes, method: str) -> Outcome:
    codings = [value for name, value in named if name == b"transfer-encoding"]
    lengths = [value for name, value in named if name == b"content-length"]
    if status in (204, 304) or (method == "HEAD" and (codings or not lengths)):
        return Outcome(status=status)
    if codings:
        if len(codings) != 1 or codings[0].lower() != b"chunked":
            return Outcome(error="malformed")
        return _strict_chunks(status, rest)
    if not lengths:
        return Outcome(status=status, body=rest)
    if len(lengths) != 1 or not re.fullmatch(rb"[0-9]+", lengths[0]):
        return Outcome(error="malformed")
    if method == "HEAD":
        return Outcome(status=status)
    size = int(lengths[0])
    return Outcome(status=status, body=rest[:size]) if len(rest) >= size else Outcome(error="cut")


def _strict_chunks(status: int, rest: bytes) -> Outcome:
    body = b""
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            return Outcome(error=_ended_in(line))
        found = _STRICT_CHUNK.fullmatch(line)
        if found is None:
            return Outcome(error="malformed")
        size = int(found[1], 16)
        if size == 0:
            break
        if len(rest) < size + 2:
            return Outcome(error="cut")
        if rest[size : size + 2] != b"\r\n":
            return Outcome(error="malformed")
        body, rest = body + rest[:size], rest[size + 2 :]
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            return Outcome(error=_ended_in(line))
        if not line:
            return Outcome(status=status, body=body)


def _ended_in(line: bytes) -> str:
    # By the letter of the RFC, a bare LF does not end a line. A parser that accepts it may read more than a cut body.
    return "malformed" if b"\n" in line else "cut"
