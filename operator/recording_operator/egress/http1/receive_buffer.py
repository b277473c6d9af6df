"""The bytes that arrive on one connection, in order."""

import re
import socket
from typing import Final

from recording_operator.egress.http1.errors import MalformedResponse, ResponseCut

_RECEIVE_BYTES: Final = 16 * 2**10


class ReceiveBuffer:
    """Reads heads by their end and bodies by length. Belongs to one thread; never reads ahead more than 16 KiB."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = bytearray()

    @property
    def has_more(self) -> bool:
        """Whether bytes were received before a request."""
        return bool(self._ahead)

    def begins_with(self, beginning: bytes) -> bool:
        """Whether the next bytes are these, ignoring case. Does not read more than needed.

        Raises ResponseCut and OSError.
        """
        while not (seen := self._ahead[: len(beginning)].lower()).startswith(beginning):
            if not beginning.startswith(seen):
                return False
            self._receive()
        return True

    def until(self, end: re.Pattern[bytes], *, longest: int, at_most: int, too_long: str) -> bytes:
        """Everything up to and including the first match of `end`, which is `longest` bytes at most.

        Raises MalformedResponse(too_long) if that is more than `at_most` bytes, ResponseCut and OSError.
        """
        searched = 0
        while True:
            found = end.search(self._ahead, searched)
            if (found.end() if found else len(self._ahead)) > at_most:
                raise MalformedResponse(too_long)
            if found:
                data = bytes(memoryview(self._ahead)[: found.end()])
                del self._ahead[: found.end()]
                return data
            searched = max(0, len(self._ahead) - longest + 1)
            self._receive()

    def readinto(self, window: memoryview) -> int:
        """Read the available bytes, at least one; 0 at the end of the connection. Raises OSError."""
        ahead = self._ahead
        if not ahead:
            return self._sock.recv_into(window)
        count = min(len(ahead), len(window))
        window[:count] = memoryview(ahead)[:count]
        del ahead[:count]
        return count

    def _receive(self) -> None:
        received = self._sock.recv(_RECEIVE_BYTES)
        if not received:
            raise ResponseCut
        self._ahead += received
