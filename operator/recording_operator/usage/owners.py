"""Who owns an object: its Recording, found by uid, and the location that counts it, if several share a bucket.

Each object is counted once. The location with the longer prefix counts its own keys. If locations have the same bucket,
prefix and template, the one whose name sorts first counts for all of them (if it can be listed), because an object does
not show its location.
"""

import hashlib
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from recording_operator.api.keytemplate import key_pattern, manifest_patterns
from recording_operator.api.storagelocation import StorageLocation

_UID_DIGITS: Final = 16


class RecordingIndex:
    """Finds organisation and namespace by uid, in about twenty bytes per Recording.

    `listed_from` is when the listing of Recordings began.
    """

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


class KeySpace(NamedTuple):
    """Where a location's objects are. Different spellings of an endpoint are equal."""

    address: str
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """Keys that belong to another location: those under its prefix that match its template."""

    prefix: str
    pattern: re.Pattern[str] | None
    manifests: tuple[re.Pattern[str], ...] = ()

    @property
    def mark(self) -> str:
        """Identifies the claim."""
        return self.prefix if self.pattern is None else self.pattern.pattern

    def holds(self, key: str) -> bool:
        """Whether the other location counts this key."""
        if self.pattern is None:
            return False
        return any(pattern.fullmatch(key) for pattern in (self.pattern, *self.manifests))


class KeySpaces:
    """Which location counts which keys. `counted` are listed; `all_locations` may have objects there."""

    def __init__(self, counted: Iterable[StorageLocation], all_locations: Iterable[StorageLocation]) -> None:
        self._counted = sorted(counted, key=_name)
        self._all = sorted(all_locations, key=_name)

    def counted_by(self, location: StorageLocation) -> str | None:
        """The other location that counts this one's objects too; None if this location counts them itself."""
        twins = [other for other in self._counted if _twins(location, other)]
        return _name(twins[0]) if twins and _name(twins[0]) != _name(location) else None

    def twins_of(self, location: StorageLocation) -> list[str]:
        """The other locations of the same bucket, prefix and template."""
        return [_name(other) for other in self._all if _name(other) != _name(location) and _twins(location, other)]

    def claims_on(self, location: StorageLocation) -> tuple[KeyClaim, ...]:
        """The keys in this location's listing that other locations count: a longer prefix, or an earlier name."""
        mine, claims = key_space(location), []
        for other in self._all:
            theirs = key_space(other)
            if theirs[:2] == mine[:2] and theirs.prefix != mine.prefix and theirs.prefix.startswith(mine.prefix):
                claims.append(_claim(other))
        for other in self._counted:
            if key_space(other) == mine and _name(other) < _name(location) and not _twins(location, other):
                claims.append(_claim(other))
        return tuple(sorted(claims, key=lambda claim: claim.prefix))

    def others_on(self, location: StorageLocation) -> tuple[KeyClaim, ...]:
        """The keys in this location's listing that any other location could have made, but for its twins."""
        mine = key_space(location)
        others = (one for one in self._all if _name(one) != _name(location) and not _twins(location, one))
        return tuple(_claim(one) for one in others if key_space(one)[:2] == mine[:2])


def basis_of(location: StorageLocation, claims: Iterable[KeyClaim], *, versions: bool) -> str:
    """Identifies what a count of the location includes. Only counts with the same basis can be compared.

    `versions`: noncurrent versions are listed too.
    """
    parts = (location.store.prefix, location.spec.key_template, [claim.mark for claim in claims], versions)
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def key_space(location: StorageLocation) -> KeySpace:
    """The key space of a location."""
    store = location.store
    return KeySpace(store.address, store.bucket, store.prefix)


def _name(location: StorageLocation) -> str:
    return location.metadata.name


def _twins(one: StorageLocation, other: StorageLocation) -> bool:
    return key_space(one) == key_space(other) and one.spec.key_template == other.spec.key_template


def _claim(location: StorageLocation) -> KeyClaim:
    prefix, template = location.store.prefix, location.spec.key_template
    return KeyClaim(
        prefix,
        key_pattern(prefix=prefix, template=template),
        manifest_patterns(prefix=prefix, template=template),
    )


def _key(uid: str) -> int:
    """64 bits of the uid, most of them random. For a million uids, a collision has a probability of 10**-7."""
    return int(uid.replace("-", "")[:_UID_DIGITS], 16)
