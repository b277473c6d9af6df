"""A month's bill: published examples, tiers, allowances."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.costs.billing import MonthUsage, days_of, gb_months, month_bill, tiered
from recording_operator.costs.library import find_profile, shipped
from recording_operator.costs.profile import DayBasis, Profile, Tier
from tests.costs.building import GB, GIB, PATIENT

DAY_S = 86_400
AWS = find_profile("aws-s3/us-east-1")
MARCH = date(2026, 3, 1)
amounts = st.integers(0, 10**18)


def stored(size_bytes: int, days: int, *, storage_class: str = "STANDARD", downloads: int = 0) -> MonthUsage:
    return MonthUsage(
        byte_seconds={storage_class: size_bytes * days * DAY_S}, download_bytes=downloads, elapsed_seconds=days * DAY_S
    )


def test_the_worked_example_of_aws() -> None:
    # 100 GB for 15 days and 100 TB for 16 days of March: 42,259,901,212,262,400 byte-hours.
    byte_seconds = (100 * GIB * 15 + 100 * 1024 * GIB * 16) * DAY_S
    assert byte_seconds == 42_259_901_212_262_400 * 3600
    assert gb_months(byte_seconds, gb_bytes=GIB, days=31) == 52_900
    bill = month_bill(AWS, MonthUsage(byte_seconds={"STANDARD": byte_seconds}), month=MARCH)
    assert bill.total == Decimal("1215.00")


def test_a_day_of_a_hundred_gigabytes_at_the_default_prices() -> None:
    default = find_profile("default")
    assert round(month_bill(default, stored(100 * GB, 1), month=MARCH).total, 4) == Decimal("0.0767")
    with_downloads = month_bill(default, stored(100 * GB, 1, downloads=50 * GB), month=MARCH)
    assert round(with_downloads.total, 4) == Decimal("4.5767")


@pytest.mark.parametrize(("month", "days"), [("2026-02-01", 28), ("2028-02-01", 29), ("2026-04-01", 30), (MARCH, 31)])
def test_a_constant_amount_costs_its_rate_in_every_month_of_the_calendar(month: str | date, days: int) -> None:
    begin = date.fromisoformat(month) if isinstance(month, str) else month
    assert days_of(begin, DayBasis.CALENDAR) == days
    assert days_of(begin, DayBasis.FIXED30) == 30
    assert month_bill(AWS, stored(100 * GIB, days), month=begin).total == Decimal("2.300")


def test_months_of_thirty_days_charge_31_days_for_march() -> None:
    bill = month_bill(find_profile("default"), stored(100 * GB, 31), month=MARCH)
    assert round(bill.total, 4) == Decimal("2.3767")


def test_downloads_are_free_up_to_the_allowance() -> None:
    assert month_bill(AWS, stored(0, 31, downloads=100 * GIB), month=MARCH).downloads == 0
    assert month_bill(AWS, stored(0, 31, downloads=101 * GIB), month=MARCH).downloads == Decimal("0.09")


def test_downloads_are_free_up_to_a_multiple_of_what_is_stored() -> None:
    b2 = find_profile("backblaze-b2")
    assert month_bill(b2, stored(100 * GB, 30, downloads=300 * GB), month=MARCH).downloads == 0
    assert month_bill(b2, stored(100 * GB, 30, downloads=400 * GB), month=MARCH).downloads == Decimal("1.00")


def test_a_minimum_volume_is_charged_as_far_as_the_month_has_come() -> None:
    wasabi = find_profile("wasabi")
    whole = month_bill(wasabi, stored(GIB, 30), month=MARCH).total
    half = month_bill(wasabi, stored(GIB, 15), month=MARCH).total
    assert round(whole, 2) == Decimal("7.99")
    assert half * 2 == whole
    assert month_bill(wasabi, stored(2048 * GIB, 30), month=MARCH).total == 2 * whole


def test_writes_beyond_the_free_ones_cost() -> None:
    r2 = find_profile("cloudflare-r2")
    assert month_bill(r2, MonthUsage(writes=1_000_000), month=MARCH).requests == 0
    assert month_bill(r2, MonthUsage(writes=3_000_000), month=MARCH).requests == Decimal("9.00")


def test_usage_without_a_price_is_listed_and_not_free() -> None:
    bill = month_bill(find_profile("aws-s3/eu-west-2"), stored(GIB, 31, storage_class="GLACIER"), month=MARCH)
    assert bill.unpriced == {"storage class GLACIER"}
    silent = find_profile("default").model_copy(update={"egress": None})
    assert month_bill(silent, stored(0, 1, downloads=1), month=MARCH).unpriced == {"downloads"}


def test_rounding_up_of_small_objects() -> None:
    infrequent = AWS.storage_classes["STANDARD_IA"]
    assert infrequent.billable_bytes(1) == 131_072
    assert infrequent.billable_bytes(200_000) == 200_000
    assert AWS.storage_classes["GLACIER"].billable_bytes(1000) == 41_960


@pytest.mark.parametrize("profile", shipped().values(), ids=lambda profile: profile.name)
@PATIENT
@given(less=amounts, more=amounts, downloads=amounts)
def test_more_never_costs_less(profile: Profile, less: int, more: int, downloads: int) -> None:
    name = profile.default_storage_class
    small, large = sorted((less, more))
    bills = [
        month_bill(profile, MonthUsage(byte_seconds={name: size}, download_bytes=0), month=MARCH).total
        for size in (small, large)
    ]
    assert 0 <= bills[0] <= bills[1]
    outs = [
        month_bill(profile, MonthUsage(byte_seconds={name: small}, download_bytes=size), month=MARCH).total
        for size in sorted((downloads, more))
    ]
    assert outs[0] <= outs[1]


@pytest.mark.parametrize("profile", shipped().values(), ids=lambda profile: profile.name)
def test_tiers_do_not_jump(profile: Profile) -> None:
    scales: list[tuple[Tier, ...]] = [price.tiers for price in profile.storage_classes.values()]
    scales += [profile.egress.tiers] if profile.egress else []
    step = Decimal("0.000001")
    for tiers in scales:
        for edge in (tier.up_to_gb for tier in tiers if tier.up_to_gb is not None):
            jump = tiered(edge + step, tiers) - tiered(edge - step, tiers)
            assert 0 <= jump <= 2 * step


@PATIENT
@given(parts=st.lists(st.integers(0, 10**16), min_size=1, max_size=8))
def test_gb_months_of_parts_sum_to_those_of_the_whole(parts: list[int]) -> None:
    volumes = [gb_months(part, gb_bytes=GIB, days=31) for part in parts]
    whole = gb_months(sum(parts), gb_bytes=GIB, days=31)
    assert abs(sum(volumes) - whole) < Decimal("1e-20")
