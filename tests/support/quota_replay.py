"""Replays the histories of Recordings: how much each owner of a quota had stored at any moment."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from recording_operator.api.units import parse_quantity
from tests.support.history import version_of

JsonObject = dict[str, Any]


class Stored(NamedTuple):
    """What the Recordings of an owner had stored at one moment."""

    size_bytes: int
    recordings: int


def passed(quota: JsonObject, versions: Iterable[JsonObject], *, location: str, unsized_bytes: int) -> Stored | None:
    """The first moment at which a quota was passed by more than one artifact of unknown length, if any."""
    most_bytes = parse_quantity(quota["bytes"]) + unsized_bytes if "bytes" in quota else None
    for stored in _moments(quota, versions, location):
        if most_bytes is not None and stored.size_bytes > most_bytes:
            return stored
        if stored.recordings > quota.get("recordings", stored.recordings):
            return stored
    return None


def _moments(quota: JsonObject, versions: Iterable[JsonObject], location: str) -> Iterator[Stored]:
    now: dict[str, int] = {}
    for version in sorted(versions, key=version_of):
        meta, status = version["metadata"], version.get("status", {})
        place = status.get("storageLocation") or version["spec"].get("storageLocation")
        whose = version["spec"]["owner"]["org"] if quota.get("org") else meta["namespace"]
        if place != location or whose != (quota.get("org") or quota.get("namespace")):
            continue
        sizes = [one["bytesDone"] for one in status.get("artifacts", []) if one["phase"] == "Complete"]
        now.pop(meta["uid"], None)
        if sizes and "deletionTimestamp" not in meta:
            now[meta["uid"]] = sum(sizes)
        yield Stored(sum(now.values()), len(now))
