"""How the usage of a location develops: growth by weekday, and recent uploads and downloads, for each owner.

All amounts are of single owners, so that projections of a part of the owners add up to those of all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import add
from typing import Final

from recording_operator.usage.days import UsageDays, Volume
from recording_operator.usage.levels import SECONDS_PER_DAY
from recording_operator.usage.sample import OwnerKey
from recording_operator.usage.timeline import midnight

ENOUGH_DAYS: Final = 14
_WEEKS: Final = 8
_RECENT_DAYS: Final = 28
_DAY: Final = timedelta(days=1)
Levels = dict[OwnerKey, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Amounts by owner in a number of seconds."""

    amounts: Mapping[OwnerKey, tuple[int, ...]]
    seconds: int

    def between(self, begin_s: int, end_s: int) -> Iterator[tuple[OwnerKey, list[int]]]:
        """The amounts from one second to another. Consecutive periods add up without a rest."""
        if self.seconds:
            for key, amounts in self.amounts.items():
                yield key, [one * end_s // self.seconds - one * begin_s // self.seconds for one in amounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The change of stored bytes on each weekday (0 is Monday), and rates of the last four weeks."""

    growth: Mapping[int, Mapping[OwnerKey, int]]
    uploads: Rate
    """Bytes, objects and write requests."""
    downloads: Rate | None
    """Bytes; None if downloads are estimated."""


def trend_of(usage: UsageDays) -> Trend:
    """The trend at the last sample. Growth is empty until enough days have been counted."""
    recent = _recent(usage)
    counted = [day for day in recent if usage.days[day].counts_downloads]
    # A sample at midnight belongs to the day that ends.
    last = max((day for day in usage.days if midnight(day) < usage.until), default=None)
    counts_downloads = last is not None and usage.days[last].counts_downloads
    return Trend(
        growth=_growth(usage),
        uploads=_rate(usage, recent, lambda one: (one.uploaded_bytes, one.uploaded_objects, one.writes)),
        downloads=_rate(usage, counted, lambda one: (one.downloaded_bytes,)) if counts_downloads else None,
    )


def grown(levels: Levels, growth: Mapping[OwnerKey, int], seconds: int) -> Levels:
    """The bytes after some seconds of a day.

    What moves from one storage class to another grows there and shrinks here. So if a class would become negative, the
    rest is taken from what the same owner has in other classes.
    """
    after = dict(levels)
    for key, bytes_a_day in growth.items():
        after[key] = after.get(key, 0) + bytes_a_day * seconds // SECONDS_PER_DAY
    if all(level >= 0 for level in after.values()):
        return after
    held: Counter[tuple[str, str]] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    for key, level in after.items():
        (held if level > 0 else missing)[key[:2]] += level
    return {
        key: level * max(held[key[:2]] + missing[key[:2]], 0) // held[key[:2]] if level > 0 else 0
        for key, level in after.items()
    }


def _growth(usage: UsageDays) -> dict[int, Levels]:
    """The mean growth of each weekday between consecutive days that were counted the same way.

    Today is left out, because it is not over; so are the days before the first sample, which do not show deletions.
    """
    if usage.opened is None:
        return {}
    today, opened = usage.until.date(), usage.opened.date()
    begin = max(today - _DAY * 7 * _WEEKS, opened + _DAY)
    sums: dict[int, Counter[OwnerKey]] = defaultdict(Counter)
    counts: Counter[int] = Counter()
    for number in range((today - begin).days):
        day = begin + _DAY * number
        entry, before = usage.days.get(day), usage.days.get(day - _DAY)
        if entry is None or before is None or entry.is_break:
            continue
        counts[day.weekday()] += 1
        of_weekday = sums[day.weekday()]
        for key, volume in entry.volumes.items():
            of_weekday[key] += volume.end.size_bytes
        for key, volume in before.volumes.items():
            of_weekday[key] -= volume.end.size_bytes
    if counts.total() < ENOUGH_DAYS:
        return {}
    return {
        weekday: {key: total // counts[weekday] for key, total in of_weekday.items() if total}
        for weekday, of_weekday in sums.items()
    }


def _recent(usage: UsageDays) -> list[date]:
    """The last four weeks without today, or else today."""
    today = usage.until.date()
    days = [day for day in usage.days if today - _DAY * _RECENT_DAYS <= day < today]
    return days or [day for day in usage.days if day == today]


def _rate(usage: UsageDays, days: Iterable[date], amounts_of: Callable[[Volume], tuple[int, ...]]) -> Rate:
    amounts: dict[OwnerKey, tuple[int, ...]] = {}
    seconds = 0
    for day in days:
        seconds += min(int((usage.until - midnight(day)).total_seconds()), SECONDS_PER_DAY)
        for key, volume in usage.days[day].volumes.items():
            more = amounts_of(volume)
            if any(more):
                before = amounts.get(key)
                amounts[key] = more if before is None else tuple(map(add, before, more))
    return Rate(amounts=amounts, seconds=seconds)
