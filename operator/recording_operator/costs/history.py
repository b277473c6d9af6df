"""The history of a report: days of three months, then months; the largest organisations and (other)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.api.storagereport import MOST_HISTORY_ORGS, HistoryEntry, HistoryOrg
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import downloads_of
from recording_operator.costs.money import MICRO, ZERO, exact, rounded
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDay, UsageDays
from recording_operator.usage.sample import OTHER
from recording_operator.usage.timeline import midnight

MOST_MONTHS: Final = 36
MONTHS_BY_DAY: Final = 3
_UNITS_PER_GB: Final = 2**30 * 10**9
"""Whole numbers for both lengths of a GB, so that sums over locations are exact."""
# etcd accepts 1.5 MiB per object. The size of a row without its name, and the limit for all rows.
_ORG_BYTES: Final = 230
_MOST_HISTORY_BYTES: Final = 800_000


@dataclass(slots=True, kw_only=True)
class OrgSums:
    """The usage and cost of an organisation in a day or month. `stored` is summed over days."""

    stored: int = 0
    uploaded: int = 0
    downloaded: int = 0
    writes: int = 0
    storage_cost: Decimal = ZERO
    download_cost: Decimal = ZERO
    request_cost: Decimal = ZERO

    @property
    def cost(self) -> Decimal:
        """All of it."""
        return self.storage_cost + self.download_cost + self.request_cost

    def add(self, more: "OrgSums") -> None:
        """Add another one."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


@dataclass(slots=True, kw_only=True)
class _Span:
    """One day or month."""

    days: dict[str, int] = field(default_factory=dict)
    """The number of days in it, by location."""
    estimated: dict[date, bool] = field(default_factory=dict)
    orgs: dict[str, OrgSums] = field(default_factory=dict)

    def org(self, name: str) -> OrgSums:
        sums = self.orgs.get(name)
        if sums is None:
            sums = self.orgs[name] = OrgSums()
        return sums


class HistoryBuilder:
    """Sums charges and volumes in scope by day or month, and organisation."""

    def __init__(self, *, terms: CostTerms, scope: ScopeFilter, today: date) -> None:
        self._terms = terms
        self._scope = scope
        self._first_day = _months_before(today.replace(day=1), MONTHS_BY_DAY - 1)
        self._spans: dict[str, _Span] = {}
        self._span_of_day: dict[date, _Span] = {}

    def entries(self, usage: Mapping[str, UsageDays], charges: Iterable[Charge]) -> tuple[HistoryEntry, ...]:
        """Months, then days, the oldest first, with as many organisations as fit into a status.

        `charges` are those in scope, `usage` is filtered here.
        """
        for location, days in usage.items():
            if self._scope.includes_location(location):
                self._add_usage(days)
        for charge in charges:
            self._add_charge(charge)
        months = sorted(when for when in self._spans if len(when) == len("2026-11"))[-MOST_MONTHS:]
        days_of = sorted(when for when in self._spans if len(when) == len("2026-11-01"))
        kept = [(when, self._spans[when]) for when in (*months, *days_of)]
        for most in (MOST_HISTORY_ORGS - 1, 10, 5, 1):
            rows = [_entry(when, span, most) for when, span in kept]
            if sum(_ORG_BYTES + len(org.name) for entry in rows for org in entry.orgs) <= _MOST_HISTORY_BYTES:
                break
        return tuple(rows)

    def _add_charge(self, charge: Charge) -> None:
        sums = self._span(charge.day).org(charge.key.org)
        if charge.kind is ChargeKind.DOWNLOADS:
            sums.download_cost += charge.cost
        elif charge.kind is ChargeKind.REQUESTS:
            sums.request_cost += charge.cost
        else:
            sums.storage_cost += charge.cost

    def _add_usage(self, usage: UsageDays) -> None:
        for day, entry in usage.days.items():
            # A sample at midnight belongs to the day that ends.
            if midnight(day) < usage.until:
                self._add_day(usage.location, day, entry)

    def _span(self, day: date) -> _Span:
        span = self._span_of_day.get(day)
        if span is None:
            when = f"{day:%Y-%m}" if day < self._first_day else day.isoformat()
            span = self._span_of_day[day] = self._spans.setdefault(when, _Span())
        return span

    def _add_day(self, location: str, day: date, entry: UsageDay) -> None:
        span, prices = self._span(day), self._terms.prices.get(location)
        span.days[location] = span.days.get(location, 0) + entry.days
        span.estimated[day] = span.estimated.get(day, False) or entry.estimated
        profile = prices.on(day) if prices is not None else None
        unit = _UNITS_PER_GB // (profile.gb_bytes if profile is not None else 10**9)
        for key, volume in entry.volumes.items():
            if self._scope.includes(location, key):
                sums = span.org(key.org)
                sums.stored += volume.end.size_bytes * unit * entry.days
                sums.uploaded += volume.uploaded_bytes * unit
                sums.writes += volume.writes
        if profile is not None:
            for key, size_bytes in downloads_of(entry, day, profile, self._terms):
                if size_bytes and self._scope.includes(location, key):
                    span.org(key.org).downloaded += size_bytes * unit


def gigabytes(amounts: Mapping[int, int]) -> Decimal:
    """GB of bytes, given by the bytes of a GB, rounded to a millionth."""
    return _gb(sum(size_bytes * (_UNITS_PER_GB // gb_bytes) for gb_bytes, size_bytes in amounts.items()))


def _gb(units: int, days: int = 1) -> Decimal:
    with localcontext(exact()):
        return rounded(Decimal(units) / (_UNITS_PER_GB * days), MICRO)


def _months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _entry(when: str, span: _Span, most: int) -> HistoryEntry:
    """The entry with the largest organisations by name. Its numbers are sums of the rounded parts."""
    used = {name for name, sums in span.orgs.items() if sums != OrgSums()}
    named = sorted(
        used - {OTHER},
        key=lambda name: (-span.orgs[name].cost, -span.orgs[name].stored, name),
    )[:most]
    rest = OrgSums()
    others = used - set(named)
    for name in others:
        rest.add(span.orgs[name])
    days = max(span.days.values(), default=1)
    orgs = [_history_org(name, span.orgs[name], days) for name in named]
    orgs += [_history_org(OTHER, rest, days)] if others else []
    return HistoryEntry(
        date=when,
        estimated=bool(span.estimated) and all(span.estimated.values()),
        storage_gb=sum((org.storage_gb for org in orgs), ZERO),
        upload_gb=sum((org.upload_gb for org in orgs), ZERO),
        download_gb=sum((org.download_gb for org in orgs), ZERO),
        api_requests=sum(org.api_requests for org in orgs),
        cost=sum((org.storage_cost + org.download_cost + org.request_cost for org in orgs), ZERO),
        orgs=tuple(orgs),
    )


def _history_org(name: str, sums: OrgSums, days: int) -> HistoryOrg:
    return HistoryOrg(
        name=name,
        storage_gb=_gb(sums.stored, days),
        upload_gb=_gb(sums.uploaded),
        download_gb=_gb(sums.downloaded),
        api_requests=sums.writes,
        storage_cost=sums.storage_cost,
        download_cost=sums.download_cost,
        request_cost=sums.request_cost,
    )
