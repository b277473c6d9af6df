"""Counted downloads: by organisation, and as a recent rate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.costs.arrivals import OTHER
from recording_operator.costs.billing import SECONDS_PER_DAY
from recording_operator.costs.money import exact, share
from recording_operator.costs.sample import SHARED, Cell, Cells, Downloaded

_RECENT_S: Final = 28 * SECONDS_PER_DAY
_DAY: Final = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class RecentDownloads:
    """Recent downloads from locations that count them: bytes, and the seconds in which they were counted.

    Covers at most four weeks: when more time has passed, the bytes are scaled down to four weeks.
    """

    size_bytes: dict[tuple[str, str], int] = field(default_factory=dict)
    """By location and organisation (or SHARED)."""
    seconds: dict[str, int] = field(default_factory=dict)
    """By location."""

    def note(self, downloaded: Downloaded, *, begin: datetime, end: datetime) -> None:
        """Add the days between two samples. A location that no longer counts downloads is removed."""
        for location in self.seconds.keys() - downloaded.keys():
            self._forget(location)
        for location, by_day in downloaded.items():
            for day, by_org in by_day.items():
                if begin.date() <= day < (end - timedelta(microseconds=1)).date() + _DAY:
                    self._add(location, by_org)
            self.seconds[location] = self.seconds.get(location, 0) + int((end - begin).total_seconds())
            self._fade(location)

    def a_day(self, location: str) -> dict[str, Decimal] | None:
        """Bytes in a day by organisation; None if they are not counted."""
        seconds = self.seconds.get(location)
        if not seconds:
            return None
        with localcontext(exact()):
            return {
                org: Decimal(size_bytes) * SECONDS_PER_DAY / seconds
                for (name, org), size_bytes in self.size_bytes.items()
                if name == location
            }

    def _add(self, location: str, by_org: Mapping[str, int]) -> None:
        for org, size_bytes in by_org.items():
            self.size_bytes[location, org] = self.size_bytes.get((location, org), 0) + size_bytes

    def _fade(self, location: str) -> None:
        seconds = self.seconds[location]
        if seconds > _RECENT_S:
            for key, size_bytes in self.size_bytes.items():
                if key[0] == location:
                    self.size_bytes[key] = size_bytes * _RECENT_S // seconds
            self.seconds[location] = _RECENT_S

    def _forget(self, location: str) -> None:
        del self.seconds[location]
        self.size_bytes = {key: size_bytes for key, size_bytes in self.size_bytes.items() if key[0] != location}


def counted_on(downloaded: Downloaded, day: date) -> dict[str, Mapping[str, int]]:
    """Downloads of a day by location and organisation, for locations that count them."""
    return {location: by_day.get(day, {}) for location, by_day in downloaded.items()}


def with_counted(
    estimated: Mapping[Cell, int], counted: Mapping[str, Mapping[str, int]], level: Cells
) -> dict[Cell, int]:
    """Replace estimated downloads by counted ones. Downloads of SHARED are divided in proportion to stored bytes."""
    downloads = {cell: amount for cell, amount in estimated.items() if cell.storage_location not in counted}
    for location, by_org in counted.items():
        for org, size_bytes in by_org.items():
            weights = {
                cell: stored.readable_bytes
                for cell, stored in level.items()
                if cell.storage_location == location and org in (SHARED, cell.org)
            }
            other = Cell(location, OTHER, org or OTHER)
            for cell, part in share(Decimal(size_bytes), weights or {other: 1}, quantum=Decimal(1)).items():
                downloads[cell] = downloads.get(cell, 0) + int(part)
    return downloads
