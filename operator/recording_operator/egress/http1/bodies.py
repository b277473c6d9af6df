"""Response bodies, one class for each framing."""

import re
from typing import Final, Protocol

from recording_operator.egress.http1.errors import MalformedResponse, ResponseCut
from recording_operator.egress.http1.framing import BodyEnd, Framing
from recording_operator.egress.http1.head import HEAD_BYTES
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer

_LINE_END: Final = re.compile(rb"\n")
# curl accepts sizes of 16 digits; longer ones are zeros or an attack.
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHUNK_LINE_BYTES: Final = 16 * 2**10
_LARGEST_CHUNK: Final = 2**63 - 1
# Allowed overhead of chunks, as in Go's net/http: 16 bytes for each, twice their content, and this once.
_SPARE_BYTES: Final = 16 * 2**10
_SPARE_PER_CHUNK: Final = 16
_BAD_CHUNK: Final = "sent a malformed chunked body"
_BAD_FRAME: Final = "sent a chunked body with more framing than data"
_BAD_TRAILERS: Final = f"sent trailers of more than {HEAD_BYTES // 2**10} KiB"


class Body(Protocol):
    """A body that is still to be read."""

    ended: bool

    def readinto(self, window: memoryview) -> int:
        """The next bytes, at least one; 0 at the end. Raises MalformedResponse, ResponseCut and OSError."""


class LengthBody:
    """A body with a known length."""

    def __init__(self, incoming: ReceiveBuffer, length: int) -> None:
        self._incoming = incoming
        self._left = length
        self.ended = length == 0

    def readinto(self, window: memoryview) -> int:
        """See `Body`."""
        if self.ended:
            return 0
        count = self._incoming.readinto(window[: self._left])
        if not count:
            raise ResponseCut
        self._left -= count
        self.ended = self._left == 0
        return count


class CloseDelimitedBody:
    """Everything up to the end of the connection."""

    def __init__(self, incoming: ReceiveBuffer) -> None:
        self._incoming = incoming
        self.ended = False

    def readinto(self, window: memoryview) -> int:
        """See `Body`."""
        count = 0 if self.ended else self._incoming.readinto(window)
        self.ended = not count
        return count


class ChunkedBody:
    """Chunks up to the last one and its trailers, which are dropped."""

    def __init__(self, incoming: ReceiveBuffer) -> None:
        self._incoming = incoming
        self._left = 0
        self._frame = 0
        self._begun = False
        self.ended = False

    def readinto(self, window: memoryview) -> int:
        """See `Body`."""
        if not self.ended and self._left == 0:
            self._next_chunk()
        if self.ended:
            return 0
        count = self._incoming.readinto(window[: self._left])
        if not count:
            raise ResponseCut
        self._left -= count
        if not self._left:
            self._end_chunk()
        return count

    def _next_chunk(self) -> None:
        line = self._line(_CHUNK_LINE_BYTES, _BAD_CHUNK)
        chunk = _CHUNK.fullmatch(line)
        size = int(chunk[1], 16) if chunk else _LARGEST_CHUNK + 1
        if size > _LARGEST_CHUNK:
            raise MalformedResponse(_BAD_CHUNK)
        self._frame = max(0, self._frame + len(line) + 2 - _SPARE_PER_CHUNK - 2 * size)
        if self._frame > _SPARE_BYTES:
            raise MalformedResponse(_BAD_FRAME)
        self._left = size
        if size == 0:
            self._drop_trailers()
            self.ended = True

    def _end_chunk(self) -> None:
        if self._line(2, _BAD_CHUNK) not in (b"\r\n", b"\n"):
            raise MalformedResponse(_BAD_CHUNK)

    def _drop_trailers(self) -> None:
        left = HEAD_BYTES
        while (line := self._line(left, _BAD_TRAILERS)) not in (b"\r\n", b"\n"):
            left -= len(line)

    def _line(self, at_most: int, too_long: str) -> bytes:
        return self._incoming.until(_LINE_END, longest=1, at_most=at_most, too_long=too_long)


def body_of(incoming: ReceiveBuffer, framing: Framing) -> Body:
    """The body of a response whose head was just read."""
    match framing.end:
        case BodyEnd.CHUNKED:
            return ChunkedBody(incoming)
        case BodyEnd.CLOSE:
            return CloseDelimitedBody(incoming)
        case BodyEnd.LENGTH:
            return LengthBody(incoming, framing.length or 0)
        case BodyEnd.NO_BODY:
            return LengthBody(incoming, 0)
