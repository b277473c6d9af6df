"""The texts of `status.notes`: what the numbers of a report do not include, and how they were counted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from recording_operator.api.storagereport import ReportSource
from recording_operator.costs.view import ReportView
from recording_operator.usage.sample import UsageSample

_MOST_NAMED: Final = 10


def left_out(view: ReportView) -> Iterator[str]:
    """What is not included in any number."""
    scope, samples = view.scope, view.samples
    if names := _names(sorted(scope.locations.difference(view.terms.prices))):
        yield f"spec.scope.storageLocations names StorageLocations that do not exist: {names}."
    if names := _names(name for name in view.terms.prices if scope.includes_location(name) and name not in samples):
        yield f"Not counted yet, and not included: {names}."
    if names := _names(name for name, sample in samples.items() if sample.unsized_uploads):
        yield f"There are more open uploads in {names} than are counted."
    denied = (name for name, sample in samples.items() if sample.source is ReportSource.RECORDINGS)
    if names := _names(name for name in denied if samples[name].counted_by is None):
        yield (
            f"The buckets of {names} may not be listed. Objects of deleted Recordings, open uploads and noncurrent "
            "versions are not counted there."
        )
    rows = (row for sample in samples.values() for row in sample.stored)
    if size_bytes := sum(row.size_bytes for row in rows if scope.may_include(row.org, row.namespace)):
        yield (
            f"{size_bytes:,} bytes may belong to this scope and are not included: their Recordings no longer exist, "
            "and their keys do not show the owner; use a keyTemplate with folders {org} and {namespace}."
        )


def how_counted(samples: Mapping[str, UsageSample]) -> Iterator[str]:
    """Which locations share their objects with another one, and what the counts noted."""
    for name, sample in samples.items():
        if sample.counted_by is not None:
            other = sample.counted_by
            note = f"The objects of {name} are counted for {other}, which has the same bucket, prefix and keyTemplate."
            missing = f" This report does not include them; add {other} to spec.scope.storageLocations."
            yield note if other in samples else note + missing
    yield from dict.fromkeys(note for sample in samples.values() for note in sample.notes)


def _names(locations: Iterable[str]) -> str:
    names = list(locations)
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else named
