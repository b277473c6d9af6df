"""A month's bill: published examples, tiers, allowances."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.costs.billing import days_of, gb_months, month_bill, tiered
from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.library import find_profile, shipped
from recording_operator.costs.lines import DOWNLOADS, MINIMUM, WRITES, Line
from recording_operator.costs.money import MICRO, exact, rounded
from recording_operator.costs.profile import DayBasis, Profile, Tier
from tests.costs.building import profile_of
from tests.usage.sampling import GB, GIB, PATIENT

DAY_S = 86_400
MARCH = date(2026, 3, 1)
amounts = st.integers(0, 10**18)
PROFILES = [profile for versions in shipped().values() for profile in versions]


def shipped_profile(name: str) -> Profile:
    """The newest version."""
    return find_profile(name)[-1]


AWS = shipped_profile("aws-s3/us-east-1")


@dataclass(frozen=True)
class Bill:
    costs: Mapping[Line, Decimal]

    @property
    def total(self) -> Decimal:
        with localcontext(exact()):
            return sum(self.costs.values(), Decimal(0))


def on(storage_class: str) -> Line:
    return Line(ChargeKind.STORAGE, storage_class)


def bill(profile: Profile, used: Mapping[Line, int], *, month: date = MARCH, days: int = 30) -> Bill:
    return Bill(month_bill(profile, used, month=month, elapsed_seconds=days * DAY_S))


def stored(
    profile: Profile, size_bytes: int, days: int, *, month: date = MARCH, downloads: int = 0, name: str = "STANDARD"
) -> Bill:
    used = {on(name): size_bytes * days * DAY_S, DOWNLOADS: downloads}
    return bill(profile, used, month=month, days=days)


def test_the_worked_example_of_aws() -> None:
    # 100 GB for 15 days and 100 TB for 16 days of March: 42,259,901,212,262,400 byte-hours.
    byte_seconds = (100 * GIB * 15 + 100 * 1024 * GIB * 16) * DAY_S
    assert byte_seconds == 42_259_901_212_262_400 * 3600
    assert gb_months(byte_seconds, gb_bytes=GIB, days=31) == 52_900
    assert bill(AWS, {on("STANDARD"): byte_seconds}).total == Decimal("1215.00")


def test_a_day_of_a_hundred_gigabytes_at_the_default_prices() -> None:
    default = shipped_profile("default")
    assert round(stored(default, 100 * GB, 1).total, 4) == Decimal("0.0767")
    assert round(stored(default, 100 * GB, 1, downloads=50 * GB).total, 4) == Decimal("4.5767")


@pytest.mark.parametrize(("month", "days"), [("2026-02-01", 28), ("2028-02-01", 29), ("2026-04-01", 30), (MARCH, 31)])
def test_a_constant_amount_costs_its_rate_in_every_month_of_the_calendar(month: str | date, days: int) -> None:
    begin = date.fromisoformat(month) if isinstance(month, str) else month
    assert days_of(begin, DayBasis.CALENDAR) == days
    assert days_of(begin, DayBasis.FIXED30) == 30
    assert stored(AWS, 100 * GIB, days, month=begin).total == Decimal("2.300")


def test_months_of_thirty_days_charge_31_days_for_march() -> None:
    assert round(stored(shipped_profile("default"), 100 * GB, 31).total, 4) == Decimal("2.3767")


def test_downloads_are_free_up_to_the_allowance() -> None:
    assert bill(AWS, {DOWNLOADS: 100 * GIB}).costs[DOWNLOADS] == 0
    assert bill(AWS, {DOWNLOADS: 101 * GIB}).costs[DOWNLOADS] == Decimal("0.09")


def test_downloads_are_free_up_to_a_multiple_of_what_is_stored() -> None:
    b2 = shipped_profile("backblaze-b2")
    assert stored(b2, 100 * GB, 30, downloads=300 * GB).costs[DOWNLOADS] == 0
    assert stored(b2, 100 * GB, 30, downloads=400 * GB).costs[DOWNLOADS] == Decimal("1.00")


def test_a_minimum_volume_is_charged_as_far_as_the_month_has_come() -> None:
    wasabi = shipped_profile("wasabi")
    whole, half = stored(wasabi, GIB, 30), stored(wasabi, GIB, 15)
    assert round(whole.total, 2) == Decimal("7.99")
    assert half.total * 2 == whole.total
    large = stored(wasabi, 2048 * GIB, 30)
    assert large.total == 2 * whole.total
    assert MINIMUM not in large.costs


def test_writes_beyond_the_free_ones_cost() -> None:
    r2 = shipped_profile("cloudflare-r2")
    assert bill(r2, {WRITES: 1_000_000}).total == 0
    assert bill(r2, {WRITES: 3_000_000}).total == Decimal("9.00")


def test_monitoring_costs_a_price_for_each_thousand_objects_and_month() -> None:
    line = Line(ChargeKind.MONITORING, "INTELLIGENT_TIERING")
    assert bill(AWS, {line: 4_000 * 31 * DAY_S}).costs[line] == Decimal("0.01")


def test_a_minimum_is_charged_to_the_last_byte() -> None:
    wasabi = shipped_profile("wasabi")
    rate = wasabi.storage_classes["STANDARD"].tiers[0].rate
    assert stored(wasabi, 1024 * GIB - GIB // 2, 30).costs[MINIMUM] == rate / 2
    assert MINIMUM not in stored(wasabi, 1024 * GIB, 30).costs


def test_a_month_of_31_days_pays_one_minimum() -> None:
    wasabi = shipped_profile("wasabi")
    assert wasabi.day_basis is DayBasis.FIXED30
    assert bill(wasabi, {}, days=31).total == bill(wasabi, {}, days=30).total


def test_requests_with_a_price_of_their_own_use_up_no_free_ones() -> None:
    r2 = shipped_profile("cloudflare-r2")
    rare = Line(ChargeKind.REQUESTS, "STANDARD_IA")
    found = bill(r2, {WRITES: 1_000_000, rare: 1_000_000})
    assert (found.costs[WRITES], found.costs[rare]) == (Decimal(0), Decimal("9.00"))


def test_what_has_no_price_costs_nothing() -> None:
    assert stored(shipped_profile("aws-s3/eu-west-2"), GIB, 31, name="GLACIER").total == 0
    silent = shipped_profile("default").model_copy(update={"egress": None})
    assert bill(silent, {DOWNLOADS: GB}).total == 0
    assert bill(silent, {WRITES: 10**9}).total == 0


def test_other_classes_have_the_price_for_other_classes() -> None:
    flat = profile_of(
        """
        [storageClasses.STANDARD]
        tiers = [{ perGBMonth = "0.03" }]
        [otherClasses]
        tiers = [{ perGBMonth = "0.01" }]
        writePerMillion = "2"
        """
    )
    assert stored(flat, 100 * GB, 30, name="COLD").total == 1
    assert bill(flat, {Line(ChargeKind.REQUESTS, "COLD"): 10**6}).total == 2


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@PATIENT
@given(less=amounts, more=amounts, downloads=amounts)
def test_more_never_costs_less(profile: Profile, less: int, more: int, downloads: int) -> None:
    small, large = sorted((less, more))
    name = on(profile.default_storage_class)
    few, many = sorted((downloads, more))
    for less_used, more_used in [
        ({name: small}, {name: large}),
        ({name: small, DOWNLOADS: few}, {name: small, DOWNLOADS: many}),
        ({WRITES: few}, {WRITES: many}),
    ]:
        # Volumes are rounded to 50 digits.
        assert 0 <= rounded(bill(profile, less_used).total, MICRO) <= rounded(bill(profile, more_used).total, MICRO)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
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
def test_the_bill_is_of_the_sum_however_it_came_about(parts: list[int]) -> None:
    volumes = [gb_months(part, gb_bytes=GIB, days=31) for part in parts]
    whole = gb_months(sum(parts), gb_bytes=GIB, days=31)
    assert abs(sum(volumes) - whole) < Decimal("1e-20")
