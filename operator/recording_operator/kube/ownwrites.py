"""The versions of Recordings that this process has just written. The watch leaves out their events."""

import threading
from typing import Final

_REMEMBERED: Final = 10_000


class OwnWrites:
    """The resourceVersions that resulted from own writes. Thread-safe.

    A version is kept until its event arrives. If the event arrives before the response to the write, the event is
    handled like any other, and the version is dropped after 10,000 further writes.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._versions: dict[str, None] = {}  # in the order of the writes

    def add(self, version: str) -> None:
        """Note the resourceVersion in the response to a write. The writer knows the new state from this response."""
        with self._lock:
            self._versions[version] = None
            if len(self._versions) > self._remembered:
                del self._versions[next(iter(self._versions))]

    def take(self, version: str) -> bool:
        """Whether the version is of an own write. It is dropped then: its event arrives once."""
        with self._lock:
            return version in self._versions and self._versions.pop(version) is None
