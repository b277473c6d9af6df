"""The texts of `status.notes`: what the numbers of a report do not include, and how they were counted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.costs.usage import Usage

MOST_SIZED_UPLOADS: Final = 1000
"""Maximum number of uploads in a location whose parts are listed. A listing of uploads contains no sizes."""
_MOST_NAMED: Final = 10


def not_counted(listed: Iterable[StorageLocation], denied: Iterable[StorageLocation], usage: Usage) -> Iterator[str]:
    """Notes about bytes that may be billed but are not included in any number."""
    listed = list(listed)
    if names := _names(one for one in listed if one.status.capabilities.get("versioning")):
        yield f"Noncurrent versions and delete markers are not counted. The buckets of {names} are versioned."
    if names := _names(one for one in listed if "versioning" not in one.status.capabilities):
        yield f"Noncurrent versions are not counted. It is not known yet whether the buckets of {names} have any."
    if names := _names(one for one in listed if one.metadata.name in usage.unsized_uploads):
        yield f"Only the first {MOST_SIZED_UPLOADS} open uploads of {names} are counted."
    if names := _names(denied):
        yield (
            f"The buckets of {names} may not be listed. Objects of deleted Recordings, open uploads and noncurrent "
            "versions are not counted there."
        )


def counted_so(usage: Usage, shared: Mapping[str, str | None], *, account_restarts: bool) -> Iterator[str]:
    """Notes about how the numbers were counted."""
    for name, counter in shared.items():
        if counter is not None:
            yield f"The objects of {name} are counted for {counter}, which shares the bucket."
    if usage.unattributed_bytes:
        yield (
            f"{usage.unattributed_bytes} bytes may belong to this scope and are not included, because their Recordings "
            "no longer exist and their keys do not show the owner. Use a keyTemplate with the folders {org} and "
            "{namespace}."
        )
    if account_restarts:
        yield "The account of this month starts again, because another scope or a future day was counted before."


def _names(locations: Iterable[StorageLocation]) -> str:
    names = [location.metadata.name for location in locations]
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else named
