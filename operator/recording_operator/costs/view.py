"""What a report is computed from: the charges, stock and Recordings in its scope.

All locations of the accounts in question are valued, whatever the scope; the scope only filters the result. So the rows
of a report of all organisations equal the reports of single ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from recording_operator.costs.charge import Charge
from recording_operator.costs.charges import LocationOwner, month_after, valued
from recording_operator.costs.money import CENT, ZERO, rounded
from recording_operator.costs.outlook import LocationOutlook, day_costs
from recording_operator.costs.profile import Profile
from recording_operator.costs.rows import Holdings
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import RecordingRow, UsageSample


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
    def of(
        cls,
        *,
        scope: ScopeFilter,
        terms: CostTerms,
        samples: Mapping[str, UsageSample],
        usage: Mapping[str, UsageDays],
        now: datetime,
    ) -> "ReportView":
        """Value the usage. `terms`, `samples` and `usage` are of all locations. Without samples, `now` is the time."""
        terms = _in_question(terms, scope)
        usage = {name: usage[name] for name in terms.prices if name in usage and name in samples}
        seen = {name: samples[name] for name in sorted(samples) if scope.includes_location(name)}
        as_of = min((sample.at for sample in seen.values()), default=now)
        outlooks = {name: LocationOutlook.of(days, samples[name]) for name, days in usage.items()}
        begin = as_of.date().replace(day=1)
        end = month_after(month_after(begin))
        projected_usage = {name: outlook.projected(begin=begin, end=end) for name, outlook in outlooks.items()}
        costs = day_costs(outlooks, terms)
        return cls(
            scope=scope,
            terms=terms,
            as_of=as_of,
            samples=seen,
            usage=usage,
            outlooks=outlooks,
            projected_usage=projected_usage,
            charges=_in_scope(valued(usage, terms).charges, scope),
            projected=_in_scope(valued(projected_usage, terms).charges, scope),
            holdings=Holdings(
                stock={
                    LocationOwner(name, key): stock
                    for name, outlook in outlooks.items()
                    for key, stock in outlook.stock.items()
                    if scope.includes(name, key)
                },
                costs={owner: cost for owner, cost in costs.items() if scope.includes(owner.location, owner.key)},
            ),
            recordings=tuple(
                (name, row)
                for name, sample in seen.items()
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

    def prices_of(self, location: str) -> Profile | None:
        """The prices of a location at its newest sample."""
        prices, sample = self.terms.prices.get(location), self.samples.get(location)
        return prices.on(sample.at.date()) if prices is not None and sample is not None else None


def cost_of_month(charges: Iterable[Charge], month: date) -> Decimal:
    """The cost of a month to the cent."""
    after = month_after(month)
    return rounded(sum((charge.cost for charge in charges if month <= charge.day < after), ZERO), CENT)


def _in_scope(charges: Iterable[Charge], scope: ScopeFilter) -> tuple[Charge, ...]:
    return tuple(charge for charge in charges if scope.includes(charge.location, charge.key))


def _in_question(terms: CostTerms, scope: ScopeFilter) -> CostTerms:
    """The terms of the groups with a location in scope."""
    groups = {prices.group for name, prices in terms.prices.items() if scope.includes_location(name)}
    return CostTerms(
        prices={name: terms.prices[name] for name in sorted(terms.prices) if terms.prices[name].group in groups},
        playback_ratio=terms.playback_ratio,
        playback_base=terms.playback_base,
    )
