"""Limits on how often something happens, for each key."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_KEYS: Final = 20_000
_MINUTE_S: Final = 60.0


class RequestRates:
    """Allows `per_minute` events for each key, at once or spread over a minute. Thread-safe.

    Keeps the keys that were used last; a key that is forgotten starts again.
    """

    def __init__(self, *, per_minute: int, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / _MINUTE_S
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Count an event. Returns 0, or the seconds until the next one is allowed if this one is not."""
        with self._lock:
            left = self._refilled(key)
            if left >= 1:
                left -= 1
                wait_s = 0.0
            else:
                wait_s = (1 - left) / self._per_s
            self._left[key] = (self._steady_s(), left)
            self._left.move_to_end(key)
            if len(self._left) > _MOST_KEYS:
                self._left.popitem(last=False)
            return wait_s

    def wait_s(self, key: str) -> float:
        """The seconds until an event is allowed; 0 if one is. Counts none."""
        with self._lock:
            return max(0.0, (1 - self._refilled(key)) / self._per_s)

    def _refilled(self, key: str) -> float:
        at_s, left = self._left.get(key, (self._steady_s(), self._most))
        return min(self._most, left + (self._steady_s() - at_s) * self._per_s)
