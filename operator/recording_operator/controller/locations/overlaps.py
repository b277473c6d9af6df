"""Locations of filesystems whose directories lie one below the other."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from recording_operator.api.storagelocation import StorageLocation

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def overlapping(location: StorageLocation, others: Iterable[StorageLocation]) -> StorageLocation | None:
    """The older location whose directory contains that of this one, or lies below it; None if there is none.

    The files of the inner one would count as objects of the outer one, with the operator's own folder. Of two, the
    older one is used: what is stored there stays usable. Two prefixes in one directory are like two in one bucket.
    """
    found = [other for other in others if _overlap(location, other) and _age(other) < _age(location)]
    return min(found, key=_age, default=None)


def _overlap(one: StorageLocation, other: StorageLocation) -> bool:
    if one.spec.filesystem is None or other.spec.filesystem is None:
        return False
    paths = (f"{one.spec.filesystem.path}/", f"{other.spec.filesystem.path}/")
    return paths[0] != paths[1] and (paths[0].startswith(paths[1]) or paths[1].startswith(paths[0]))


def _age(location: StorageLocation) -> tuple[datetime, str]:
    return location.metadata.creation_timestamp or _NEVER, location.metadata.name
