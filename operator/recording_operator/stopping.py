"""How work is stopped: a signal that it checks, and the exception that it raises."""

import threading
import time
from typing import Protocol


class StopSignal(Protocol):
    """The part of `threading.Event` that a transfer uses. It is checked for every window of 256 KiB."""

    def is_set(self) -> bool:
        """Whether the transfer must stop now."""

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds; True as soon as the signal is set."""


class Stopped(Exception):  # noqa: N818 - no error: the operator stopped it
    """The stop signal was set. The open upload and its parts are kept."""


class LinkedStopSignal:
    """A stop signal that is also set when the signal to which it is linked is set."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop
        self._own = threading.Event()

    def set(self) -> None:
        """Set this signal."""
        self._own.set()

    def clear(self) -> None:
        """Undo `set`. The linked signal does not change."""
        self._own.clear()

    def is_set(self) -> bool:
        """Whether one of the two signals is set."""
        return self._own.is_set() or self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds, or until one of the two signals is set."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            rest_s = 0.1 if until is None else min(0.1, until - time.monotonic())
            if rest_s <= 0:
                return False
            self._stop.wait(rest_s)
        return True


class Deadline:
    """A stop signal that is also set after `within_s` seconds."""

    def __init__(self, stop: StopSignal, *, within_s: float) -> None:
        self._stop = stop
        self._until_s = time.monotonic() + within_s

    @property
    def left_s(self) -> float:
        """How many seconds are left."""
        return max(0.0, self._until_s - time.monotonic())

    def is_set(self) -> bool:
        """Whether the signal is set, or the time is over."""
        return self._stop.is_set() or time.monotonic() >= self._until_s

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds, or until the signal is set."""
        self._stop.wait(self.left_s if timeout is None else min(timeout, self.left_s))
        return self.is_set()
