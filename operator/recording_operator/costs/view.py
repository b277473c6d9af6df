"""What a report is computed from: the charges, stock and Recordings in its scope.

All locations of the accounts in question are valued, whatever the scope; the scope only filters the result. So the rows
of a report of all organisations equal the reports of single ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
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
from recording_operator.usage.sample import RecordingRow, UsageSample
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
    notes: tuple[str, ...] = ()
    """Further sentences for `status.notes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Charges and stock are those in scope; `usage`, `outlooks` and `projected_usage` are of whole accounts."""

    scope: ScopeFilter
    terms: CostTerms
    as_of: datetime
    samples: Mapping[str, UsageSample]
    usage: Mapping[str, UsageDays]
    outlooks: Mapping[str, LocationOutlook]
    projected_usage: Mapping[str, UsageDays]
    """This month and the next, with made-up days."""
    charges: tuple[Charge, ...]
    projected: tuple[Charge, ...]
    """Charges of this month and the next, as projected."""
    holdings: Holdings
    recordings: tuple[tuple[str, RecordingRow], ...]
    """Recordings in scope, with their locations."""

    @classmethod
    def of(cls, inputs: ReportInputs) -> "ReportView":
        """Value the usage. Without samples, `now` is the time."""
        scope = ScopeFilter.of(inputs.spec.scope)
        terms = _in_question(inputs.terms, scope)
        known = {name: inputs.usage[name] for name in terms.prices if name in inputs.usage}
        samples = {name: one.newest for name, one in known.items() if scope.includes_location(name)}
        as_of = min((sample.at for sample in samples.values()), default=inputs.now)
        usage = {name: one.days for name, one in known.items()}
        outlooks = {name: LocationOutlook.of(one.days, one.newest) for name, one in known.items()}
        begin = as_of.date().replace(day=1)
        end = month_after(month_after(begin))
        projected_usage = {name: outlook.projected(begin=begin, end=end) for name, outlook in outlooks.items()}
        stock = {
            LocationOwner(name, key): held for name, outlook in outlooks.items() for key, held in outlook.stock.items()
        }
        return cls(
            scope=scope,
            terms=terms,
            as_of=as_of,
            samples=samples,
            usage=usage,
            outlooks=outlooks,
            projected_usage=projected_usage,
            charges=in_scope(valued(usage, terms), scope),
            projected=in_scope(valued(projected_usage, terms), scope),
            holdings=Holdings(
                stock={owner: held for owner, held in stock.items() if scope.includes(*owner)},
                costs={owner: cost for owner, cost in day_costs(outlooks, terms).items() if scope.includes(*owner)},
            ),
            recordings=tuple(
                (name, row)
                for name, sample in samples.items()
                for row in sample.recordings
                if scope.includes_owner(row.org, row.namespace)
            ),
        )

    @property
    def today(self) -> date:
        """The day of the report."""
        return self.as_of.date()

    @property
    def month(self) -> date:
        """The first day of the report's month."""
        return self.today.replace(day=1)

    @property
    def month_before(self) -> date:
        """The first day of the month before."""
        return (self.month - timedelta(days=1)).replace(day=1)

    def usage_in_scope(self) -> Iterable[UsageDays]:
        """The days of the locations in scope. They contain all owners."""
        return (days for name, days in self.usage.items() if self.scope.includes_location(name))

    def prices_of(self, location: str) -> Profile:
        """The prices of a location in scope at its newest sample."""
        return self.terms.prices[location].on(self.samples[location].at.date())


def cost_of_month(charges: Iterable[Charge], month: date) -> Decimal:
    """The cost of a month to the cent."""
    after = month_after(month)
    return rounded(sum((charge.cost for charge in charges if month <= charge.day < after), ZERO), CENT)


def in_scope(charges: Iterable[Charge], scope: ScopeFilter) -> tuple[Charge, ...]:
    """The charges that a report includes."""
    return tuple(charge for charge in charges if scope.includes(charge.location, charge.key))


def _in_question(terms: CostTerms, scope: ScopeFilter) -> CostTerms:
    """The terms of the groups with a location in scope."""
    groups = {prices.group for name, prices in terms.prices.items() if scope.includes_location(name)}
    return replace(terms, prices={name: of for name, of in sorted(terms.prices.items()) if of.group in groups})


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
