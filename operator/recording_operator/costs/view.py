"""What a report is computed from: the charges, stock and Recordings in its scope.

All locations of the accounts in question are valued, whatever the scope; the scope only filters the result. So the rows
of a report of all organisations equal the reports of single ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from recording_operator.api.storagereport import StorageReportSpec
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import LocationOwner, month_after, valued
from recording_operator.costs.lines import class_of
from recording_operator.costs.money import CENT, ZERO, rounded
from recording_operator.costs.outlook import LocationOutlook, day_costs
from recording_operator.costs.profile import Profile
from recording_operator.costs.rows import Holdings
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDays
from recording_operator.usage.timeline import LocationUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """What a report is computed from.

    `terms` and `usage` are of all locations, also those outside the scope: tiers, allowances and minimums apply to all
    locations of an account.
    """

    spec: StorageReportSpec
    now: datetime
    """Used only if no location in scope has a sample."""
    terms: CostTerms
    usage: Mapping[str, LocationUsage]
    """By location. One that is missing has not been counted."""
    comparison: Mapping[str, tuple[Profile, ...]] = field(default_factory=dict)
    """For each name in `spec.compare`: the dated versions of the profile, the oldest first; at least one."""
    deleted: Mapping[str, str] = field(default_factory=dict)
    """StorageLocations that do not exist any more, in `usage`, `terms` and the scope too: by name there, the name that
    they had. What they cost until their newest sample counts; nothing is projected for them.
    """
    notes: tuple[str, ...] = ()
    """Further sentences for `status.notes`."""


class ReportView:
    """Charges and stock are those in scope; `usage`, `outlooks` and `projected_usage` are of whole accounts.

    Deleted locations have usage and charges, but no samples, stock and outlooks.
    """

    def __init__(self, inputs: ReportInputs) -> None:
        """Value the usage."""
        scope = self.scope = ScopeFilter.of(inputs.spec.scope)
        groups = {prices.group for name, prices in inputs.terms.prices.items() if scope.includes_location(name)}
        prices = {name: of for name, of in sorted(inputs.terms.prices.items()) if of.group in groups}
        self.terms = terms = replace(inputs.terms, prices=prices)
        known = {name: inputs.usage[name] for name in prices if name in inputs.usage}
        existing = {name: one for name, one in known.items() if name not in inputs.deleted}
        self.samples = {name: one.newest for name, one in existing.items() if scope.includes_location(name)}
        gone = [name for name in known if name in inputs.deleted]
        self.deleted = {name: known[name].newest for name in gone if scope.includes_location(name)}
        """The newest samples of deleted locations."""
        self.deleted_names = inputs.deleted
        self.as_of = min((sample.at for sample in self.samples.values()), default=inputs.now)
        self.month = self.as_of.date().replace(day=1)
        end = month_after(month_after(self.month))
        self.usage = {name: one.days for name, one in known.items()}
        self.outlooks = {name: LocationOutlook.of(one.days, one.newest) for name, one in existing.items()}
        self.projected_usage = {name: one.projected(begin=self.month, end=end) for name, one in self.outlooks.items()}
        self.projected_usage |= {name: self.usage[name].between(self.month, end) for name in gone}
        """This month and the next, with made-up days."""
        self.charges = in_scope(valued(self.usage, terms), scope)
        self.projected = in_scope(valued(self.projected_usage, terms), scope)
        """Charges of this month and the next, as projected."""
        self.holdings = Holdings(
            stock={
                LocationOwner(name, key): held
                for name, one in self.outlooks.items()
                for key, held in one.stock.items()
                if scope.includes(name, key)
            },
            costs={owner: cost for owner, cost in day_costs(self.outlooks, terms).items() if scope.includes(*owner)},
        )
        self.recordings = [
            (name, row)
            for name, sample in self.samples.items()
            for row in sample.recordings
            if scope.includes_owner(row.org, row.namespace)
        ]
        """Recordings in scope, with their locations."""

    def usage_in_scope(self) -> Iterable[UsageDays]:
        """The days of the locations in scope. They contain all owners."""
        return (self.usage[name] for name in (*self.samples, *self.deleted))

    def prices_of(self, location: str) -> Profile:
        """The prices of a location in scope at its newest sample."""
        newest = self.samples.get(location) or self.deleted[location]
        return self.terms.prices[location].on(newest.at.date())


def cost_of_month(charges: Iterable[Charge], month: date) -> Decimal:
    """The cost of a month to the cent."""
    after = month_after(month)
    return rounded(sum((charge.cost for charge in charges if month <= charge.day < after), ZERO), CENT)


def in_scope(charges: Iterable[Charge], scope: ScopeFilter) -> tuple[Charge, ...]:
    """The charges that a report includes."""
    return tuple(charge for charge in charges if scope.includes(charge.location, charge.key))


def unpriced(charges: Iterable[Charge], terms: CostTerms) -> list[str]:
    """Usage without a price."""
    found: set[str] = set()
    for charge in charges:
        profile = terms.prices[charge.location].on(charge.day)
        if charge.quantity and charge.kind is ChargeKind.DOWNLOADS and profile.egress is None:
            found.add("downloads")
        if charge.quantity and charge.kind is ChargeKind.STORAGE:
            name = class_of(profile, charge.key)
            if profile.price_of(name) is None:
                found.add(f"storage class {name}")
    return sorted(found)
