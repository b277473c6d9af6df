"""A part that is held in memory."""

import threading
from typing import Final

from recording_operator.checksums import crc64nvme
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.store import BodyAborted

_WINDOW_BYTES: Final = 256 * 2**10


class BufferedPart:
    """`data` as the body of a part. `stop` aborts reading it."""

    def __init__(self, data: bytes | bytearray | memoryview, *, stop: StopSignal | None = None) -> None:
        self.stop: Final[StopSignal] = stop or threading.Event()
        self._data = memoryview(data)
        self._position = 0
        self._crc = 0

    @property
    def crc64nvme(self) -> int:
        """Checksum of the bytes read since the start."""
        return self._crc

    def __len__(self) -> int:
        return len(self._data)

    def read(self, size: int = -1) -> bytes | memoryview:  # noqa: ARG002 - a whole window is cheaper than what clients request
        """The next window; b"" at the end. Raises BodyAborted."""
        if self.stop.is_set():
            raise BodyAborted(Stopped())
        window = self._data[self._position : self._position + _WINDOW_BYTES]
        self._crc = crc64nvme(window, self._crc)
        self._position += len(window)
        return window

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - clients only ever go back to the start
        """Return to the start."""
        self._position = self._crc = 0
        return 0

    def tell(self) -> int:
        """Number of bytes read."""
        return self._position
