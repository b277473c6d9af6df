"""How many parts of uploads may arrive at the same time. Each one holds a thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from recording_operator.console.problems import Problem

_AT_ONCE: Final = 16
_RETRY_AFTER_S: Final = 2


class PartPlaces:
    """Places for parts that arrive. Thread-safe.

    A namespace gets another one only while more are free than it has: alone at most half of them, and some are left for
    the next one.
    """

    def __init__(self, places: int = _AT_ONCE) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, namespace: str) -> Iterator[None]:
        """A place for one part. Raises Problem 503 if there is none."""
        with self._lock:
            if self._free <= self._taken[namespace]:
                wait = {"Retry-After": str(_RETRY_AFTER_S), "Connection": "close"}
                detail = "The console receives many parts now. Try again."
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=wait)
            self._free -= 1
            self._taken[namespace] += 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
                self._taken[namespace] -= 1
                self._taken += Counter()  # without those that have none
