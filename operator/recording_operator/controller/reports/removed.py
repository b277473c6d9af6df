"""Notes about deleted StorageLocations without a copy of their usage samples, which cannot be read any more.

The status is the only memory of them: of the refresh before the deletion its rows, and from then on the note itself.
"""

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.scope import ScopeFilter
from recording_operator.usage.months import first_of_month

_NOTE: Final = (
    "StorageLocation {name} was deleted (noticed on {day}). Its usage samples cannot be read without it, so its costs "
    "of earlier days are not included either. Created again with the same bucket and prefix, it is included again."
)
_FOUND: Final = re.compile(re.escape(_NOTE).replace(r"\{name\}", r"(\S+)").replace(r"\{day\}", r"(\d{4}-\d\d-\d\d)"))
_MOST: Final = 10


def removed_locations(report: StorageReport, locations: Collection[str], *, now: datetime) -> list[str]:
    """Sentences about locations that the last refresh included, and that no longer exist and have no copy.

    Names with parentheses are those of other rows: (other), and deleted locations that had a copy.
    They remain until the month after is over, because until then a month's cost is affected.
    """
    scope = ScopeFilter.of(report.spec.scope)
    found = dict(filter(None, map(_read, report.status.notes)))
    for row in report.status.by_storage_location:
        found.setdefault(row.name, now.date())
    oldest = first_of_month(first_of_month(now.date()) - timedelta(days=1))
    gone = {
        name: day
        for name, day in found.items()
        if name not in locations and not name.endswith(")") and scope.includes_location(name) and day >= oldest
    }
    return [_NOTE.format(name=name, day=day) for name, day in sorted(gone.items())[:_MOST]]


def _read(note: str) -> tuple[str, date] | None:
    found = _FOUND.fullmatch(note)
    try:
        return (found[1], date.fromisoformat(found[2])) if found is not None else None
    except ValueError:
        return None  # written by another program
