"""A response with a streamed body, and the timeouts of the policy."""

import socket
import time
from typing import Final

from recording_operator.egress.errors import ConnectionLostError, EgressError, ProtocolError, TooSlowError
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.framing import BodyEnd
from recording_operator.egress.http1.head import Head
from recording_operator.egress.http1.response import Response
from recording_operator.egress.policy import RateFloor
from recording_operator.egress.watchdog import Interruption, SocketWatch
from recording_operator.stopping import Stopped

# The shortest window for the minimum rate. Shorter pauses are limited by the read timeout.
_LEAST_SHARE: Final = 0.25


class StreamedResponse:
    """A response whose body is still to be read. Belongs to one thread; close it."""

    def __init__(
        self, response: Response, *, sock: socket.socket, host: str, watch: SocketWatch, floor: RateFloor
    ) -> None:
        self._response = response
        self._sock = sock
        self._watch = watch
        self._floor = floor
        self.host: Final = host
        self.status: Final = response.status

    @property
    def head(self) -> Head:
        """The status and all headers."""
        return self._response.head

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self._response.head.get(name.lower())

    @property
    def content_length(self) -> int | None:
        """The stated length of this body; None for chunked and for bodies that end with the connection."""
        return self._response.framing.length

    @property
    def chunked(self) -> bool:
        """Whether the body shows its own end."""
        return self._response.framing.end is BodyEnd.CHUNKED

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and up to `size`; b"" at the end. Raises EgressError and Stopped."""
        window = bytearray(size)
        return bytes(memoryview(window)[: self.readinto(memoryview(window))])

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes and return how many; fewer only before the end or a cut, 0 at the end.

        Raises EgressError (ConnectionLostError if the body is truncated, TooSlowError below the minimum rate) and
        Stopped.
        """
        # The minimum rate as a deadline for this read.
        share = max(_LEAST_SHARE, len(window) / self._floor.size_bytes)
        self._watch.deadline = time.monotonic() + self._floor.window_s * share
        try:
            count = self._response.readinto(window)
        except (MalformedResponse, OSError) as error:
            raise failure_of(error, host=self.host, watch=self._watch) from None
        self._watch.deadline = None
        if count < len(window) and self._watch.interruption is not None:
            raise failure_of(ConnectionResetError(), host=self.host, watch=self._watch)
        return count

    def read_all(self, *, at_most: int) -> bytes:
        """The whole body. Raises as `readinto`, and ProtocolError for more than `at_most` bytes."""
        body = self.read(at_most + 1)
        if len(body) > at_most:
            raise ProtocolError(self.host, f"sent a body of more than {at_most} bytes")
        if len(body) < at_most + 1:
            self.read(1)  # raises the error that ended the body, if any
        return body

    def close(self) -> None:
        """Drop the connection."""
        self._watch.release()
        self._sock.close()

    def __enter__(self) -> "StreamedResponse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def failure_of(error: Exception, *, host: str, watch: SocketWatch) -> EgressError | Stopped:
    """Translate an error after the connection was made. Messages of libraries are dropped."""
    watch.release()
    if watch.interruption is Interruption.STOPPED:
        return Stopped()
    if watch.interruption is Interruption.DEADLINE:
        return TooSlowError(host, stalled=False)
    if isinstance(error, TimeoutError):
        return TooSlowError(host, stalled=True)
    if isinstance(error, MalformedResponse):
        return ProtocolError(host, str(error))
    return ConnectionLostError(host)
