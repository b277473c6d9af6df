"""Reading a stretch of a source, window by window: nothing is buffered."""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.source.breaks import SourceBreaks
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource, ContentStream

WINDOW_BYTES: Final = 256 * 2**10
# After a broken connection, reads are smaller for a while, so that fewer bytes are lost at the next break.
_CAREFUL_WINDOW_BYTES: Final = 16 * 2**10
_CAREFUL_FOR_BYTES: Final = 2 * 2**20


class RangeReader:
    """A contiguous stretch of the source in one long GET, re-opened at the exact byte when it breaks.

    Belongs to one worker. `breaks` limits the number of broken connections.
    """

    def __init__(
        self, client: ContentSource, facts: ContentFacts, *, context: TransferContext, breaks: SourceBreaks
    ) -> None:
        self._client = client
        self._facts = facts
        self._flow = context.flow
        self._stop = context.stop
        self._breaks = breaks
        self._response: ContentStream | None = None
        self._window = memoryview(bytearray(WINDOW_BYTES))
        self._position = 0
        self._end = 0
        self._end_of_get = 0
        self._part_at = 0
        self._careful_until = 0

    def seek(self, position: int, *, end: int) -> None:
        """Continue reading at `position`. If a new GET is needed, it requests up to `end` (exclusive)."""
        if position > self._part_at:
            self._part_at = position
            self._breaks.next_part()
        if position != self._position or position == self._end_of_get:
            self.close()
        self._position, self._end = position, end

    def read(self, size: int) -> memoryview:
        """Up to `size` bytes (of at most a window), at least one; good until the next read.

        Raises TransferError, RangesLost, Stopped.
        """
        while True:
            opened = False
            allowed = self._flow.take(self._wanted(size), self._stop)
            count = 0
            try:
                response = self._response = self._response or self._open()
                opened = True
                count = response.readinto(self._window[:allowed])
                if not count:
                    raise TransferError(Reason.SOURCE_RESET, f"{self._facts.host} ended before the range was complete.")
            except TransferError as error:
                self.close()
                self._careful_until = self._position + _CAREFUL_FOR_BYTES
                self._breaks.broke(error, position=self._position, opened=opened)
                continue
            finally:
                self._flow.give_back(allowed - count)
            self._position += count
            self._breaks.reached(self._position)
            return self._window[:count]

    def close(self) -> None:
        """Drop the GET; the next read opens another."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _open(self) -> ContentStream:
        self._end_of_get = self._end
        return self._client.open_range(self._facts, start=self._position, end=self._end)

    def _wanted(self, size: int) -> int:
        return min(size, _CAREFUL_WINDOW_BYTES if self._position < self._careful_until else WINDOW_BYTES)
