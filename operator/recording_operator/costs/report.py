"""A StorageReport as a view: a pure function of usage samples, prices and the report's spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.storagereport import Budget, StorageReportSpec, StorageReportStatus
from recording_operator.costs.profile import Profile
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import UsageSample

AHEAD: Final = timedelta(days=1)
"""A last sample this far in the future was taken with a wrong clock."""


class CurrencyError(ValueError):
    """Amounts in several currencies cannot be summed. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """What a report is computed from.

    `terms`, `samples` and `usage` are of all locations, also those outside the scope: tiers, allowances and minimums
    apply to all locations of an account.
    """

    spec: StorageReportSpec
    now: datetime
    """Used only if no location in scope has a sample."""
    terms: CostTerms
    samples: Mapping[str, UsageSample]
    """The newest sample of each location. A location without one has not been counted."""
    usage: Mapping[str, UsageDays]
    """The days of each location (`usage.timeline.usage_days`)."""
    comparison: Mapping[str, tuple[Profile, ...]] = field(default_factory=dict)
    """For each name in `spec.compare`: the dated versions of the profile, the oldest first; at least one."""
    notes: tuple[str, ...] = ()
    """Further sentences for `status.notes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """The numbers of a report, and a message about how they were counted.

    Conditions, times and what else the status of a resource has are left empty.
    """

    status: StorageReportStatus
    message: str


def currency_of(terms: CostTerms, scope: ScopeFilter, budget: Budget | None) -> str:
    """The currency of the prices in scope and of the budget. Raises CurrencyError if they differ."""
    found = sorted({prices.newest.currency for name, prices in terms.prices.items() if scope.includes_location(name)})
    if len(found) > 1:
        raise CurrencyError(
            f"The prices of the locations are in {' and '.join(found)}, which cannot be summed. Create a report "
            "for each currency with spec.scope.storageLocations."
        )
    currency = found[0] if found else (budget.currency if budget else "USD")
    if budget is not None and budget.currency != currency:
        raise CurrencyError(f"The budget is in {budget.currency}, the prices are in {currency}. Use one currency.")
    return currency


def report(inputs: ReportInputs) -> ReportResult:
    """Compute a report. The same inputs give the same numbers. Raises CurrencyError."""
    raise NotImplementedError
