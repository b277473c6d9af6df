"""Decides which StorageLocation counts an object if several share a bucket, so that each object is counted once.

The location with the longer prefix counts its own keys. If locations have the same bucket, prefix and template, the one
whose name sorts first counts for all of them (if it can be listed), because an object does not show its location.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from recording_operator.api.keytemplate import key_pattern
from recording_operator.api.storagelocation import StorageLocation


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

    @property
    def mark(self) -> str:
        """A text that identifies the key space."""
        return self.prefix if self.pattern is None else self.pattern.pattern

    def holds(self, key: str) -> bool:
        """Whether the other location counts this key."""
        return self.pattern is not None and self.pattern.fullmatch(key) is not None


class KeySpaces:
    """Which location counts which keys. `counted` are listed; `all_locations` may have objects there."""

    def __init__(self, counted: Iterable[StorageLocation], all_locations: Iterable[StorageLocation]) -> None:
        self._counted = sorted(counted, key=_name)
        self._all = sorted(all_locations, key=_name)

    def counted_by(self, location: StorageLocation) -> str | None:
        """The other location that counts this one's objects too; None if this location counts them itself."""
        twins = [other for other in self._counted if _twins(location, other)]
        return _name(twins[0]) if twins and _name(twins[0]) != _name(location) else None

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


def key_space(location: StorageLocation) -> KeySpace:
    """The key space of a location."""
    store = location.store
    return KeySpace(store.address, store.bucket, store.prefix)


def _name(location: StorageLocation) -> str:
    return location.metadata.name


def _twins(one: StorageLocation, other: StorageLocation) -> bool:
    return key_space(one) == key_space(other) and one.spec.key_template == other.spec.key_template


def _claim(location: StorageLocation) -> KeyClaim:
    prefix = location.store.prefix
    return KeyClaim(prefix, key_pattern(prefix=prefix, template=location.spec.key_template))
