"""The stock at each time between two samples.

Uploads with a known time count from that time: an object from its date, a part of an open upload from its upload. All
other changes (deletions, changes of class, objects without a date) are spread evenly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from recording_operator.usage.sample import OwnerKey, State, UsageSample
from recording_operator.usage.stock import NOTHING, Stock

SECONDS_PER_DAY = 86_400
Levels = Mapping[OwnerKey, Stock]


class Birth(NamedTuple):
    """Stock that was uploaded on a day, and the mean second of the day."""

    key: OwnerKey
    stock: Stock
    second: int


Births = Mapping[date, list[Birth]]


def levels_of(sample: UsageSample) -> dict[OwnerKey, Stock]:
    """What a sample found."""
    found: dict[OwnerKey, Stock] = {}
    for row in sample.stored:
        found[row.key] = found[row.key].plus(row.stock) if row.key in found else row.stock
    return found


def births_of(sample: UsageSample, held: Levels) -> dict[date, list[Birth]]:
    """Uploads by day, in order. Late uploads are left out, because their storage class is not known."""
    found: dict[date, list[Birth]] = {}
    for row in sample.arrived:
        if row.key in held and row.size_bytes:
            found.setdefault(row.day, []).append(Birth(row.key, row.stock, row.second))
    last_day = (sample.at - timedelta(microseconds=1)).date()
    for row in sample.ahead:
        found.setdefault(last_day, []).append(Birth(row.key, row.stock, SECONDS_PER_DAY))
    return {day: found[day] for day in sorted(found)}


def sums_of(births: Births) -> dict[OwnerKey, Stock]:
    """All births by key."""
    sums: dict[OwnerKey, Stock] = {}
    for birth in _each(births):
        sums[birth.key] = sums.get(birth.key, NOTHING).plus(birth.stock)
    return sums


def without_completed(births: Births, first: Levels, last: Levels) -> dict[date, list[Birth]]:
    """Subtract the bytes of uploads that were open at the last sample and have become objects since.

    They are in the stock already, as parts.
    """
    came = sums_of(births)
    gone = {
        key: held.size_bytes - (last.get(key, NOTHING).size_bytes - came.get(key, NOTHING).size_bytes)
        for key, held in first.items()
        if key.state is State.INCOMPLETE
    }
    found: dict[date, list[Birth]] = {}
    for day, of_day in births.items():
        for birth in of_day:
            open_key = birth.key._replace(state=State.INCOMPLETE)
            taken = 0
            if birth.key.state is State.CURRENT and open_key in gone:
                taken = min(max(gone[open_key], 0), birth.stock.size_bytes)
                gone[open_key] -= taken
            stock = birth.stock._replace(size_bytes=birth.stock.size_bytes - taken) if taken else birth.stock
            found.setdefault(day, []).append(birth._replace(stock=stock))
    return found


@dataclass(slots=True, kw_only=True)
class LevelsBetween:
    """The stock at each time between two samples. Call `at` for each day in order."""

    first: Levels
    last: Levels
    births: Births
    changed: dict[OwnerKey, Stock] = field(init=False)
    """By key: the sum of all changes that are spread evenly. Keys without such a change are left out."""
    _came: dict[OwnerKey, Stock] = field(default_factory=dict)
    _days_to_come: list[date] = field(init=False)

    def __post_init__(self) -> None:
        came = sums_of(self.births)
        self.changed = {}
        for key in self.first.keys() | self.last.keys() | came.keys():
            change = self.last.get(key, NOTHING).less(self.first.get(key, NOTHING))
            if key in came:
                change = change.less(came[key])
            if change != NOTHING:
                self.changed[key] = change
        self._days_to_come = list(self.births)[::-1]

    def at(self, day: date, passed_s: int, whole_s: int) -> dict[OwnerKey, Stock]:
        """The stock at the end of a day, `passed_s` of `whole_s` seconds after the first sample."""
        level = dict(self.first)
        for key, change in self.changed.items():
            level[key] = level.get(key, NOTHING).plus(change.part(passed_s, whole_s))
        while self._days_to_come and self._days_to_come[-1] <= day:
            for birth in self.births[self._days_to_come.pop()]:
                self._came[birth.key] = self._came.get(birth.key, NOTHING).plus(birth.stock)
        for key, came in self._came.items():
            level[key] = level.get(key, NOTHING).plus(came)
        return {key: stock.at_least_zero() if min(stock) < 0 else stock for key, stock in level.items()}


def stock_seconds(
    first: Levels, last: Levels, births: list[Birth], *, begin_s: int, end_s: int
) -> Iterator[tuple[OwnerKey, Stock]]:
    """Stock times seconds of a period within one day, from second `begin_s` of the day to `end_s`.

    A key may come several times.
    """
    seconds = end_s - begin_s
    came: dict[OwnerKey, Stock] = {}
    for birth in births:
        came[birth.key] = came.get(birth.key, NOTHING).plus(birth.stock)
        yield birth.key, birth.stock.times(min(max(end_s - birth.second, 0), seconds))
    for key, stock in last.items():
        before = first.get(key, NOTHING)
        if stock == before and key not in came:
            yield key, stock.times(seconds)
            continue
        rest = stock.less(came[key]).at_least_zero() if key in came else stock
        yield key, before.plus(rest).times(seconds).part(1, 2)
    for key, before in first.items():
        if key not in last:
            yield key, before.times(seconds).part(1, 2)


def _each(births: Births) -> Iterator[Birth]:
    for of_day in births.values():
        yield from of_day
