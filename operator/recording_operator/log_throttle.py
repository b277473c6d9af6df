"""What many objects meet at once, such as a missing right, is logged once and not for each of them."""

import logging
import threading
import time
from collections.abc import Callable


class LogThrottle:
    """Lets the first message of a period through, of each kind. Thread-safe; the kinds must be few."""

    def __init__(self, *, period_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_s: dict[str, float] = {}

    def level(self, kind: str, level: int = logging.WARNING) -> int:
        """`level` where no message of this kind was logged within the period, else DEBUG."""
        if level <= logging.DEBUG:
            return level
        with self._lock:
            now_s, logged_s = self._clock(), self._logged_s.get(kind)
            if logged_s is not None and now_s - logged_s < self._period_s:
                return logging.DEBUG
            self._logged_s[kind] = now_s
        return level
