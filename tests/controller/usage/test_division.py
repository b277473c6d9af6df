"""Sums of a month by class, divided between rows whose cost is known."""

from decimal import Decimal

import pytest

from recording_operator.controller.usage.division import divided

RATES = {"STANDARD": Decimal("0.023"), "GLACIER_IR": Decimal("0.004")}
AMOUNTS = {"acme": {"STANDARD": 700, "GLACIER_IR": 4000}, "globex": {"STANDARD": 50, "GLACIER_IR": 900}}
SUMS = {"STANDARD": 750 * 10**9, "GLACIER_IR": 4900 * 10**9}
COSTS = {org: sum((RATES[name] * amount for name, amount in held.items()), Decimal(0)) for org, held in AMOUNTS.items()}


def test_rows_keep_their_costs_when_their_shares_of_the_classes_were_others() -> None:
    shares = {(org, name): Decimal("0.5") for org in AMOUNTS for name in SUMS}
    found = divided(COSTS, shares=shares, sums=SUMS, rates=RATES)
    for name, weights in found.items():
        assert sum(weights.values()) == pytest.approx(SUMS[name], abs=2)
    for org, cost in COSTS.items():
        spent = sum(RATES[name] * found[name][org] for name in SUMS) / 10**9
        assert spent == pytest.approx(cost, rel=Decimal("0.000001"))


def test_a_class_that_nobody_holds_now_is_divided_by_cost() -> None:
    shares = {(org, "STANDARD"): Decimal(1) for org in AMOUNTS}
    found = divided(COSTS, shares=shares, sums=SUMS, rates=RATES)
    assert sum(found["GLACIER_IR"].values()) == pytest.approx(SUMS["GLACIER_IR"], abs=2)
    assert found["GLACIER_IR"]["acme"] > found["GLACIER_IR"]["globex"] > 0


def test_without_prices_the_shares_decide() -> None:
    nothing = dict.fromkeys(SUMS, Decimal(0))
    shares = {(org, name): Decimal(1) for org in AMOUNTS for name in SUMS}
    found = divided({"acme": Decimal(3), "globex": Decimal(1)}, shares=shares, sums=SUMS, rates=nothing)
    assert found["STANDARD"]["acme"] == pytest.approx(SUMS["STANDARD"] * 3 / 4, abs=2)
