"""Limits on how often something happens, and how often at the same time, for each key."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def give_back(self, key: str) -> None:
        """An event that was counted and allowed does not count."""
        with self._lock:
            self._left[key] = (self._steady_s(), min(self._most, self._refilled(key) + 1))

    def _refilled(self, key: str) -> float:
        at_s, left = self._left.get(key, (self._steady_s(), self._most))
        return min(self._most, left + (self._steady_s() - at_s) * self._per_s)


class RunningRequests:
    """Allows only so many requests of each key at the same time. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, key: str) -> Iterator[bool]:
        """Whether one more may run. It counts until the end of the context."""
        with self._lock:
            may_run = self._running[key] < self._most
            self._running[key] += may_run
        try:
            yield may_run
        finally:
            with self._lock:
                self._running[key] -= may_run
                if not self._running[key]:
                    del self._running[key]
