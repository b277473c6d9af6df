"""Which versions of Recordings this process wrote itself: the watch leaves out their events, which say nothing new."""

import threading
from typing import Final

_REMEMBERED: Final = 10_000


class OwnWrites:
    """The versions that the API server answered our writes with. Thread-safe.

    Each is remembered until its event comes. Where the event comes first, it is handled as any other, and the version
    is forgotten when so many others were written.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._versions: dict[str, None] = {}  # in the order of the writes

    def add(self, version: str) -> None:
        """A write was answered with this resourceVersion; its result is known to whoever wrote."""
        with self._lock:
            self._versions[version] = None
            if len(self._versions) > self._remembered:
                del self._versions[next(iter(self._versions))]

    def take(self, version: str) -> bool:
        """Whether the version is of our own write. It is forgotten: its event comes once."""
        with self._lock:
            return version in self._versions and self._versions.pop(version) is None
