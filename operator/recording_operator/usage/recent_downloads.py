"""Downloads of each Recording in recent weeks, where access logs say so: the largest, and the rest of each week."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from recording_operator.usage.sample import OTHER, RecordingDownloadRow

KEPT_DAYS: Final = 28
"""The days before that of the sample that are kept, and what else belongs to their weeks."""
MOST_ROWS: Final = 5_000
"""Recordings and weeks that are named in a sample."""
_MOST_COUNTED: Final = 100_000
"""The same in memory while logs are read."""


class _Place(NamedTuple):
    uid: str
    week: date


class _Amount(NamedTuple):
    size_bytes: int = 0
    requests: int = 0

    def plus(self, size_bytes: int, requests: int) -> "_Amount":
        return _Amount(self.size_bytes + size_bytes, self.requests + requests)


class RecentDownloads:
    """Adds up downloads by Recording and week."""

    def __init__(self) -> None:
        self._amounts: dict[_Place, _Amount] = {}

    def add(self, uid: str, *, day: date, size_bytes: int, requests: int = 1) -> None:
        """Add requests for objects of a Recording."""
        place = _Place(uid, week_of(day))
        if place not in self._amounts and len(self._amounts) >= _MOST_COUNTED:
            place = _Place(OTHER, place.week)
        self._amounts[place] = self._amounts.get(place, _Amount()).plus(size_bytes, requests)

    def clear(self) -> None:
        """Forget them."""
        self._amounts.clear()

    def after(self, rows: Iterable[RecordingDownloadRow], *, at: datetime) -> tuple[RecordingDownloadRow, ...]:
        """The rows of a sample of that time: these downloads, and those of the previous sample that are recent."""
        oldest = week_of(at.date() - timedelta(days=KEPT_DAYS))
        amounts = {place: amount for place, amount in self._amounts.items() if place.week >= oldest}
        for row in rows:
            if row.week >= oldest:
                place = _Place(row.uid, row.week)
                amounts[place] = amounts.get(place, _Amount()).plus(row.size_bytes, row.requests)
        return tuple(
            RecordingDownloadRow(uid=uid, week=week, requests=amount.requests, size_bytes=amount.size_bytes)
            for (uid, week), amount in sorted(_bounded(amounts))
        )


def week_of(day: date) -> date:
    """The Monday of the week."""
    return day - timedelta(days=day.weekday())


def _bounded(amounts: dict[_Place, _Amount]) -> Iterator[tuple[_Place, _Amount]]:
    """The largest rows by name; the others share one a week."""
    named = [(amount, place) for place, amount in amounts.items() if place.uid != OTHER]
    rest = {place.week: amount for place, amount in amounts.items() if place.uid == OTHER}
    named.sort(reverse=True)
    for amount, place in named[MOST_ROWS:]:
        rest[place.week] = rest.get(place.week, _Amount()).plus(*amount)
    yield from ((place, amount) for amount, place in named[:MOST_ROWS])
    yield from ((_Place(OTHER, week), amount) for week, amount in rest.items())
