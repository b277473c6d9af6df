"""The metrics of the console. No label contains text of users."""

from collections.abc import Callable

from recording_operator.processmetrics import ProcessMetrics


class ConsoleMetrics(ProcessMetrics):
    """All metrics of a console. Thread-safe."""

    def __init__(self, *, version: str) -> None:
        super().__init__(kind="console", of="console", version=version)
        self._outdated = self._gauge("console_outdated", "1 while what the console shows may be old, else 0.")
        self._incomplete = self._gauge(
            "console_unread_locations",
            "StorageLocations of which the console has not read all manifests: not yet, or the store denies some.",
        )

    def outdated_from(self, reason: Callable[[], str | None]) -> None:
        """Where to read why what is shown may be old; None means that it is not."""
        self._outdated.set_function(lambda: 0 if reason() is None else 1)

    def incomplete_from(self, locations: Callable[[], int]) -> None:
        """Where to read of how many StorageLocations not all manifests are read."""
        self._incomplete.set_function(locations)
