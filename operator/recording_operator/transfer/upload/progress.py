"""How far a transfer is: counted by all its workers, told to the observer a few times a second."""

import threading
import time
from typing import Final

from recording_operator.transfer.observer import TransferObserver

_TELL_EVERY_S: Final = 0.25


class ProgressMeter:
    """Bytes sent to the store, parts of earlier attempts included.

    Never tells less than before: a part that is sent again is no loss.
    """

    def __init__(self, observer: TransferObserver) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._done = 0
        self._told = 0
        self._told_at = 0.0
        self.total: int | None = None

    def restart(self, *, done: int, total: int | None) -> None:
        """A new upload begins, or one goes on, with `done` bytes in the store."""
        with self._lock:
            self._done, self._told, self.total = done, 0, total
        self._tell(time.monotonic())

    def moved(self, count: int) -> None:
        """`count` bytes more are on their way; less than none where they must be sent again."""
        now = time.monotonic()
        with self._lock:
            self._done += count
            due = now - self._told_at >= _TELL_EVERY_S
        if due:
            self._tell(now)

    @property
    def done(self) -> int:
        """Bytes stored or on their way."""
        return self._done

    def _tell(self, now: float) -> None:
        with self._telling:  # or who was overtaken by another worker would tell less after more
            with self._lock:
                self._told_at = now
                self._told = done = max(self._told, self._done)
            self._observer.progress(sent_bytes=done, total_bytes=self.total)
