"""The stored bytes at each time between two samples.

Uploads with a known time count from that time: an object from its date, a part of an open upload from its upload. All
other changes (deletions, changes of class, objects without a date) are interpolated linearly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from recording_operator.costs.billing import SECONDS_PER_DAY
from recording_operator.costs.sample import NOTHING, ArrivedBytes, Cell, Cells, Sample, StoredBytes


class DayArrival(NamedTuple):
    """Bytes uploaded on a day, and the mean second of the day of their upload."""

    cell: Cell
    stored: StoredBytes
    second: int


@dataclass(slots=True, kw_only=True)
class StorageLevels:
    """The stored bytes at each time between two samples. Call `at` for each day in order."""

    first: Cells
    changed: Cells
    """The sum of all changes that are interpolated."""
    uploads: Mapping[date, list[DayArrival]]
    """Uploads by day, in order."""
    _uploaded: dict[Cell, StoredBytes] = field(default_factory=dict)
    _days_ahead: list[date] = field(default_factory=list)

    @classmethod
    def between(cls, first: Cells, sample: Sample) -> "StorageLevels":
        """Between the cells of the last sample and this sample."""
        uploads = _completed(_uploads_of(sample), first, sample.cells)
        uploaded = total(uploads)
        cells = first.keys() | sample.cells.keys() | uploaded.keys()
        changed = {
            cell: sample.cells.get(cell, NOTHING).less(first.get(cell, NOTHING)).less(uploaded.get(cell, NOTHING))
            for cell in cells
        }
        return cls(first=first, changed=changed, uploads=uploads, _days_ahead=list(reversed(uploads)))

    @classmethod
    def of_first(cls, sample: Sample) -> "StorageLevels":
        """Before the first sample: bytes without a known upload time were stored from the beginning."""
        uploads = _uploads_of(sample)
        uploaded = total(uploads)
        first = {cell: _at_least_zero(held.less(uploaded.get(cell, NOTHING))) for cell, held in sample.cells.items()}
        return cls.between(first, sample)

    def at(self, day: date, part: Decimal) -> dict[Cell, StoredBytes]:
        """The stored bytes at the end of a day. Days must be requested in order."""
        level = {
            cell: self.first.get(cell, NOTHING).plus(StoredBytes(*(int(amount * part) for amount in changed)))
            for cell, changed in self.changed.items()
        }
        while self._days_ahead and self._days_ahead[-1] <= day:
            for one in self.uploads[self._days_ahead.pop()]:
                self._uploaded[one.cell] = self._uploaded.get(one.cell, NOTHING).plus(one.stored)
        for cell, uploaded in self._uploaded.items():
            level[cell] = level.get(cell, NOTHING).plus(uploaded)
        return {cell: _at_least_zero(stored) for cell, stored in level.items()}


def total(uploads: Mapping[date, list[DayArrival]]) -> dict[Cell, StoredBytes]:
    """The sums by cell."""
    sums: dict[Cell, StoredBytes] = {}
    for of_day in uploads.values():
        for one in of_day:
            sums[one.cell] = sums.get(one.cell, NOTHING).plus(one.stored)
    return sums


def byte_seconds(
    first: Cells, last: Cells, uploads: list[DayArrival], *, begin: datetime, end: datetime
) -> dict[Cell, StoredBytes]:
    """Bytes times seconds of a period within one day."""
    seconds = int((end - begin).total_seconds())
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    end_second = int((end - midnight).total_seconds())
    uploaded = total({begin.date(): uploads})
    sums: dict[Cell, StoredBytes] = {}
    for cell in first.keys() | last.keys():
        evenly = first.get(cell, NOTHING).plus(
            _at_least_zero(last.get(cell, NOTHING).less(uploaded.get(cell, NOTHING)))
        )
        sums[cell] = StoredBytes(*(amount * seconds // 2 for amount in evenly))
    for one in uploads:
        lived_s = min(max(end_second - one.second, 0), seconds)
        lived = StoredBytes(*(amount * lived_s for amount in one.stored))
        sums[one.cell] = sums.get(one.cell, NOTHING).plus(lived)
    return sums


def _uploads_of(sample: Sample) -> dict[date, list[DayArrival]]:
    uploads: dict[date, list[DayArrival]] = {}
    for day, arrived in sample.arrived.items():
        uploads.setdefault(day, []).extend(_each(arrived, sample.cells, incomplete=False))
    for day, parts in sample.parts.items():
        uploads.setdefault(day, []).extend(_each(parts, sample.cells, incomplete=True))
    last_day = (sample.at - timedelta(microseconds=1)).date()
    ahead = [DayArrival(cell, stored, SECONDS_PER_DAY) for cell, stored in sample.ahead.items()]
    uploads.setdefault(last_day, []).extend(ahead)
    return {day: uploads[day] for day in sorted(uploads)}


def _each(arrived: Mapping[Cell, ArrivedBytes], held: Cells, *, incomplete: bool) -> Iterator[DayArrival]:
    """Uploads to cells of the sample. Late uploads are left out, because their storage class is unknown."""
    for cell, uploaded in arrived.items():
        if cell in held and uploaded.size_bytes:
            stored = StoredBytes(uploaded.size_bytes, uploaded.billable_bytes, uploaded.size_bytes if incomplete else 0)
            yield DayArrival(cell, stored, uploaded.moment // uploaded.size_bytes)


def _completed(uploads: Mapping[date, list[DayArrival]], first: Cells, last: Cells) -> dict[date, list[DayArrival]]:
    """Subtract the bytes of uploads that were open at the last sample and have become objects since."""
    uploaded = total(uploads)
    gone = {
        cell: held.incomplete_bytes
        - (last.get(cell, NOTHING).incomplete_bytes - uploaded.get(cell, NOTHING).incomplete_bytes)
        for cell, held in first.items()
    }
    found: dict[date, list[DayArrival]] = {}
    for day, of_day in uploads.items():
        for one in of_day:
            taken = 0 if one.stored.incomplete_bytes else min(max(gone.get(one.cell, 0), 0), one.stored.size_bytes)
            gone[one.cell] = gone.get(one.cell, 0) - taken
            found.setdefault(day, []).append(one._replace(stored=one.stored.less(StoredBytes(taken, taken, taken))))
    return found


def _at_least_zero(stored: StoredBytes) -> StoredBytes:
    return StoredBytes(*(max(0, amount) for amount in stored))
