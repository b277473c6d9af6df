"""Which thresholds of the budget are reached, which need an Event, and whether the budget holds new uploads.

Also how much of it is used, as pages and the command line show it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import ReportCost
from recording_operator.api.storagereport_budget import Budget, BudgetAction, Threshold, ThresholdType
from recording_operator.costs.money import CENT, rounded

_FULL: Final = 100
_NEARLY: Final = 80
_SPENT: Final = Threshold(percent=100, type=ThresholdType.ACTUAL)
_WHOLE: Final = (_SPENT, Threshold(percent=100, type=ThresholdType.FORECASTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A threshold that is reached. `key` identifies it for the month; `is_new` is true until an Event was posted."""

    threshold: Threshold
    key: str
    message: str
    is_new: bool
    over: bool = False
    """The month is over."""


def crossings(
    budget: Budget, *, month_to_date: Decimal, projected: Decimal, announced: Collection[str], month: date
) -> list[Crossing]:
    """The thresholds that are reached. `announced` contains the keys of those with an Event."""
    action = " New uploads wait (HoldUploads)." if holds_uploads(budget, month_to_date=month_to_date) else ""
    costs = {
        ThresholdType.ACTUAL: (month_to_date, "This month has cost", action),
        ThresholdType.FORECASTED: (projected, "This month is projected to cost", ""),
    }
    found = (_crossing(budget, threshold, *costs[threshold.type], announced, month) for threshold in _of(budget))
    return [crossing for crossing in found if crossing is not None]


def closing_crossings(budget: Budget, *, cost: Decimal, announced: Collection[str], month: date) -> list[Crossing]:
    """The thresholds that the previous month has reached, because its last hours are counted after its end."""
    actual = (threshold for threshold in _of(budget) if threshold.type is ThresholdType.ACTUAL)
    found = (_crossing(budget, one, cost, f"{month:%Y-%m} has cost", "", announced, month) for one in actual)
    return [replace(crossing, over=True) for crossing in found if crossing is not None]


def holds_uploads(budget: Budget, *, month_to_date: Decimal) -> bool:
    """Whether new uploads wait: the month so far has cost the amount, whatever the thresholds are."""
    return budget.action is BudgetAction.HOLD_UPLOADS and rounded(month_to_date, CENT) >= budget.amount


def _of(budget: Budget) -> tuple[Threshold, ...]:
    """The thresholds. An action always has one at 100 percent, so that an Event and a condition say when it begins."""
    thresholds = budget.thresholds or _WHOLE
    if budget.action is BudgetAction.WARN or _SPENT in thresholds:
        return thresholds
    return (*thresholds, _SPENT)


def _crossing(
    budget: Budget, threshold: Threshold, cost: Decimal, what: str, more: str, announced: Collection[str], month: date
) -> Crossing | None:
    if rounded(cost, CENT) < budget.amount * threshold.percent / 100:
        return None
    # A different amount is a new threshold, without an Event so far.
    key = f"{month:%Y-%m} {threshold.type} {threshold.percent} of {budget.amount:f}"
    message = (
        f"{what} {rounded(cost, CENT):f} {budget.currency}, {percent_of(cost, budget.amount)}% of the budget of "
        f"{rounded(budget.amount, CENT):f} {budget.currency}. The threshold is {threshold.percent}%.{more}"
    )
    return Crossing(threshold=threshold, key=key, message=message, is_new=key not in announced)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """How much of a budget is used this month, and will be."""

    used_percent: int
    projected_percent: int
    left: Decimal
    """Negative if the month has cost more."""

    @property
    def is_spent(self) -> bool:
        """Whether all of it is used."""
        return self.used_percent >= _FULL

    @property
    def is_near(self) -> bool:
        """Whether most of it is used, or will be."""
        return max(self.used_percent, self.projected_percent) >= _NEARLY


def use_of(budget: Budget, cost: ReportCost) -> BudgetUse | None:
    """How much of the budget these costs use; None if they are in another currency."""
    if budget.currency != cost.currency:
        return None
    return BudgetUse(
        used_percent=percent_of(cost.month_to_date, budget.amount),
        projected_percent=percent_of(cost.projected_month, budget.amount),
        left=budget.amount - cost.month_to_date,
    )


def percent_of(cost: Decimal, amount: Decimal) -> int:
    """The used share in whole percent, rounded down, so that 99.9 % is not shown as 100 %."""
    return int(cost * 100 / amount)
