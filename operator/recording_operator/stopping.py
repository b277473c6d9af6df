"""How work is told to end: a signal that is looked at, and what is raised then."""

import threading
import time
from typing import Protocol


class StopSignal(Protocol):
    """The part of `threading.Event` that a transfer uses; looked at for every window of 256 KiB."""

    def is_set(self) -> bool:
        """Whether the transfer shall end now."""

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep up to `timeout` seconds; True as soon as the signal is set."""


class Stopped(Exception):  # noqa: N818 - no error: the operator asked for it
    """The stop signal was set; the open upload and its parts are left as they are."""


class LinkedStopSignal:
    """A stop signal that is set by itself, or as soon as the one that it is linked to is set."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop
        self._own = threading.Event()

    def set(self) -> None:
        """Stop those who look at this signal."""
        self._own.set()

    def clear(self) -> None:
        """Take back `set`; the other signal stays as it is."""
        self._own.clear()

    def is_set(self) -> bool:
        """Whether one of the two signals is set."""
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
