"""The owner of each Recording by uid, in about twenty bytes per Recording."""

from array import array
from bisect import bisect_left
from datetime import UTC, datetime
from typing import Final

_UID_DIGITS: Final = 16


class RecordingIndex:
    """Finds organisation and namespace by uid. `listed_from` is when the listing of Recordings began."""

    def __init__(self, *, listed_from: datetime | None = None) -> None:
        self.listed_from = listed_from or datetime.now(UTC)
        self._keys = array("Q")
        self._owners = array("L")
        self._names: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._sorted = True

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, uid: str, *, org: str, namespace: str) -> None:
        """Add a Recording."""
        owner = (org, namespace)
        number = self._numbers.get(owner)
        if number is None:
            number = self._numbers[owner] = len(self._names)
            self._names.append(owner)
        self._keys.append(_key(uid))
        self._owners.append(number)
        self._sorted = False

    def owner(self, uid: str) -> tuple[str | None, str | None, bool]:
        """Organisation and namespace of a Recording, and whether it exists."""
        if not self._sorted:
            self._sort()
        key = _key(uid)
        position = bisect_left(self._keys, key)
        if position < len(self._keys) and self._keys[position] == key:
            return (*self._names[self._owners[position]], True)
        return None, None, False

    def _sort(self) -> None:
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        self._keys = array("Q", (self._keys[position] for position in order))
        self._owners = array("L", (self._owners[position] for position in order))
        self._sorted = True


def _key(uid: str) -> int:
    """64 bits of the uid, most of them random. For a million uids, a collision has a probability of 10**-7."""
    return int(uid.replace("-", "")[:_UID_DIGITS], 16)
