"""Thresholds are reported once."""

from datetime import date
from decimal import Decimal

import pytest

from recording_operator.api.storagereport_budget import Budget, BudgetAction, Threshold, ThresholdType
from recording_operator.costs.budget import closing_crossings, crossings, holds_uploads
from recording_operator.costs.money import ZERO

NOVEMBER = date(2026, 11, 1)


def budget(*thresholds: tuple[int, ThresholdType]) -> Budget:
    return Budget(
        amount=Decimal(50), thresholds=tuple(Threshold(percent=percent, type=kind) for percent, kind in thresholds)
    )


@pytest.mark.parametrize(("cost", "passed"), [("39.99", False), ("40", True), ("40.01", True), ("39.996", True)])
def test_a_threshold_is_passed_when_it_is_reached_to_the_cent(cost: str, passed: bool) -> None:
    of = budget((80, ThresholdType.ACTUAL))
    found = crossings(of, month_to_date=Decimal(cost), projected=Decimal(0), announced=(), month=NOVEMBER)
    assert bool(found) is passed


def test_without_thresholds_the_whole_budget_counts() -> None:
    found = crossings(budget(), month_to_date=Decimal(10), projected=Decimal(60), announced=(), month=NOVEMBER)
    assert [crossing.key for crossing in found] == ["2026-11 Forecasted 100 of 50"]
    assert found[0].message == (
        "This month is projected to cost 60.00 USD, 120% of the budget of 50.00 USD. The threshold is 100%."
    )


def test_a_threshold_is_reported_once_a_month() -> None:
    of = budget((80, ThresholdType.ACTUAL))
    first = crossings(of, month_to_date=Decimal(45), projected=Decimal(0), announced=(), month=NOVEMBER)
    announced = [crossing.key for crossing in first]
    again = crossings(of, month_to_date=Decimal(46), projected=Decimal(0), announced=announced, month=NOVEMBER)
    december = crossings(
        of, month_to_date=Decimal(46), projected=Decimal(0), announced=announced, month=date(2026, 12, 1)
    )
    assert [crossing.is_new for crossing in (*first, *again, *december)] == [True, False, True]


def test_another_amount_is_reported() -> None:
    of = budget((100, ThresholdType.ACTUAL))
    announced = [
        one.key for one in crossings(of, month_to_date=Decimal(60), projected=ZERO, announced=(), month=NOVEMBER)
    ]
    raised = of.model_copy(update={"amount": Decimal(150)})
    [crossing] = crossings(raised, month_to_date=Decimal(191), projected=ZERO, announced=announced, month=NOVEMBER)
    assert crossing.is_new


def test_a_finished_month_is_compared_by_its_final_cost_and_reported_once() -> None:
    of = budget((90, ThresholdType.ACTUAL), (100, ThresholdType.ACTUAL), (50, ThresholdType.FORECASTED))
    before = crossings(of, month_to_date=Decimal(46), projected=ZERO, announced=(), month=NOVEMBER)
    announced = [crossing.key for crossing in before]
    found = closing_crossings(of, cost=Decimal(50), announced=announced, month=NOVEMBER)
    assert [(crossing.threshold.percent, crossing.is_new, crossing.over) for crossing in found] == [
        (90, False, True),
        (100, True, True),
    ]
    assert found[1].message == "2026-11 has cost 50.00 USD, 100% of the budget of 50.00 USD. The threshold is 100%."


def holding(*thresholds: tuple[int, ThresholdType]) -> Budget:
    return budget(*thresholds).model_copy(update={"action": BudgetAction.HOLD_UPLOADS})


@pytest.mark.parametrize(("cost", "held"), [("49.99", False), ("49.994", False), ("49.995", True), ("50", True)])
def test_uploads_are_held_when_the_amount_is_reached_to_the_cent(cost: str, held: bool) -> None:
    assert holds_uploads(holding(), month_to_date=Decimal(cost)) is held
    assert not holds_uploads(budget(), month_to_date=Decimal(cost))


def test_the_crossing_says_that_uploads_wait() -> None:
    found = crossings(holding(), month_to_date=Decimal(51), projected=Decimal(60), announced=(), month=NOVEMBER)
    actual, forecasted = [crossing.message for crossing in found]
    assert actual.endswith("102% of the budget of 50.00 USD. The threshold is 100%. New uploads wait (HoldUploads).")
    assert forecasted.endswith("120% of the budget of 50.00 USD. The threshold is 100%.")


@pytest.mark.parametrize(("cost", "percents"), [("49", [80]), ("50", [80, 100]), ("60", [80, 120, 100])])
def test_a_budget_that_holds_uploads_always_has_a_threshold_at_its_amount(cost: str, percents: list[int]) -> None:
    of = holding((80, ThresholdType.ACTUAL), (120, ThresholdType.ACTUAL))
    found = crossings(of, month_to_date=Decimal(cost), projected=ZERO, announced=(), month=NOVEMBER)
    assert [crossing.threshold.percent for crossing in found] == percents
    assert all(("New uploads wait" in crossing.message) is (percents != [80]) for crossing in found)


def test_a_month_that_is_over_holds_nothing() -> None:
    found = closing_crossings(holding(), cost=Decimal(51), announced=(), month=NOVEMBER)
    assert found
    assert all("uploads" not in crossing.message for crossing in found)
