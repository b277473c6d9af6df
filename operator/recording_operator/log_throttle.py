"""Limits repeated log messages: a problem that affects many objects, such as a missing permission, is logged once."""

import logging
import threading
import time
from collections.abc import Callable


class LogThrottle:
    """Lets the first message of each kind in a period through. Thread-safe. There must be few kinds."""

    def __init__(self, *, period_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_s: dict[str, float] = {}

    def level(self, kind: str, level: int = logging.WARNING) -> int:
        """`level` if no message of this kind was logged within the period, otherwise DEBUG."""
        if level <= logging.DEBUG:
            return level
        with self._lock:
            now_s, logged_s = self._clock(), self._logged_s.get(kind)
            if logged_s is not None and now_s - logged_s < self._period_s:
                return logging.DEBUG
            self._logged_s[kind] = now_s
        return level
