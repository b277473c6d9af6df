"""One response, read from the connection on which its request was sent."""

from typing import Final

from recording_operator.egress.http1.bodies import body_of
from recording_operator.egress.http1.errors import MalformedResponse, ResponseCut
from recording_operator.egress.http1.framing import BodyEnd, Framing, framing_of
from recording_operator.egress.http1.head import (
    BEGINNING,
    END_OF_HEAD,
    HEAD_BYTES,
    NOT_HTTP,
    TOO_LARGE,
    Head,
    parse_head,
)
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer

_LONGEST_END: Final = 3
_FINAL: Final = 200
_CONTINUE: Final = 100
_SWITCHING_PROTOCOLS: Final = 101
_MOST_INTERIM: Final = 100
_PIECE_BYTES: Final = 64 * 2**10


class Response:
    """A final response, its body unread. Belongs to one thread."""

    def __init__(self, incoming: ReceiveBuffer, head: Head, framing: Framing, *, expected: bool) -> None:
        self.head: Final = head
        self.status: Final = head.status
        self.framing: Final = framing
        self._incoming = incoming
        self._expected = expected
        self._body = body_of(incoming, framing)
        self._failure: ResponseCut | MalformedResponse | None = None

    @property
    def ended(self) -> bool:
        """Whether the body was read to its end."""
        return self._body.ended

    @property
    def reusable(self) -> bool:
        """Whether the connection can be reused: the response was read completely, and was valid."""
        return self._expected and self.framing.certain and self._body.ended and not self._incoming.has_more

    def prevent_reuse(self) -> None:
        """Prevent reuse of the connection: the response arrived before the request was complete."""
        self._expected = False

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes; fewer only before the end and before a cut, which the next call raises.

        Raises MalformedResponse, ResponseCut and OSError.
        """
        filled = 0
        while filled < len(window):
            try:
                if self._failure is not None:  # the bytes after it are ambiguous
                    raise self._failure
                count = self._body.readinto(window[filled:])
            except (ResponseCut, MalformedResponse) as failure:
                self._failure = failure
                if filled:
                    return filled
                raise
            if not count:
                break
            filled += count
        return filled

    def read(self, size: int) -> bytes:
        """The next `size` bytes, as `readinto`; b"" at the end."""
        data = bytearray(size)
        return bytes(memoryview(data)[: self.readinto(memoryview(data))])

    def read_all(self, *, at_most: int) -> bytes:
        """The whole body. Raises as `readinto`, and MalformedResponse for more than `at_most` bytes."""
        stated = self.framing.length if self.framing.end is BodyEnd.LENGTH else None
        if self.ended:
            return b""
        pieces: list[bytes] = []
        left = at_most + 1
        while left and (piece := self.read(min(left, stated or _PIECE_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        if not left:
            raise MalformedResponse(f"sent a body of more than {at_most // 2**20} MiB")
        return b"".join(pieces)


def read_response(incoming: ReceiveBuffer, *, method: str) -> Response:
    """The final response to a request of this method; interim responses are skipped.

    Raises MalformedResponse, ResponseCut and OSError (TimeoutError).
    """
    expected = True
    for number in range(_MOST_INTERIM + 1):
        if not incoming.begins_with(BEGINNING):
            raise MalformedResponse(NOT_HTTP)
        data = incoming.until(END_OF_HEAD, longest=_LONGEST_END, at_most=HEAD_BYTES, too_long=TOO_LARGE)
        head = parse_head(data)
        if head.status >= _FINAL:
            return Response(incoming, head, framing_of(head, method=method), expected=expected)
        if head.status == _SWITCHING_PROTOCOLS:
            raise MalformedResponse("switched to another protocol, which was not requested")
        # These were not requested either; some servers send a single 100.
        expected = expected and number == 0 and head.status == _CONTINUE and head.regular
    raise MalformedResponse(f"sent more than {_MOST_INTERIM} interim responses")
