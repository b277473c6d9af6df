"""Usage and costs by period and group, such as day and organisation: the history of a report, and rows of exports."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from functools import cache
from typing import Final

from recording_operator.api.storagereport_history import MOST_HISTORY_ORGS, HistoryEntry, HistoryOrg
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import LocationOwner, downloads_of
from recording_operator.costs.money import MICRO, ZERO, exact, rounded
from recording_operator.costs.rows import GroupBy, GroupSums, largest
from recording_operator.costs.view import ReportView
from recording_operator.usage.timeline import midnight

MOST_MONTHS: Final = 36
MONTHS_BY_DAY: Final = 3
GB_UNITS: Final = 2**30 * 10**9
"""Bytes are counted in these parts of a GB: whole numbers for both lengths of a GB, so that sums are exact."""
# etcd accepts 1.5 MiB per object. The size of a row without its name, and the limit for all rows.
_ORG_BYTES: Final = 230
_MOST_HISTORY_BYTES: Final = 800_000


@dataclass(slots=True, kw_only=True)
class UsageSums(GroupSums):
    """The usage and cost of a group in a period. `stored` is summed over days. Bytes are in parts of a GB."""

    stored: int = 0
    uploaded: int = 0
    downloaded: int = 0
    writes: int = 0
    storage_cost: Decimal = ZERO
    download_cost: Decimal = ZERO
    request_cost: Decimal = ZERO

    @property
    def size(self) -> tuple[Decimal, int]:
        """All costs, and what is stored."""
        return self.storage_cost + self.download_cost + self.request_cost, self.stored

    def charge(self, charge: Charge) -> None:
        """Add the cost of a charge."""
        match charge.kind:
            case ChargeKind.DOWNLOADS:
                self.download_cost += charge.cost
            case ChargeKind.REQUESTS:
                self.request_cost += charge.cost
            case _:
                self.storage_cost += charge.cost


@dataclass(slots=True, kw_only=True)
class PeriodSums:
    """One period."""

    days: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The number of days in it, by location."""
    estimated: dict[date, bool] = field(default_factory=lambda: defaultdict(bool))
    groups: dict[str, UsageSums] = field(default_factory=lambda: defaultdict(UsageSums))

    def entry(self, when: str, most: int | None) -> HistoryEntry:
        """The entry with the largest groups by name. Its numbers are sums of the rounded parts."""
        length = max(self.days.values(), default=1)
        used = {name: sums for name, sums in self.groups.items() if sums != UsageSums()}
        orgs = [
            HistoryOrg(
                name=name,
                storage_gb=gb_of(sums.stored, length),
                upload_gb=gb_of(sums.uploaded),
                download_gb=gb_of(sums.downloaded),
                api_requests=sums.writes,
                storage_cost=sums.storage_cost,
                download_cost=sums.download_cost,
                request_cost=sums.request_cost,
            )
            for name, sums in largest(used, most, size=lambda one: one.size).items()
        ]
        return HistoryEntry(
            date=when,
            estimated=bool(self.estimated) and all(self.estimated.values()),
            storage_gb=sum((org.storage_gb for org in orgs), ZERO),
            upload_gb=sum((org.upload_gb for org in orgs), ZERO),
            download_gb=sum((org.download_gb for org in orgs), ZERO),
            api_requests=sum(org.api_requests for org in orgs),
            cost=sum((org.storage_cost + org.download_cost + org.request_cost for org in orgs), ZERO),
            orgs=tuple(orgs),
        )


def period_sums(view: ReportView, *, period_of: Callable[[date], str], by: GroupBy) -> dict[str, PeriodSums]:
    """Sum charges and usage in scope. `period_of` names the period of a day."""
    periods: dict[str, PeriodSums] = defaultdict(PeriodSums)
    period_on = cache(lambda day: periods[period_of(day)])
    for usage in view.usage_in_scope():
        location = usage.location
        for day, entry in usage.days.items():
            if midnight(day) >= usage.until:
                continue  # a sample at midnight belongs to the day that ends
            period, profile = period_on(day), view.terms.prices[location].on(day)
            period.days[location] += entry.days
            period.estimated[day] |= entry.estimated
            unit = GB_UNITS // profile.gb_bytes
            downloaded = dict(downloads_of(entry, day, profile, view.terms))
            for key, volume in entry.volumes.items():
                if view.scope.includes(location, key):
                    sums = period.groups[by.of(LocationOwner(location, key))]
                    sums.stored += volume.end.size_bytes * unit * entry.days
                    sums.uploaded += volume.uploaded_bytes * unit
                    sums.downloaded += downloaded.get(key, 0) * unit
                    sums.writes += volume.writes
    for charge in view.charges:
        period_on(charge.day).groups[by.of(LocationOwner(charge.location, charge.key))].charge(charge)
    return periods


def history_sums(view: ReportView) -> dict[str, PeriodSums]:
    """The days of three months, and the months before, by organisation."""
    month = view.month.year * 12 + view.month.month - MONTHS_BY_DAY
    first_day = date(month // 12, month % 12 + 1, 1)
    return period_sums(
        view,
        period_of=lambda day: f"{day:%Y-%m}" if day < first_day else day.isoformat(),
        by=GroupBy.ORG,
    )


def month_sums(periods: Mapping[str, PeriodSums], month: date) -> UsageSums:
    """All usage of a month whose days are periods."""
    found = UsageSums()
    for when, period in periods.items():
        if when.startswith(f"{month:%Y-%m}-"):
            for sums in period.groups.values():
                found.add(sums)
    return found


def history(periods: Mapping[str, PeriodSums]) -> tuple[HistoryEntry, ...]:
    """Months, then days, the oldest first, with as many organisations as fit into a status."""
    months = sorted(when for when in periods if len(when) == len("2026-11"))[-MOST_MONTHS:]
    days = sorted(when for when in periods if len(when) == len("2026-11-01"))
    for most in (MOST_HISTORY_ORGS - 1, 10, 5, 1):
        entries = tuple(periods[when].entry(when, most) for when in (*months, *days))
        if sum(_ORG_BYTES + len(org.name) for entry in entries for org in entry.orgs) <= _MOST_HISTORY_BYTES:
            break
    return entries


def gb_of(units: int, days: int = 1) -> Decimal:
    """GB of an amount in parts of a GB, the mean of some days."""
    with localcontext(exact()):
        return rounded(Decimal(units) / (GB_UNITS * days), MICRO)
