"""This month at other price profiles."""

from dataclasses import replace
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import DownloadSource
from recording_operator.costs.library import find_profile
from recording_operator.costs.profile import Profile, parse_profile
from recording_operator.costs.report import report
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.sample import DownloadRow, UsageSample
from tests.costs.test_report import YEN
from tests.costs.views import ARCHIVE, DAY, GB, World, arrival, at, cost, flat, one, row, sample, steady

BEGIN = at("2026-11-01")


def downloading(gigabytes: int, gigabytes_read: int, days: int = 11) -> list[UsageSample]:
    """The same stock every day, and so much downloaded on each."""
    return [
        sample(
            BEGIN + DAY * number,
            [row(gigabytes=gigabytes)],
            downloaded=[DownloadRow(day=(BEGIN + DAY * (number - 1)).date(), size_bytes=gigabytes_read * GB)][:number],
            download_source=DownloadSource.ACCESS_LOGS,
        )
        for number in range(days)
    ]


def test_at_a_store_without_egress_fees() -> None:
    """100 GB stored and 5 GB read a day: 2.30 + 30 x 0.45 here; at R2 90 GB at 0.015, and nothing for reads."""
    found = one(downloading(100, 5)).report({"compare": ["cloudflare-r2"]})
    assert cost(found).projected_month == Decimal("15.80")
    [there] = found.comparison
    assert (there.month_to_date, there.projected_month) == (Decimal("0.35"), Decimal("1.35"))
    assert (there.difference, there.reason) == (Decimal("-14.45"), "downloads are free")
    assert there.prices_as_of == find_profile("cloudflare-r2")[-1].as_of.isoformat()
    assert found.summary is not None
    assert found.summary.cheapest == "1.35 USD at cloudflare-r2"


def test_the_cheapest_is_first_and_may_be_what_there_is() -> None:
    found = one(downloading(100, 0)).report({"compare": ["wasabi", "aws-s3/us-east-1"]})
    assert [there.profile for there in found.comparison] == ["aws-s3/us-east-1", "wasabi"]
    dearer = one(downloading(100, 0), flat("0.001")).report({"compare": ["wasabi"]})
    assert dearer.summary is not None
    assert dearer.summary.cheapest == "0.10 USD as it is"
    assert dearer.comparison[0].reason == "a minimum volume is charged"


def test_without_a_comparison_there_is_no_cheapest() -> None:
    found = one(downloading(100, 0)).report()
    assert found.summary is not None
    assert (found.comparison, found.summary.cheapest) == ((), None)


@pytest.mark.parametrize(
    ("here", "there", "reason"),
    [
        (flat("0.02"), flat("0.01", name="x"), "storage costs less"),
        (flat("0.02"), flat("0.03", name="x"), "storage costs more"),
        (flat("0.02"), flat("0", name="x"), "storage is free"),
        (flat("0.02"), flat("0.02", name="x"), "no difference"),
        (flat("0.02", out="0.1"), flat("0.02", out="0.2", name="x"), "downloads cost more"),
        (flat("0.02", out="0.1"), flat("0.03", out="0.05", name="x"), "downloads cost less"),
        (
            flat("0.02"),
            flat("0.03", name="x", more='[requests]\nwritePerMillion = "9"'),
            "requests cost more",
        ),
        (flat("0.02", more="minimumMonthlyGB = 1000"), flat("0.03", name="x"), "no minimum volume is charged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_main_reason(here: Profile, there: Profile, reason: str) -> None:
    samples = downloading(100, 5)
    samples[1] = samples[1].model_copy(update={"arrived": (arrival("acme", 0, BEGIN, writes=1_000_000),)})
    inputs = one(samples, here).inputs()
    result = report(_comparing(inputs, there))
    assert result.comparison[0].reason == reason


def _comparing(inputs: ReportInputs, *profiles: Profile) -> ReportInputs:
    return replace(inputs, comparison={one.name: (one,) for one in profiles})


def test_a_class_that_the_profile_does_not_have_is_valued_at_its_default_class() -> None:
    rows = [row(gigabytes=100), row(gigabytes=100, storage_class="GLACIER")]
    found = one(steady(BEGIN, 11, rows), *find_profile("aws-s3/us-east-1")).report({"compare": ["cloudflare-r2"]})
    assert found.comparison[0].projected_month == Decimal("2.85"), "190 GB at 0.015"
    assert "At cloudflare-r2, GLACIER is compared at the prices of STANDARD." in found.notes


def test_what_the_comparison_leaves_out_is_told() -> None:
    found = one(downloading(100, 0)).report({"compare": ["wasabi"]})
    assert found.notes == ("At wasabi, deletions before its minimum duration of 90 days are not included.",)


def test_a_profile_without_a_price_for_downloads_comes_last_and_says_so() -> None:
    without = parse_profile(YEN.replace("JPY", "USD").replace("3.75", "0.01"), where="test")
    result = report(_comparing(one(downloading(100, 5)).inputs(), without, flat("1")))
    assert [one_row.reason for one_row in result.comparison] == [
        "storage costs more",
        "no price there for downloads",
    ]
    assert result.summary is not None
    assert result.summary.cheapest == "15.80 USD as it is", "what has no price is not cheap"


def test_prices_in_another_currency_are_not_compared() -> None:
    yen = parse_profile(YEN, where="test")
    result = report(_comparing(one(downloading(100, 5)).inputs(), yen, flat("0.01")))
    assert [there.profile for there in result.comparison] == ["flat"]
    assert result.notes == ("Not compared, because its prices are in JPY: tokyo.",)


def test_all_locations_share_one_account_there() -> None:
    """Two locations of two accounts here: twice ten free GB. There they are one account."""
    samples = {name: steady(BEGIN, 11, [row(gigabytes=20)], location=name) for name in (ARCHIVE, "second")}
    prices = {
        ARCHIVE: find_profile("cloudflare-r2"),
        "second": [find_profile("cloudflare-r2")[-1].model_copy(update={"name": "ours"})],
    }
    found = World(samples=samples, prices=prices).report({"compare": ["cloudflare-r2"]})
    assert cost(found).projected_month == Decimal("0.30")
    assert found.comparison[0].projected_month == Decimal("0.45")
    assert found.comparison[0].difference == Decimal("0.15")


def test_organisations_add_up_in_a_comparison_too() -> None:
    rows = [row("acme", 100), row("globex", 300)]
    world = one(steady(BEGIN, 11, rows))
    [everything] = world.report({"compare": ["cloudflare-r2"]}).comparison
    parts = [
        world.report({"compare": ["cloudflare-r2"], "scope": {"orgs": [org]}}).comparison[0].projected_month
        for org in ("acme", "globex")
    ]
    assert abs(sum(parts) - everything.projected_month) <= Decimal("0.01")
