"""Progress of a transfer: counted by all its workers, and reported a few times a second."""

import threading
import time
from typing import Final

from recording_operator.transfer.observer import TransferObserver

_REPORT_EVERY_S: Final = 0.25


class ProgressMeter:
    """Counts for one observer.

    The reported progress of an upload never decreases, even if a part is sent again. Bytes that were moved are counted
    separately, because the progress of a resumed upload includes bytes that an earlier attempt has moved.
    """

    def __init__(self, observer: TransferObserver) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._reporting = threading.Lock()
        self._done = 0
        self._reported = 0
        self._reported_at = 0.0
        self._read = 0
        self._stored = 0
        self._counted_at = time.monotonic()
        self.total: int | None = None

    def restart(self, *, done: int, total: int | None) -> None:
        """An upload begins or resumes, with `done` bytes in the store."""
        with self._lock:
            self._done, self._reported, self.total = done, 0, total
        self._report(time.monotonic())

    def moved(self, count: int) -> None:
        """`count` more bytes were sent; negative if they must be sent again."""
        now = time.monotonic()
        with self._lock:
            self._done += count
            due = now - self._reported_at >= _REPORT_EVERY_S
        if due:
            self._report(now)

    def read(self, count: int) -> None:
        """Bytes were read from the source, for the first time or again."""
        self._count(read=count)

    def stored(self, count: int) -> None:
        """The store has confirmed `count` more bytes."""
        self._count(stored=count)

    def flush(self) -> None:
        """Report the remaining counts. Call it after the last byte was moved."""
        with self._lock:
            read, stored = self._read, self._stored
            self._read = self._stored = 0
            self._counted_at = time.monotonic()
        if read or stored:
            self._observer.bytes_moved(read_bytes=read, stored_bytes=stored)

    def _count(self, *, read: int = 0, stored: int = 0) -> None:
        with self._lock:
            self._read += read
            self._stored += stored
            due = time.monotonic() - self._counted_at >= _REPORT_EVERY_S
        if due:
            self.flush()

    def _report(self, now: float) -> None:
        with self._reporting:  # otherwise a slower worker could report a lower number after a higher one
            with self._lock:
                self._reported_at = now
                self._reported = done = max(self._reported, self._done)
            self._observer.progress(sent_bytes=done, total_bytes=self.total)
