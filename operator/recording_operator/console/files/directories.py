"""The directories that signed links lead to. No request of a link reaches the API server: a link may be passed on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.console.auth.authentication import too_many
from recording_operator.console.auth.rates import RequestRates, RunningRequests

MOST_READING: Final = 32
"""Requests of one address for the files of one Recording that run at the same time: a player has several."""


class LinkedDirectories:
    """Finds the StorageLocation of a link, and limits how often. Thread-safe."""

    def __init__(self, known: Callable[[str], StorageLocation | None], rates: RequestRates) -> None:
        """`known` returns a StorageLocation by name, from memory."""
        self._known = known
        self._rates = rates
        self._reading = RunningRequests(MOST_READING)

    @contextmanager
    def reading(self, used_by: str) -> Iterator[None]:
        """A request that runs until its response is sent. `used_by` has a limit. Raises Problem 429."""
        with self._reading.one(used_by) as may_run:
            if not may_run:
                too_many("Too many requests with links to this are running.", 1)
            yield

    def of(self, name: str, *, used_by: str) -> StorageLocation | None:
        """The StorageLocation with this name, if it is a directory. `used_by` has a limit. Raises Problem 429."""
        wait_s = self._rates.take(used_by)
        if wait_s:
            too_many("Too many requests were sent with links to this.", wait_s)
        location = self._known(name)
        return location if location is not None and location.spec.s3 is None else None
