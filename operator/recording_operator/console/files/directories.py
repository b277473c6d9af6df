"""The directories that signed links lead to. No request of a link reaches the API server: a link may be passed on."""

from collections.abc import Callable

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.console.auth.authentication import too_many
from recording_operator.console.auth.rates import RequestRates


class LinkedDirectories:
    """Finds the StorageLocation of a link, and limits how often. Thread-safe."""

    def __init__(self, known: Callable[[str], StorageLocation | None], rates: RequestRates) -> None:
        """`known` returns a StorageLocation by name, from memory."""
        self._known = known
        self._rates = rates

    def of(self, name: str, *, used_by: str) -> StorageLocation | None:
        """The StorageLocation with this name, if it is a directory. `used_by` has a limit. Raises Problem 429."""
        wait_s = self._rates.take(used_by)
        if wait_s:
            too_many("Too many requests were sent with links to this.", wait_s)
        location = self._known(name)
        return location if location is not None and location.spec.s3 is None else None
