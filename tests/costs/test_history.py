"""The history of a report: days of three months, then months; the largest organisations and (other)."""

import json
from decimal import Decimal

from recording_operator.api.storagereport import MOST_HISTORY, StorageReportStatus
from recording_operator.costs.money import CENT, rounded
from recording_operator.usage.sample import OTHER, PastRow
from tests.costs.views import DAY, GB, at, one, row, sample, steady


def test_days_of_three_months_then_months() -> None:
    begin = at("2022-01-01")
    samples = [sample(begin + DAY * number, [row(gigabytes=100)]) for number in range(0, 365 * 5, 7)]
    seen = one(samples).report().history
    assert len(seen) <= MOST_HISTORY
    months = [entry for entry in seen if len(entry.date) == 7]
    assert len(months) == 36
    assert all(entry.storage_gb == 100 for entry in months)
    november = next(entry for entry in months if entry.date == "2025-11")
    assert rounded(november.cost, CENT) == Decimal("2.30")
    assert [entry.date for entry in seen] == sorted(entry.date for entry in seen)
    assert seen[36].date.endswith("-01")


def test_the_stock_of_a_month_is_the_mean_of_its_days() -> None:
    samples = [sample(at("2026-06-01") + DAY * number, [row(gigabytes=number)]) for number in range(120)]
    june = one(samples).report().history[0]
    assert (june.date, june.storage_gb) == ("2026-06", Decimal("15.5")), "the ends of days: 1 to 30"


def test_the_largest_organisations_by_name_and_the_rest_as_other_lose_nothing() -> None:
    rows = [row(f"org-{number:03}", number) for number in range(1, 90)]
    [entry] = one(steady(at("2026-11-01"), 2, rows)).report().history
    assert len(entry.orgs) == 21
    assert entry.orgs[0].name == "org-089"
    assert entry.orgs[-1].name == OTHER
    assert entry.storage_gb == sum(range(1, 90))
    assert rounded(entry.cost, CENT) == rounded(Decimal("0.023") / 30 * sum(range(1, 90)), CENT)


def test_days_without_a_sample_are_estimated_and_months_if_all_days_are() -> None:
    samples = [sample(at("2026-06-20"), [row(gigabytes=1)]), sample(at("2026-11-03T12:00"), [row(gigabytes=1)])]
    seen = {entry.date: entry.estimated for entry in one(samples).report().history}
    assert seen["2026-06"] is False
    assert seen["2026-07"] is True
    assert seen["2026-10-15"] is True
    assert seen["2026-11-03"] is False


def test_a_sample_at_midnight_makes_no_day_of_its_own() -> None:
    assert [entry.date for entry in one(steady(at("2026-11-01"), 3, [row()])).report().history] == [
        "2026-11-01",
        "2026-11-02",
    ]


def test_usage_from_before_the_first_sample_is_valued_too() -> None:
    october = PastRow(
        begin=at("2026-07-01").date(),
        end=at("2026-07-31").date(),
        org="acme",
        namespace="(unknown)",
        storage_class="STANDARD",
        byte_seconds=1000 * GB * 86_400 * 30,
        size_bytes=1000 * GB,
    )
    seen = one([sample(at("2026-11-03"), [row(gigabytes=1)], past=(october,))]).report().history
    assert [(entry.date, entry.cost, entry.storage_gb) for entry in seen] == [("2026-07", Decimal(23), Decimal(1000))]


def test_the_largest_status_fits_into_etcd() -> None:
    rows = [row(f"{number:03}" + "x" * 125, 987_654, namespace=f"n{number}" + "y" * 55) for number in range(102)]
    samples = [sample(at("2023-01-01") + DAY * number, rows) for number in range(0, 365 * 3 + 300, 30)]
    status: StorageReportStatus = one(samples).report({"compare": ["wasabi", "cloudflare-r2"]})
    assert len(status.history) > 100
    assert len(status.by_org) == 101
    assert len(json.dumps(status.model_dump(mode="json", by_alias=True))) < 1_200_000
