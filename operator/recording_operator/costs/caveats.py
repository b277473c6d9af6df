"""The texts of `status.notes`: what the numbers of a report do not include, and how they were counted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from recording_operator.api.storagereport import ReportSource
from recording_operator.costs.scope import ScopeFilter
from recording_operator.usage.sample import UsageSample

_MOST_NAMED: Final = 10


def not_included(samples: Mapping[str, UsageSample], scope: ScopeFilter) -> Iterator[str]:
    """What is not included in any number. `samples` are the newest ones of the locations in scope."""
    if names := _names(name for name, sample in samples.items() if sample.unsized_uploads):
        yield f"There are more open uploads in {names} than are counted."
    denied = (name for name, sample in samples.items() if sample.source is ReportSource.RECORDINGS)
    if names := _names(name for name in denied if samples[name].counted_by is None):
        yield (
            f"The buckets of {names} may not be listed. Objects of deleted Recordings, open uploads and noncurrent "
            "versions are not counted there."
        )
    size_bytes = sum(
        row.size_bytes
        for sample in samples.values()
        for row in sample.stored
        if scope.may_include(row.org, row.namespace)
    )
    if size_bytes:
        yield (
            f"{size_bytes:,} bytes may belong to this scope and are not included: their Recordings no longer exist, "
            "and their keys do not show the owner; use a keyTemplate with folders {org} and {namespace}."
        )


def counted_elsewhere(samples: Mapping[str, UsageSample]) -> Iterator[str]:
    """Which locations share their objects with another one."""
    for name, sample in samples.items():
        if sample.counted_by is not None:
            other = sample.counted_by
            note = f"The objects of {name} are counted for {other}, which has the same bucket, prefix and keyTemplate."
            missing = f" This report does not include them; add {other} to spec.scope.storageLocations."
            yield note if other in samples else note + missing


def told_by_counts(samples: Mapping[str, UsageSample]) -> Iterable[str]:
    """What the counts noted."""
    return dict.fromkeys(note for sample in samples.values() for note in sample.notes)


def never_counted(names: Iterable[str]) -> Iterator[str]:
    """Which locations have no sample yet."""
    if named := _names(sorted(names)):
        yield f"Not counted yet, and not included: {named}."


def not_existing(scope: ScopeFilter, existing: Iterable[str]) -> Iterator[str]:
    """Which locations the scope names although there are none."""
    if named := _names(sorted(scope.locations.difference(existing))):
        yield f"spec.scope.storageLocations names StorageLocations that do not exist: {named}."


def _names(locations: Iterable[str]) -> str:
    names = list(locations)
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else named
