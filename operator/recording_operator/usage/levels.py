"""The stock at each time between two samples.

Uploads with a known time count from that time: an object from its date, a part of an open upload from its upload. All
other changes (deletions, changes of class, objects without a date) are spread evenly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from recording_operator.usage.sample import OwnerKey, State, UsageSample
from recording_operator.usage.stock import NOTHING, Stock

SECONDS_PER_DAY: Final = 86_400
Levels = Mapping[OwnerKey, Stock]


class UploadedStock(NamedTuple):
    """Stock that was uploaded on a day, and the mean second of the day. Negative: parts that became an object."""

    key: OwnerKey
    stock: Stock
    second: int


UploadsByDay = Mapping[date, list[UploadedStock]]


def levels_of(sample: UsageSample) -> dict[OwnerKey, Stock]:
    """What was stored at the time of a sample: what it found, without uploads during the count."""
    found: dict[OwnerKey, Stock] = {}
    for row in sample.stored:
        key = row.key
        found[key] = found[key].plus(row.stock) if key in found else row.stock
    for row in sample.ahead:
        key = row.key
        if key in found:
            found[key] = found[key].less(row.stock).at_least_zero()
    return found


def uploads_of(sample: UsageSample, held: Levels) -> dict[date, list[UploadedStock]]:
    """Uploads by day, in order. Late uploads are left out, because their storage class is not known."""
    found: dict[date, list[UploadedStock]] = {}
    for row in sample.arrived:
        key = row.key
        if key in held and row.size_bytes:
            found.setdefault(row.day, []).append(UploadedStock(key, row.stock, row.second))
    return {day: found[day] for day in sorted(found)}


def sums_of(uploads: UploadsByDay) -> dict[OwnerKey, Stock]:
    """All uploads by key."""
    return _sums(upload for of_day in uploads.values() for upload in of_day)


def with_completed(uploads: UploadsByDay, first: Levels, last: Levels) -> UploadsByDay:
    """Add, as negative uploads, the parts of uploads that were open at the last sample and have become objects since.

    The parts are there until the object is.
    """
    were_open = [key for key in first if key.state is State.INCOMPLETE]
    if not were_open:
        return uploads
    added = sums_of(uploads)
    gone = {
        key: first[key].size_bytes - (last.get(key, NOTHING).size_bytes - added.get(key, NOTHING).size_bytes)
        for key in were_open
    }
    found: dict[date, list[UploadedStock]] = {}
    for day, of_day in uploads.items():
        for upload in of_day:
            found.setdefault(day, []).append(upload)
            open_key = upload.key._replace(state=State.INCOMPLETE)
            if upload.key.state is State.CURRENT and gone.get(open_key, 0) > 0:
                taken = min(gone[open_key], upload.stock.size_bytes)
                gone[open_key] -= taken
                found[day].append(UploadedStock(open_key, Stock(size_bytes=-taken), upload.second))
    return found


@dataclass(slots=True, kw_only=True)
class LevelsBetween:
    """The stock at each time between two samples. Call `at` for each day in order."""

    first: Levels
    last: Levels
    uploads: UploadsByDay
    changed: dict[OwnerKey, Stock] = field(init=False)
    """By key: the sum of all changes that are spread evenly. Keys without such a change are left out."""
    _added: dict[OwnerKey, Stock] = field(default_factory=dict)
    _days_to_come: list[date] = field(init=False)

    def __post_init__(self) -> None:
        added = sums_of(self.uploads)
        self.changed = {}
        for key in dict.fromkeys([*self.first, *self.last, *added]):
            before, after = self.first.get(key, NOTHING), self.last.get(key, NOTHING)
            if key in added:
                before = before.plus(added[key])
            if after != before:
                self.changed[key] = after.less(before)
        self._days_to_come = list(self.uploads)[::-1]

    def at(self, day: date, passed_s: int, whole_s: int) -> dict[OwnerKey, Stock]:
        """The stock at the end of a day, `passed_s` of `whole_s` seconds after the first sample."""
        while self._days_to_come and self._days_to_come[-1] <= day:
            for upload in self.uploads[self._days_to_come.pop()]:
                added = self._added.get(upload.key)
                self._added[upload.key] = upload.stock if added is None else added.plus(upload.stock)
        if not self.changed and not self._days_to_come:
            return dict(self.last)
        level = dict(self.first)
        for key, change in self.changed.items():
            level[key] = level.get(key, NOTHING).plus(change.part(passed_s, whole_s))
        for key, added in self._added.items():
            level[key] = level.get(key, NOTHING).plus(added)
        for key in [*self.changed, *self._added]:
            level[key] = level[key].at_least_zero()
        return level


def held_between(
    first: Levels, last: Levels, uploads: list[UploadedStock], *, begin_s: int, end_s: int
) -> Iterator[tuple[OwnerKey, Stock, int]]:
    """Stock and the seconds that it was stored, in a period from second `begin_s` of a day to `end_s`.

    A key may come several times.
    """
    seconds = end_s - begin_s
    added = _sums(uploads)
    for upload in uploads:
        stored_s = min(max(end_s - upload.second, 0), seconds)
        if stored_s:
            yield upload.key, upload.stock, stored_s
    for key in last if last.keys() >= first.keys() | added.keys() else dict.fromkeys([*last, *first, *added]):
        before, rest = first.get(key, NOTHING), last.get(key, NOTHING)
        if key in added:
            rest = rest.less(added[key]).at_least_zero()
        if rest != before:
            yield key, before.mean_times(rest, seconds), 1
        elif before != NOTHING:
            yield key, before, seconds


def _sums(uploads: Iterator[UploadedStock] | list[UploadedStock]) -> dict[OwnerKey, Stock]:
    sums: dict[OwnerKey, Stock] = {}
    for upload in uploads:
        sums[upload.key] = sums[upload.key].plus(upload.stock) if upload.key in sums else upload.stock
    return sums
