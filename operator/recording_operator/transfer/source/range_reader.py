"""From the source's socket to the store's, window by window: nothing is buffered, everything is counted and summed."""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import InOrderDigest, crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.store import BodyAborted
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.client import SourceClient
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.response import SourceResponse
from recording_operator.transfer.upload.progress import ProgressMeter

WINDOW_BYTES: Final = 256 * 2**10
# After a broken connection smaller reads are made for a while: what came before the next break is then not lost.
_CAREFUL_WINDOW_BYTES: Final = 16 * 2**10
# A source that brings a little each time would hold its slot for ever (fault S17).
SLOW_DROPS_PER_PART: Final = 5
_CAREFUL_FOR_BYTES: Final = 2 * 2**20


class RangeReader:
    """A contiguous stretch of the source in one long GET, re-opened at the exact byte when it breaks.

    Belongs to one worker. Breaks without a new byte between them are counted by `budget`; `flow` says how many bytes
    may move.
    """

    def __init__(
        self, source: SourceClient, facts: ContentFacts, *, budget: RetryBudget, flow: Flow, stop: StopSignal
    ) -> None:
        self._source = source
        self._facts = facts
        self._budget = budget
        self._flow = flow
        self._stop = stop
        self._response: SourceResponse | None = None
        self._window = memoryview(bytearray(WINDOW_BYTES))
        self._position = 0
        self._end = 0
        self._highest = 0
        self._careful_until = 0
        self._cuts = 0
        self._part_at = 0
        self._slow_drops = 0

    def seek(self, position: int, *, end: int) -> None:
        """Go on reading at `position`; a GET that must be opened asks up to `end` (not included)."""
        if position > self._part_at:
            self._part_at, self._slow_drops = position, 0
        if position != self._position:
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
                self._broken(error, opened=opened)
                continue
            finally:
                self._flow.give_back(allowed - count)
            self._position += count
            if self._position > self._highest:
                self._highest = self._position
                self._cuts = 0
                self._budget.progressed()
            return self._window[:count]

    def close(self) -> None:
        """Drop the GET; the next read opens another."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _open(self) -> SourceResponse:
        return self._source.open_range(self._facts, start=self._position, end=self._end)

    def _wanted(self, size: int) -> int:
        return min(size, _CAREFUL_WINDOW_BYTES if self._position < self._careful_until else WINDOW_BYTES)

    def _broken(self, error: TransferError, *, opened: bool) -> None:
        self._careful_until = self._position + _CAREFUL_FOR_BYTES
        self._slow_drops += error.reason is Reason.SOURCE_TOO_SLOW
        if self._slow_drops >= SLOW_DROPS_PER_PART:
            raise error
        self._cuts += opened and error.reason is Reason.SOURCE_RESET
        try:
            self._budget.spend(error)
        except TransferError:
            if self._cuts and self._cuts == self._budget.failures:
                raise truncated(self._facts.host, self._position) from None
            raise


class PipedPart:
    """The body of one part, for the store's client to read. It can be read again: `seek(0)` goes back to the source."""

    def __init__(
        self,
        stream: RangeReader,
        *,
        start: int,
        length: int,
        end_of_get: int,
        progress: ProgressMeter,
        stop: StopSignal,
        digest: InOrderDigest | None,
    ) -> None:
        self._stream = stream
        self._start = start
        self._length = length
        self._end_of_get = end_of_get
        self._progress = progress
        self.stop = stop
        self._digest = digest
        self._position = 0
        self._crc = 0
        stream.seek(start, end=end_of_get)

    @property
    def crc64nvme(self) -> int:
        """The sum of what was handed out since the start."""
        return self._crc

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes | memoryview:  # noqa: ARG002 - clients ask for 16 KiB; a window costs less
        """The next window of the part, whatever `size` says; b"" at its end. Raises BodyAborted."""
        wanted = min(WINDOW_BYTES, self._length - self._position)
        if wanted == 0:
            return b""
        if self.stop.is_set():
            raise BodyAborted(Stopped())
        try:
            data = self._stream.read(wanted)
        except Exception as error:
            raise BodyAborted(error) from None
        if self._digest is not None:
            self._digest.feed(self._start + self._position, data)
        self._crc = crc64nvme(data, self._crc)
        self._position += len(data)
        self._progress.moved(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Back to the start of the part (0), or to where it is."""
        if whence == 1 and offset == 0:
            return self._position
        if whence != 0 or offset != 0:
            raise ValueError("a part can only be read again from its start")
        self.undo()
        self._stream.seek(self._start, end=self._end_of_get)
        return 0

    def undo(self) -> None:
        """Forget what was read: it did not arrive."""
        self._progress.moved(-self._position)
        self._position = 0
        self._crc = 0

    def tell(self) -> int:
        """How many bytes of the part were handed out."""
        return self._position


def truncated(host: str, position: int) -> TransferError:
    """The source ends too early, and again at the same byte."""
    return TransferError(Reason.SOURCE_TRUNCATED, f"{host} ends after {position} bytes every time, before its length.")
