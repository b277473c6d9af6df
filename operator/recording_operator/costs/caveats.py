"""The texts of `status.notes`: what the numbers of a report do not include, and how they were counted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from recording_operator.api.storagereport import ReportSource
from recording_operator.costs.charges import month_before
from recording_operator.costs.view import ReportView, cost_of_month
from recording_operator.usage.sample import UsageSample

_MOST_NAMED: Final = 10


def left_out(view: ReportView) -> Iterator[str]:
    """What is not included in any number."""
    scope, samples = view.scope, view.samples
    existing = {*view.terms.prices, *view.deleted_names.values()}
    if names := _names(sorted(scope.locations - existing)):
        yield f"spec.scope.storageLocations names StorageLocations that do not exist: {names}."
    counted = samples.keys() | view.deleted.keys()
    if names := _names(name for name in view.terms.prices if scope.includes_location(name) and name not in counted):
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


def deletions(view: ReportView, currency: str) -> Iterator[str]:
    """Which locations were deleted, and what of them is included."""
    for key, newest in recently_deleted(view).items():
        charges = [charge for charge in view.charges if charge.location == key]
        this_month, last_month = (cost_of_month(charges, month) for month in (view.month, month_before(view.month)))
        later = "That was its last count: later costs are not included, also if its objects are still there."
        if newest.counted_by is not None:
            later = f"Its objects are counted for {newest.counted_by}."
        yield (
            f"StorageLocation {view.deleted_names[key]} was deleted. Its costs until {newest.at:%Y-%m-%d %H:%M} UTC "
            f"are included: {this_month:,f} {currency} this month, {last_month:,f} {currency} last month. {later}"
        )


def recently_deleted(view: ReportView) -> dict[str, UsageSample]:
    """The deleted locations that were counted this month or the last, the last one first."""
    recent = (one for one in view.deleted.items() if one[1].at.date() >= month_before(view.month))
    return dict(sorted(recent, key=lambda one: one[1].at, reverse=True)[:_MOST_NAMED])


def _names(locations: Iterable[str]) -> str:
    names = list(locations)
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else named
