"""This month at other price profiles, as if all locations of the report were there and shared one account."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import ComparisonRow
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import month_after, valued
from recording_operator.costs.money import CENT, ZERO, rounded
from recording_operator.costs.profile import Profile
from recording_operator.costs.terms import LocationPrices
from recording_operator.costs.view import ReportView, in_scope, unpriced
from recording_operator.usage.days import UsageDay, UsageDays
from recording_operator.usage.sample import OwnerKey

Costs = Mapping[ChargeKind, Decimal]
_MOST_NAMED: Final = 10
_SUBJECTS: Final = {
    ChargeKind.STORAGE: "storage",
    ChargeKind.DOWNLOADS: "downloads",
    ChargeKind.REQUESTS: "requests",
}
_FEES: Final = {
    ChargeKind.MINIMUM: ("a minimum volume is charged", "no minimum volume is charged"),
    ChargeKind.MONITORING: ("objects are monitored for a fee", "no fee for monitoring"),
    ChargeKind.EARLY_DELETION: ("early deletions are charged", "early deletions are not charged"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedMonth:
    """Rows, the cheapest first, and sentences about what they do not include."""

    rows: tuple[ComparisonRow, ...]
    cheapest: ComparisonRow | None
    """None if no profile has a price for everything."""
    notes: tuple[str, ...]


def compared(view: ReportView, profiles: Mapping[str, tuple[Profile, ...]], *, currency: str) -> ComparedMonth:
    """Value the month at each profile."""
    month, projected = _this_month(view, view.usage), _this_month(view, view.projected_usage)
    own = _by_kind(charge for charge in view.projected if charge.day < month_after(view.month))
    found: list[tuple[bool, ComparisonRow]] = []
    notes: list[str] = []
    for name, versions in profiles.items():
        if {one.currency for one in versions} != {currency}:
            notes.append(f"Not compared, because its prices are in {versions[-1].currency}: {name}.")
            continue
        there = _Elsewhere(prices=LocationPrices(group=name, versions=versions), view=view)
        so_far, _ = there.value(month)
        costs, missing = there.value(projected)
        row = ComparisonRow(
            profile=name,
            prices_as_of=there.profile.as_of.isoformat(),
            month_to_date=_total(so_far),
            projected_month=_total(costs),
            difference=_total(costs) - _total(own),
            reason=f"no price there for {', '.join(missing)}" if missing else _reason(own, costs),
        )
        found.append((bool(missing), row))
        notes += there.notes(projected)
    # Those without a price for everything are last.
    found.sort(key=lambda one: (one[0], one[1].projected_month, one[1].profile))
    rows = tuple(row for _, row in found)
    return ComparedMonth(rows=rows, cheapest=rows[0] if found and not found[0][0] else None, notes=tuple(notes))


def _this_month(view: ReportView, usage: Mapping[str, UsageDays]) -> dict[str, UsageDays]:
    after = month_after(view.month)
    return {
        name: replace(one, days={day: entry for day, entry in one.days.items() if view.month <= day < after})
        for name, one in usage.items()
    }


def _by_kind(charges: Iterable[Charge]) -> Costs:
    costs: dict[ChargeKind, Decimal] = defaultdict(Decimal)
    for charge in charges:
        costs[charge.kind] += charge.cost
    return costs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    """All locations at one profile."""

    prices: LocationPrices
    view: ReportView

    @property
    def profile(self) -> Profile:
        """The prices of today."""
        return self.prices.on(self.view.as_of.date())

    def value(self, usage: Mapping[str, UsageDays]) -> tuple[Costs, list[str]]:
        """The costs in scope by kind, and what has no price."""
        moved = {name: self._moved(days) for name, days in usage.items()}
        terms = replace(self.view.terms, prices=dict.fromkeys(moved, self.prices))
        charges = in_scope(valued(moved, terms), self.view.scope)
        return _by_kind(charges), unpriced(charges, terms)

    def notes(self, usage: Mapping[str, UsageDays]) -> Iterator[str]:
        """What the comparison does not show."""
        profile = self.profile
        keys = {
            key
            for name, days in usage.items()
            for entry in days.days.values()
            for key in entry.volumes
            if self.view.scope.includes(name, key)
        }
        missing = sorted({key.storage_class for key in keys if self._class_of(key) != key.storage_class} - {""})
        if missing:
            named = ", ".join(missing[:_MOST_NAMED])
            yield f"At {profile.name}, {named} is compared at the prices of {profile.default_storage_class}."
        classes = {self._class_of(key) for key in keys}
        days = max((price.min_days for name in classes if (price := profile.price_of(name)) is not None), default=0)
        if days:
            yield f"At {profile.name}, deletions before its minimum duration of {days} days are not included."

    def _moved(self, usage: UsageDays) -> UsageDays:
        """The usage in the classes of the profile."""
        days = {}
        for day, entry in usage.days.items():
            days[day] = UsageDay(counts_downloads=entry.counts_downloads, days=entry.days)
            for key, volume in entry.volumes.items():
                days[day].volume(key._replace(storage_class=self._class_of(key))).add(volume)
        return replace(usage, days=days)

    def _class_of(self, key: OwnerKey) -> str:
        known = self.profile.price_of(key.storage_class) is not None
        return key.storage_class if known else self.profile.default_storage_class


def _reason(here: Costs, there: Costs) -> str:
    """The kind of charge that differs most in the direction of the whole difference, in words."""
    total = _total(there) - _total(here)
    if not total:
        return "no difference"
    kinds = sorted(here.keys() | there.keys())
    sign = Decimal(1).copy_sign(total)
    kind = max(kinds, key=lambda one: sign * (there.get(one, ZERO) - here.get(one, ZERO)))
    if kind in _FEES:
        return _FEES[kind][0 if total > 0 else 1]
    if not rounded(there.get(kind, ZERO), CENT):
        return f"{_SUBJECTS[kind]} are free" if kind is not ChargeKind.STORAGE else "storage is free"
    verb = "costs" if kind is ChargeKind.STORAGE else "cost"
    return f"{_SUBJECTS[kind]} {verb} {'more' if total > 0 else 'less'}"


def _total(costs: Costs) -> Decimal:
    return rounded(sum(costs.values(), ZERO), CENT)
