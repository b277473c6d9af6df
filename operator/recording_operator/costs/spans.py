"""Usage and costs by period and group, such as day and organisation. The history and all exports are made of these."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import LocationOwner, downloads_of
from recording_operator.costs.money import MICRO, ZERO, exact, rounded
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDay, UsageDays
from recording_operator.usage.timeline import midnight

_UNITS_PER_GB: Final = 2**30 * 10**9
"""Whole numbers for both lengths of a GB, so that sums over locations are exact."""


@dataclass(slots=True, kw_only=True)
class GroupSums:
    """The usage and cost of a group in a period. `stored` is summed over days. Bytes are in parts of a GB."""

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

    def add(self, more: "GroupSums") -> None:
        """Add another one."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


@dataclass(slots=True, kw_only=True)
class PeriodSums:
    """One period."""

    days: dict[str, int] = field(default_factory=dict)
    """The number of days in it, by location."""
    estimated: dict[date, bool] = field(default_factory=dict)
    groups: dict[str, GroupSums] = field(default_factory=dict)

    def group(self, name: str) -> GroupSums:
        """The sums of a group."""
        sums = self.groups.get(name)
        if sums is None:
            sums = self.groups[name] = GroupSums()
        return sums

    @property
    def length(self) -> int:
        """The number of days in it."""
        return max(self.days.values(), default=1)

    @property
    def used(self) -> set[str]:
        """The groups with any usage or cost."""
        return {name for name, sums in self.groups.items() if sums != GroupSums()}


class SpanSums:
    """Sums charges and volumes in scope. `span_of` names the period of a day, `group_of` the group of an owner."""

    def __init__(
        self,
        *,
        terms: CostTerms,
        scope: ScopeFilter,
        span_of: Callable[[date], str],
        group_of: Callable[[LocationOwner], str],
    ) -> None:
        self._terms = terms
        self._scope = scope
        self._span_of = span_of
        self._group_of = group_of
        self._spans: dict[str, PeriodSums] = {}
        self._span_of_day: dict[date, PeriodSums] = {}

    def of(self, usage: Mapping[str, UsageDays], charges: Iterable[Charge]) -> dict[str, PeriodSums]:
        """The periods by name. `charges` are those in scope, `usage` is filtered here."""
        for location, days in usage.items():
            if self._scope.includes_location(location):
                self._add_usage(days)
        for charge in charges:
            group = self._group_of(LocationOwner(charge.location, charge.key))
            _add_charge(self._span(charge.day).group(group), charge)
        return self._spans

    def _add_usage(self, usage: UsageDays) -> None:
        for day, entry in usage.days.items():
            # A sample at midnight belongs to the day that ends.
            if midnight(day) < usage.until:
                self._add_day(self._span(day), usage.location, day, entry)

    def _span(self, day: date) -> PeriodSums:
        span = self._span_of_day.get(day)
        if span is None:
            span = self._span_of_day[day] = self._spans.setdefault(self._span_of(day), PeriodSums())
        return span

    def _add_day(self, span: PeriodSums, location: str, day: date, entry: UsageDay) -> None:
        prices = self._terms.prices.get(location)
        span.days[location] = span.days.get(location, 0) + entry.days
        span.estimated[day] = span.estimated.get(day, False) or entry.estimated
        profile = prices.on(day) if prices is not None else None
        unit = _UNITS_PER_GB // (profile.gb_bytes if profile is not None else 10**9)
        for key, volume in entry.volumes.items():
            if self._scope.includes(location, key):
                sums = span.group(self._group_of(LocationOwner(location, key)))
                sums.stored += volume.end.size_bytes * unit * entry.days
                sums.uploaded += volume.uploaded_bytes * unit
                sums.writes += volume.writes
        if profile is not None:
            for key, size_bytes in downloads_of(entry, day, profile, self._terms):
                if size_bytes and self._scope.includes(location, key):
                    span.group(self._group_of(LocationOwner(location, key))).downloaded += size_bytes * unit


def _add_charge(sums: GroupSums, charge: Charge) -> None:
    if charge.kind is ChargeKind.DOWNLOADS:
        sums.download_cost += charge.cost
    elif charge.kind is ChargeKind.REQUESTS:
        sums.request_cost += charge.cost
    else:
        sums.storage_cost += charge.cost


def gigabytes(amounts: Mapping[int, int]) -> Decimal:
    """GB of bytes, given by the bytes of a GB, rounded to a millionth."""
    return gb_of(sum(size_bytes * (_UNITS_PER_GB // gb_bytes) for gb_bytes, size_bytes in amounts.items()))


def gb_of(units: int, days: int = 1) -> Decimal:
    """GB of an amount in GroupSums, the mean of some days."""
    with localcontext(exact()):
        return rounded(Decimal(units) / (_UNITS_PER_GB * days), MICRO)
