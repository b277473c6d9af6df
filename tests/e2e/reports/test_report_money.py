"""Prices and budgets: invalid prices keep the previous numbers, and each threshold is reported once."""

import json
from collections.abc import Callable

import pytest

from localcluster import ControlPlane, OperatorProcess
from localcluster.install import OPERATOR_NAMESPACE
from tests.support.reports import ReportFactory, record
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

PRICE = """
name = "rack"
source = "a test"
asOf = 2026-10-01
currency = "%s"
gbBytes = 1_000_000_000
dayBasis = "fixed30"

[storageClasses.STANDARD]
tiers = [{ perGBMonth = "%s" }]

[egress]
tiers = [{ perGB = "0.09" }]
"""


def test_bad_prices_keep_the_last_good_numbers_and_say_why(
    cluster: ControlPlane,
    start: Callable[..., OperatorProcess],
    namespace: str,
    place: str,
    report: ReportFactory,
) -> None:
    start()
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    made = report(place)
    good = made.wait_refreshed()

    def price(text: str) -> None:
        entry = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"rack.toml": text}}
        cluster.kubectl.apply({**entry, "metadata": {"name": place, "namespace": OPERATOR_NAMESPACE}})

    def prices(**given: str) -> None:
        patch = json.dumps({"spec": {"prices": given}})
        cluster.kubectl("patch", "storagelocation", place, "--type=merge", f"--patch={patch}")

    prices(profile="nobody/nowhere")
    made.edit(refreshToken="unknown")
    bad = made.wait(lambda _: made.ready() == "PricesInvalid", what="refused")
    assert (
        "No price profile has the name nobody/nowhere. There are: aws-s3/eu-west-2"
        in made.condition("Ready")["message"]
    )
    assert made.condition("Stalled")["status"] == "True"
    assert {key: bad[key] for key in ("totals", "cost", "asOf", "history")} == {
        key: good[key] for key in ("totals", "cost", "asOf", "history")
    }
    assert made.events("PricesInvalid")

    prices(profile="rack", configMap=place)
    made.edit(refreshToken="no map")
    made.wait(lambda _: "which does not exist in" in made.condition("Ready").get("message", ""), what="no ConfigMap")
    price(PRICE % ("USD", "23"))
    made.edit(refreshToken="per TB")
    made.wait(lambda _: "23 is more than 1 per GB" in made.condition("Ready").get("message", ""), what="per TB")
    price(PRICE % ("EUR", "0.02"))
    made.edit(refreshToken="fixed")
    fixed = made.wait_refreshed("fixed")
    assert fixed["cost"]["currency"] == "EUR"
    assert fixed["byStorageLocation"][0]["profile"] == "rack"
    made.edit(budget={"amount": "50", "currency": "USD"})
    made.wait(lambda _: made.ready() == "CurrencyMismatch", what="two currencies")
    cluster.kubectl("delete", "configmap", place, f"--namespace={OPERATOR_NAMESPACE}")


def test_a_passed_threshold_is_reported_once(
    cluster: ControlPlane, start: Callable[..., OperatorProcess], place: str, report: ReportFactory
) -> None:
    operator = start()
    # At least 1 TB a month is charged there: 7.99 USD for nothing.
    patch = json.dumps({"spec": {"prices": {"profile": "wasabi"}}})
    cluster.kubectl("patch", "storagelocation", place, "--type=merge", f"--patch={patch}")
    budget = {"amount": "5", "thresholds": [{"percent": 100, "type": "Forecasted"}, {"percent": 999}]}
    made = report(place, budget=budget)
    status = made.wait_refreshed()
    assert made.condition("ForecastExceedsBudget")["status"] == "True"
    assert made.condition("ForecastExceedsBudget")["reason"] == "ThresholdPassed"
    assert made.condition("BudgetExceeded")["status"] == "False"
    assert status["summary"]["budget"].endswith("of 5.00 USD")
    [event] = eventually(lambda: made.events("ThresholdPassed"), what="an Event")
    assert event["type"] == "Warning"
    assert "of the budget of 5.00 USD. The threshold is 100%." in event["note"]
    made.edit(refreshToken="again")
    made.wait_refreshed("again")
    assert [found["metadata"]["name"] for found in made.events("ThresholdPassed")] == [event["metadata"]["name"]]
    assert "series" not in made.events("ThresholdPassed")[0]
    made.edit(budget={"amount": "5.01"})
    made.wait_refreshed("again")
    eventually(lambda: len(made.events("ThresholdPassed")) == 2, what="another budget is another limit")
    exceeded = f'recording_operator_report_budget_exceeded{{report="{made.name}",type="Forecasted"}} 1.0'
    assert exceeded in operator.metrics()
