"""How many requests may wait for stores at the same time. Each one holds a thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from recording_operator.console.problems import Problem

_RETRY_AFTER_S: Final = 10


class StorePlaces:
    """Bounds the requests that wait for stores: one that does not respond leaves threads for everything else.

    A request waits a moment for a place: a browser sends several at once, and a store responds soon. The process has 40
    threads for requests. Thread-safe.
    """

    def __init__(
        self, *, most: int = 12, most_of_one: int = 6, most_waiting: int = 8, longest_wait_s: float = 3.0
    ) -> None:
        """`most_of_one`: of one location, in places, and as many that wait for them."""
        self._most = most
        self._most_of_one = most_of_one
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        self._changed = threading.Condition()
        self._taken: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def one(self, location: str) -> Iterator[None]:
        """A place for a request to the store of this location. Raises Problem 503 if none gets free."""
        with self._changed:
            if not self._is_free(location):
                self._wait(location)
            self._taken[location] += 1
        try:
            yield
        finally:
            with self._changed:
                _subtract_one(self._taken, location)
                self._changed.notify_all()

    def waiting(self, location: str) -> int:
        """How many wait for a place."""
        with self._changed:
            return self._waiting[location]

    def _is_free(self, location: str) -> bool:
        return self._taken[location] < self._most_of_one and self._taken.total() < self._most

    def _wait(self, location: str) -> None:
        if self._waiting[location] >= self._most_of_one or self._waiting.total() >= self._most_waiting:
            raise _too_many(location)
        self._waiting[location] += 1
        try:
            if not self._changed.wait_for(lambda: self._is_free(location), self._longest_wait_s):
                raise _too_many(location)
        finally:
            _subtract_one(self._waiting, location)


def store_unavailable(detail: str) -> Problem:
    """Problem 503 of a store."""
    retry = {"Retry-After": str(_RETRY_AFTER_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{detail} Try again later.", headers=retry)


def _too_many(location: str) -> Problem:
    return store_unavailable(f"Too many requests wait for the store of StorageLocation {location}.")


def _subtract_one(counts: Counter[str], location: str) -> None:
    counts[location] -= 1
    if not counts[location]:
        del counts[location]
