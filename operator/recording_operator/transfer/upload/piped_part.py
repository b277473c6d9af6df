"""The body of a part that streams from the source's socket to the store's, one window at a time, without buffering."""

from recording_operator.checksums import InOrderDigest, crc64nvme
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.store import BodyAborted
from recording_operator.transfer.progress import ProgressMeter
from recording_operator.transfer.source.range_reader import WINDOW_BYTES, RangeReader


class PipedPart:
    """The body of one part, for the store's client to read. `seek(0)` requests its range from the source again."""

    def __init__(
        self,
        reader: RangeReader,
        *,
        start: int,
        length: int,
        end_of_get: int,
        progress: ProgressMeter,
        stop: StopSignal,
        digest: InOrderDigest | None,
    ) -> None:
        self._reader = reader
        self._start = start
        self._length = length
        self._end_of_get = end_of_get
        self._progress = progress
        self.stop = stop
        self._digest = digest
        self._position = 0
        self._crc = 0
        reader.seek(start, end=end_of_get)

    @property
    def crc64nvme(self) -> int:
        """Checksum of the bytes read since the start."""
        return self._crc

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes | memoryview:  # noqa: ARG002 - clients read 16 KiB at a time; a larger window is cheaper
        """The next window of the part, regardless of `size`; b"" at its end. Raises BodyAborted."""
        size_bytes = min(WINDOW_BYTES, self._length - self._position)
        if size_bytes == 0:
            return b""
        if self.stop.is_set():
            raise BodyAborted(Stopped())
        try:
            data = self._reader.read(size_bytes)
        except Exception as error:  # noqa: BLE001 - the sender raises it again
            raise BodyAborted(error) from None
        if self._digest is not None:
            self._digest.feed(self._start + self._position, data)
        self._crc = crc64nvme(data, self._crc)
        self._position += len(data)
        self._progress.moved(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Return to the start of the part, to send it again. The only other allowed target is the current position."""
        if whence == 1 and offset == 0:
            return self._position
        if whence != 0 or offset != 0:
            raise ValueError("a part can only be read again from its start")
        self._progress.moved(-self._position)
        self._position = 0
        self._crc = 0
        self._reader.seek(self._start, end=self._end_of_get)
        return 0

    def tell(self) -> int:
        """Number of bytes read."""
        return self._position
