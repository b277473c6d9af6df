"""How far a transfer is: counted by all its workers, told to the observer a few times a second."""

import threading
import time
from typing import Final

from recording_operator.stopping import StopSignal
from recording_operator.transfer.job import TransferObserver

_TELL_EVERY_S: Final = 0.25


class Progress:
    """Bytes that the store has or is being sent. Never tells less than before: a part that is sent again is no loss."""

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
            self._observer.progress(bytes_done=done, bytes_total=self.total)


class Halt:
    """A stop signal within a stop signal: the transfer's own failure, or the caller's wish."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop
        self._own = threading.Event()

    def set(self) -> None:
        """End this transfer's workers."""
        self._own.set()

    def is_set(self) -> bool:
        """Whether the workers shall end now."""
        return self._own.is_set() or self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds, less if either signal comes."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            rest_s = 0.1 if until is None else min(0.1, until - time.monotonic())
            if rest_s <= 0:
                return False
            self._stop.wait(rest_s)
        return True
