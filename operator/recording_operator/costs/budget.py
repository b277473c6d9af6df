"""Whether the budget is kept, and what of it is news."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import Budget, Threshold, ThresholdType
from recording_operator.costs.money import CENT, rounded

_WHOLE: Final = (
    Threshold(percent=100, type=ThresholdType.ACTUAL),
    Threshold(percent=100, type=ThresholdType.FORECASTED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A threshold that is passed. `key` is the same for the whole month; `news` only until it was told."""

    threshold: Threshold
    key: str
    message: str
    news: bool


def crossings(
    budget: Budget, *, month_to_date: Decimal, projected: Decimal, told: Iterable[str], month: date
) -> list[Crossing]:
    """The thresholds that are passed: reached counts as passed."""
    known = set(told)
    found: list[Crossing] = []
    for threshold in budget.thresholds or _WHOLE:
        actual = threshold.type is ThresholdType.ACTUAL
        cost = month_to_date if actual else projected
        limit = budget.amount * threshold.percent / 100
        if rounded(cost, CENT) < limit:
            continue
        key = f"{month:%Y-%m} {threshold.type} {threshold.percent}"
        what = "This month has cost" if actual else "This month is projected to cost"
        message = (
            f"{what} {rounded(cost, CENT):f} {budget.currency}, {percent_of(cost, budget.amount)}% of the budget of "
            f"{rounded(budget.amount, CENT):f} {budget.currency}; the threshold is {threshold.percent}%"
        )
        found.append(Crossing(threshold=threshold, key=key, message=message, news=key not in known))
    return found


def percent_of(cost: Decimal, amount: Decimal) -> int:
    """The used share, in whole percent, rounded down: 99.9 % is not all of it."""
    return int(cost * 100 / amount)
