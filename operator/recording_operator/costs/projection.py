"""Projects the costs of this month and the next.

Flat: everything stays as it is. WeekdayTrend, with at least two weeks of days: amounts grow as on the same weekdays
before (meetings are held on weekdays), by the mean of up to eight of each. docs/costs.md contains the back-test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.api.storagereport import PlaybackBase, ProjectionMethod
from recording_operator.costs.billing import SECONDS_PER_DAY, MonthUsage, days_of, month_bill
from recording_operator.costs.ledger import Ledger, midnight, month_start
from recording_operator.costs.money import ZERO, exact
from recording_operator.costs.sample import CostTerms

ENOUGH_DAYS: Final = 14
_WEEKS: Final = 8
_RECENT_DAYS: Final = 28
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Projected costs of this and the next month, and the method."""

    month: Decimal
    next_month: Decimal
    method: ProjectionMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """The change of stored gigabytes on each weekday (0 is Monday), and the uploads of a day."""

    growth_gb: Mapping[int, Decimal]
    uploads_gb_a_day: Decimal
    writes_a_day: Decimal


def project(ledger: Ledger, terms: CostTerms) -> Projection:
    """Project from the ledger."""
    with localcontext(exact()):
        stored_gb = _stored_gb(ledger, terms)
        pace = _pace(ledger)
        next_start = month_start(month_start(ledger.at) + timedelta(days=32))
        after_next = month_start(next_start + timedelta(days=32))
        rest, level = _levels(pace, stored_gb, begin=ledger.at.date(), end=next_start.date())
        fraction = Decimal((midnight(ledger.at.date()) + _DAY - ledger.at).total_seconds()) / SECONDS_PER_DAY
        if rest:
            rest[0] = (rest[0][0] * fraction, fraction)
        following, _ = _levels(pace, level, begin=next_start.date(), end=after_next.date())
        return Projection(
            month=ledger.month_cost() + _rest_of_month(ledger, terms, pace, rest, stored_gb),
            next_month=_whole_month(ledger, terms, pace, following, stored_gb, next_start.date()),
            method=ProjectionMethod.WEEKDAY_TREND if pace.growth_gb else ProjectionMethod.FLAT,
        )


def _stored_gb(ledger: Ledger, terms: CostTerms) -> Decimal:
    total = ZERO
    for cell, stored in ledger.cells.items():
        priced = terms.prices.get(cell.storage_location)
        if priced is not None:
            total += Decimal(stored.size_bytes) / priced.profile.gb_bytes
    return total


def _pace(ledger: Ledger) -> _Pace:
    """The growth between consecutive days from the same sources. Days before the first sample are excluded."""
    days, today = ledger.days, ledger.at.date()
    opened = ledger.opened.date() if ledger.opened else date.min
    levels = {day: sum((part.storage_gb for part in entry.orgs.values()), ZERO) for day, entry in days.items()}
    by_weekday: dict[int, list[Decimal]] = {}
    for day in sorted(levels):
        # Today is not finished: its growth would be too small.
        seen = max(today - _DAY * 7 * _WEEKS, opened + _DAY) <= day < today and day - _DAY in levels
        if seen and day not in ledger.breaks:
            by_weekday.setdefault(day.weekday(), []).append(levels[day] - levels[day - _DAY])
    enough = sum(len(seen) for seen in by_weekday.values()) >= ENOUGH_DAYS
    recent = [entry for day, entry in days.items() if today - _DAY * _RECENT_DAYS <= day < today]
    count = max(len(recent), 1)
    return _Pace(
        growth_gb={day: sum(seen, ZERO) / len(seen) for day, seen in by_weekday.items()} if enough else {},
        uploads_gb_a_day=sum((part.upload_gb for entry in recent for part in entry.orgs.values()), ZERO) / count,
        writes_a_day=Decimal(sum(part.writes for entry in recent for part in entry.orgs.values())) / count,
    )


def _levels(pace: _Pace, level: Decimal, *, begin: date, end: date) -> tuple[list[tuple[Decimal, Decimal]], Decimal]:
    """For each day: gigabytes stored times days, and days (each 1 here); and the level at the end."""
    days: list[tuple[Decimal, Decimal]] = []
    day = begin
    while day < end:
        growth = pace.growth_gb.get(day.weekday(), ZERO)
        after = max(level + growth, ZERO)
        days.append(((level + after) / 2, Decimal(1)))
        level, day = after, day + _DAY
    return days, level


def _rest_of_month(
    ledger: Ledger, terms: CostTerms, pace: _Pace, rest: list[tuple[Decimal, Decimal]], stored_gb: Decimal
) -> Decimal:
    month = month_start(ledger.at).date()
    now = ledger.bills(terms, until=ledger.at)
    total = ZERO
    for group, profile in terms.groups().items():
        days = days_of(month, profile.day_basis)
        used = ledger.usage(group, terms, elapsed_seconds=days * SECONDS_PER_DAY)
        more = _usage(ledger, terms, group, pace, rest, stored_gb, days)
        whole = MonthUsage(
            byte_seconds={
                name: used.byte_seconds.get(name, 0) + more.byte_seconds.get(name, 0)
                for name in used.byte_seconds.keys() | more.byte_seconds.keys()
            },
            download_bytes=used.download_bytes + more.download_bytes,
            writes=used.writes + more.writes,
            elapsed_seconds=used.elapsed_seconds,
        )
        total += month_bill(profile, whole, month=month).total - now[group].total
    return total


def _whole_month(
    ledger: Ledger, terms: CostTerms, pace: _Pace, days: list[tuple[Decimal, Decimal]], stored_gb: Decimal, month: date
) -> Decimal:
    total = ZERO
    for group, profile in terms.groups().items():
        usage = _usage(ledger, terms, group, pace, days, stored_gb, days_of(month, profile.day_basis))
        total += month_bill(profile, usage, month=month).total
    return total


def _usage(
    ledger: Ledger,
    terms: CostTerms,
    group: str,
    pace: _Pace,
    days: list[tuple[Decimal, Decimal]],
    stored_gb: Decimal,
    days_in_month: int,
) -> MonthUsage:
    """The usage of a group over these days, if its share does not change."""
    if not stored_gb:
        return MonthUsage(elapsed_seconds=days_in_month * SECONDS_PER_DAY)
    # The number of days for which the current amount is stored.
    times = sum((gb_days for gb_days, _ in days), ZERO) / stored_gb
    length = sum((part for _, part in days), ZERO)
    by_class: dict[str, int] = {}
    size_bytes = estimated_bytes = readable_bytes = 0
    for cell, stored in ledger.cells.items():
        priced = terms.prices.get(cell.storage_location)
        if priced is not None and priced.group == group:
            size_bytes += stored.size_bytes
            if cell.storage_location not in ledger.reads.seconds:
                estimated_bytes += stored.size_bytes
                readable_bytes += stored.readable_bytes
            more = int(stored.billable_bytes * times * SECONDS_PER_DAY)
            by_class[cell.storage_class] = by_class.get(cell.storage_class, 0) + more
    profile = terms.groups()[group]
    share_of_all = Decimal(size_bytes) / profile.gb_bytes / stored_gb
    downloads = (
        readable_bytes * times * terms.playback_ratio / days_in_month
        if terms.playback_base is PlaybackBase.STORED
        else pace.uploads_gb_a_day * estimated_bytes / stored_gb * length * terms.playback_ratio
    )
    for location, priced in terms.prices.items():
        if priced.group == group:
            # Downloads grow with the stored bytes.
            downloads += sum((ledger.reads.a_day(location) or {}).values(), ZERO) * times
    return MonthUsage(
        byte_seconds=by_class,
        download_bytes=int(downloads),
        writes=int(pace.writes_a_day * share_of_all * length),
        elapsed_seconds=days_in_month * SECONDS_PER_DAY,
    )
