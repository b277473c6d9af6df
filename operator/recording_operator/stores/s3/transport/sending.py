"""Sends the body of a botocore request over a connection: streamed in windows, or from memory.

Both senders also send the headers and apply the timeouts. They raise OSError of the socket and MalformedResponse.
"""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Protocol

from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer
from recording_operator.egress.http1.response import Response, read_response
from recording_operator.egress.watchdog import Interruption, SocketWatch, SocketWatchdog
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.transport.framing import FramedBody, PlainBody
from recording_operator.stores.s3.transport.messages import BufferedResponse, whole
from recording_operator.stores.store import BodyAborted

# A store may reject a body while it is still being sent.
_EARLY_RESPONSE_S: Final = 2.0
_WINDOW_BYTES: Final = 256 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Timeouts in seconds: to connect (with TLS), to send one window, and to receive the response."""

    connect_s: float
    send_s: float
    response_s: float


class BodySender(Protocol):
    """Sends a body. `repeatable`: the body can be sent again immediately if the connection was closed."""

    repeatable: bool

    def exchange(self, sock: socket.socket, method: str, head: bytes) -> BufferedResponse:
        """Send headers and body and read the response.

        Raises OSError (TimeoutError), MalformedResponse, BodyAborted.
        """


class MemorySender:
    """Sends a body in memory, or none. The timeout of the socket applies to each window."""

    repeatable = True

    def __init__(self, body: bytes, *, timeouts: Timeouts) -> None:
        self._body = body
        self._timeouts = timeouts

    def exchange(self, sock: socket.socket, method: str, head: bytes) -> BufferedResponse:
        """See `BodySender`."""
        return whole(self.begin(sock, method, head))

    def begin(self, sock: socket.socket, method: str, head: bytes) -> Response:
        """Like `exchange`, but the body of the response is not read yet."""
        body = self._body
        sock.settimeout(self._timeouts.send_s)
        try:
            if len(body) <= _WINDOW_BYTES:
                sock.sendall(head + body)
            else:
                sock.sendall(head)
                for start in range(0, len(body), _WINDOW_BYTES):
                    sock.sendall(memoryview(body)[start : start + _WINDOW_BYTES])
        except OSError as error:
            return _early_response(sock, method, error)
        sock.settimeout(self._timeouts.response_s)
        return read_response(ReceiveBuffer(sock), method=method)


class PartSender:
    """Sends a streamed part. The watchdog ends it if it stalls or is stopped."""

    repeatable = False  # its bytes were read from the source

    def __init__(self, body: FramedBody | PlainBody, *, guard: SocketWatchdog, timeouts: Timeouts) -> None:
        self._body = body
        self._guard = guard
        self._timeouts = timeouts

    def exchange(self, sock: socket.socket, method: str, head: bytes) -> BufferedResponse:
        """See `BodySender`."""
        watch = self._guard.watch(sock, stop=self._body.part.stop, within_s=None)
        try:
            return self._exchange(sock, method, head, watch)
        except (OSError, MalformedResponse):
            if watch.interruption is Interruption.STOPPED:
                raise BodyAborted(Stopped()) from None
            if watch.interruption is Interruption.DEADLINE:
                raise TimeoutError from None
            raise
        finally:
            watch.release()

    def _exchange(self, sock: socket.socket, method: str, head: bytes, watch: SocketWatch) -> BufferedResponse:
        # The watchdog ends a send that stalls. With a timeout, the socket would be non-blocking internally: a full
        # buffer would cost a failed write, a poll and another write.
        sock.settimeout(None)
        try:
            self._send(sock, head, watch)
        except OSError as error:
            watch.deadline = None
            return whole(_early_response(sock, method, error))
        watch.deadline = None
        sock.settimeout(self._timeouts.response_s)
        return whole(read_response(ReceiveBuffer(sock), method=method))

    def _send(self, sock: socket.socket, head: bytes, watch: SocketWatch) -> None:
        send_s, monotonic = self._timeouts.send_s, time.monotonic
        send, read = sock.sendall, self._body.read
        window: bytes | memoryview = head
        while window:
            watch.deadline = monotonic() + send_s
            send(window)
            watch.deadline = None  # reading has its own deadline
            window = read()


def in_memory(body: object) -> bytes:
    """The bytes of a botocore body. Raises TypeError for a file-like body, which the operator never sends."""
    match body:
        case None:
            return b""
        case BytesIO():
            return body.getvalue()
        case bytes() | bytearray():
            return bytes(body)
        case str():
            return body.encode()
        case _:
            raise TypeError(f"a body of the type {type(body).__name__}")


def _early_response(sock: socket.socket, method: str, failure: OSError) -> Response:
    """The early response of the store. Raises the error of the connection if there is none."""
    with suppress(OSError, MalformedResponse):
        sock.settimeout(_EARLY_RESPONSE_S)
        response = read_response(ReceiveBuffer(sock), method=method)
        response.prevent_reuse()
        return response
    raise failure
