"""Days of usage become charges, and charges add up to the month's bill."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.library import find_profile
from recording_operator.costs.money import CENT, MICRO, rounded
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import unpriced
from recording_operator.usage.days import UsageDay, UsageDays, Volume
from recording_operator.usage.sample import OTHER, SHARED, OwnerKey, State
from recording_operator.usage.stock import Stock
from tests.costs.building import charges_of, cost, profile_of, terms
from tests.usage.sampling import (
    DAY,
    GB,
    GIB,
    LOCATION,
    arrival,
    at,
    days_of,
    early,
    key_of,
    sample,
    steady,
)

ACME = key_of("acme")
DAY_S = 86_400
FIRST = date(2026, 11, 1)
TWO = {"acme": 75 * GB, "globex": 25 * GB}


def gb(charges: tuple[Charge, ...], kind: ChargeKind, **where: str) -> Decimal:
    """The sum of quantities."""
    return sum((charge.quantity for charge in charges if charge.kind is kind and _is(charge, where)), Decimal(0))


def _is(charge: Charge, where: Mapping[str, str]) -> bool:
    return where.get("org", charge.key.org) == charge.key.org and where.get("day", f"{charge.day}") == f"{charge.day}"


# Worked examples


def test_the_worked_example_of_aws() -> None:
    # 100 GB for 15 days and 100 TB for 16 days of March: 52,900 GB-months, 51,200 x 0.023 + 1,700 x 0.022.
    more = [arrival(ACME, at("2026-03-16"), (100 * 1024 - 100) * GIB)]
    usage = days_of(
        sample(at("2026-03-01"), {"acme": 100 * GIB}),
        sample(at("2026-03-16"), {"acme": 100 * GIB}),
        sample(at("2026-04-01"), {"acme": 100 * 1024 * GIB}, arrived=more),
    )
    charges = charges_of(usage, terms("aws-s3/us-east-1"))
    assert cost(charges, kind=ChargeKind.STORAGE) == Decimal("1215.000000")
    # GB-months of a day are written to the millionth.
    assert abs(gb(charges, ChargeKind.STORAGE) - 52_900) < Decimal("0.00004")
    assert cost(charges, kind=ChargeKind.REQUESTS) == Decimal("0.000005")


def test_each_day_of_a_hundred_gigabytes_costs_the_same() -> None:
    charges = charges_of(steady("2026-11-01", "2026-11-04", {"acme": 100 * GB}), terms())
    assert [round(charge.cost, 4) for charge in charges] == [Decimal("0.0767")] * 3
    assert cost(charges) == Decimal("0.230000")


def test_a_day_with_fifty_gigabytes_read() -> None:
    usage = days_of(
        sample(at("2026-11-01"), {"acme": 100 * GB}),
        sample(at("2026-11-02"), {"acme": 100 * GB}, downloaded={FIRST: {"acme": 50 * GB}}),
    )
    assert round(cost(charges_of(usage, terms())), 4) == Decimal("4.5767")


def test_a_month_of_thirty_days_charges_31_of_them_for_march() -> None:
    usage = steady("2026-03-01", "2026-04-01", {"acme": 100 * GB})
    assert rounded(cost(charges_of(usage, terms())), Decimal("0.0001")) == Decimal("2.3767")
    assert cost(charges_of(steady("2026-03-01", "2026-04-01", {"acme": 100 * GIB}), terms("gcs/us-central1"))) == 2


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_of_a_clock_change_cost_what_others_do(day: str) -> None:
    charges = charges_of(steady(day, f"{at(day) + DAY:%Y-%m-%d}", {"acme": 100 * GB}), terms())
    assert rounded(cost(charges, month=day), Decimal("0.0001")) == Decimal("0.0767")


def test_a_terabyte_that_was_in_flight_at_the_first_sample() -> None:
    # 375 GB-hours until the first sample at 12:00, then 3,000 until 16:00, of which 2,000 can be read.
    open_key = key_of("acme", state=State.INCOMPLETE)
    parts = [arrival(open_key, at(f"2026-11-28T{time}"), 250 * GB, writes=0) for time in ("11:00", "11:30")]
    late = [arrival(key_of("acme", ""), at("2026-11-28T10:00"), 1000 * GB, writes=6)]
    flight = sample(at("2026-11-28T12:00"), {open_key: 500 * GB}, arrived=parts)
    after = sample(at("2026-11-28T16:00"), {"acme": 1000 * GB}, arrived=late)
    half = terms(ratio="0.5")
    assert rounded(cost(charges_of(days_of(flight), half)), MICRO) == Decimal("0.011979")  # 375 / 720 x 0.023
    both = charges_of(days_of(flight, after), half)
    # 3,375 / 720 x 0.023 + 2,000 / 720 x 0.5 x 0.09
    assert rounded(cost(both), CENT) == Decimal("0.23")
    assert gb(both, ChargeKind.DOWNLOADS) == Decimal("1.388889")
    assert gb(both, ChargeKind.REQUESTS) == 6


# Downloads


def test_half_of_what_is_stored_is_downloaded_in_a_month() -> None:
    charges = charges_of(steady("2026-11-01", "2026-12-01", {"acme": 100 * GB}), terms(ratio="0.5"))
    assert rounded(gb(charges, ChargeKind.DOWNLOADS), Decimal("0.001")) == 50
    assert rounded(cost(charges), CENT) == Decimal("6.80")  # 2.30 storage, 4.50 downloads


def test_half_of_what_is_uploaded_is_downloaded() -> None:
    came = [arrival(ACME, at("2026-11-01T06:00"), 24 * GB)]
    usage = days_of(sample(at("2026-11-01"), {}), sample(at("2026-11-02"), {"acme": 24 * GB}, arrived=came))
    charges = charges_of(usage, terms(ratio="0.5", base=PlaybackBase.UPLOADED))
    assert gb(charges, ChargeKind.DOWNLOADS) == 12
    assert cost(charges, kind=ChargeKind.DOWNLOADS) == Decimal("1.08")


def test_who_reads_pays_for_it_not_who_stores() -> None:
    usage = days_of(
        sample(at("2026-11-01"), TWO), sample(at("2026-11-02"), TWO, downloaded={FIRST: {"globex": 8 * GB}})
    )
    charges = charges_of(usage, terms(ratio="0.5"))
    assert cost(charges, kind=ChargeKind.DOWNLOADS, org="globex") == 8 * Decimal("0.09")
    assert cost(charges, kind=ChargeKind.DOWNLOADS) == 8 * Decimal("0.09")


def test_a_location_that_counts_is_not_estimated_and_its_neighbour_is() -> None:
    counts = days_of(
        sample(at("2026-11-01"), {"acme": 100 * GB}),
        sample(at("2026-11-02"), {"acme": 100 * GB}, downloaded={FIRST: {SHARED: 5 * GB}}),
    )
    estimated = steady("2026-11-01", "2026-11-02", {"acme": 100 * GB})
    charges = charges_of({"one": counts, "two": estimated}, terms(ratio="0.5", locations=("one", "two")))
    assert gb(charges, ChargeKind.DOWNLOADS) == 5 + Decimal("1.666667")


def test_of_a_day_that_is_counted_in_part_the_rest_is_estimated() -> None:
    held = {"acme": 100 * GB}
    usage = days_of(
        sample(at("2026-11-01"), held),
        sample(at("2026-11-01T12:00"), held, downloaded={FIRST: {"acme": 5 * GB}}),
        sample(at("2026-11-02"), held),
    )
    # 50 GB of a month of 30 days, for half a day.
    assert gb(charges_of(usage, terms(ratio="0.5")), ChargeKind.DOWNLOADS) == 5 + Decimal("0.833333")


def test_noncurrent_versions_and_open_uploads_are_billed_and_not_downloaded() -> None:
    held: dict[OwnerKey, Stock | int] = {
        key_of("acme", state=State.NONCURRENT): 60 * GB,
        key_of("acme", state=State.INCOMPLETE): 40 * GB,
    }
    charges = charges_of(steady("2026-11-01", "2026-12-01", held), terms(ratio="1"))
    assert cost(charges) == cost(charges, kind=ChargeKind.STORAGE) == Decimal("2.30")


def test_a_free_amount_that_grows_gives_back_what_it_makes_free() -> None:
    # 400 GB are read on the first day, when 3 x 100 / 30 are free; at the end of the month 300 are.
    held = {"acme": 75 * GB, "globex": 25 * GB}
    usage = days_of(
        sample(at("2026-11-01"), held),
        sample(at("2026-11-02"), held, downloaded={FIRST: {"globex": 400 * GB}}),
        sample(at("2026-12-01"), held, downloaded={}),
    )
    charges = charges_of(usage, terms("backblaze-b2"))
    downloads = [charge for charge in charges if charge.kind is ChargeKind.DOWNLOADS]
    assert {charge.key.org for charge in downloads} == {"globex"}
    assert downloads[0].cost == Decimal("3.90")
    assert all(charge.cost == Decimal("-0.10") for charge in downloads[1:])
    assert cost(downloads) == Decimal("1.00")


# Early deletions


def test_deleting_before_the_minimum_duration_pays_for_the_rest() -> None:
    young = key_of("acme", "GLACIER_IR")
    gone = [early(young, date(2026, 4, 1), 100 * GIB)]
    usage = days_of(sample(at("2026-04-01"), {young: 100 * GIB}), sample(at("2026-04-11"), {}, deleted_early=gone))
    charges = charges_of(usage, terms("aws-s3/us-east-1"))
    # 80 of 90 days at 0.004 a month of 30 days: 100 x 0.004 x 80 / 30.
    assert cost(charges, org="acme", kind=ChargeKind.EARLY_DELETION) == Decimal("1.066667")


def test_deleting_after_the_minimum_duration_costs_nothing_more() -> None:
    old = key_of("acme", "GLACIER_IR")
    gone = [early(old, date(2026, 4, 1), 100 * GIB)]
    usage = days_of(sample(at("2026-06-30"), {old: 100 * GIB}), sample(at("2026-07-01"), {}, deleted_early=gone))
    assert cost(charges_of(usage, terms("aws-s3/us-east-1")), kind=ChargeKind.EARLY_DELETION) == 0


# Accounts


def test_locations_of_one_account_share_the_allowance_and_others_do_not() -> None:
    usage = {name: steady("2026-03-01", "2026-04-01", {"acme": 80 * GIB}) for name in ("one", "two")}
    shared = terms("aws-s3/us-east-1", ratio="1", locations=usage)
    charges = charges_of(usage, shared)
    assert rounded(cost(charges, kind=ChargeKind.DOWNLOADS), CENT) == Decimal("5.40")  # 160 GB less 100, at 0.09
    apart = CostTerms(
        prices={name: LocationPrices(group=name, versions=shared.prices[name].versions) for name in usage},
        playback=shared.playback,
    )
    assert cost(charges_of(usage, apart), kind=ChargeKind.DOWNLOADS) == 0


def test_twin_locations_of_which_one_counts_are_one() -> None:
    counting = steady("2026-03-01", "2026-04-01", {"acme": 60_000 * GIB})
    twin = days_of(*(sample(at(when), {}, counted_by="one") for when in ("2026-03-01", "2026-04-01")))
    by = terms("aws-s3/us-east-1", locations=("one", "two"))
    assert cost(charges_of({"one": counting, "two": twin}, by)) == cost(charges_of({"one": counting}, by))


def test_a_minimum_is_shared_by_what_is_stored_and_given_back_when_it_is_reached() -> None:
    held = {"acme": 96 * GIB, "globex": 32 * GIB}
    more = [arrival(key_of("acme"), at("2026-04-16"), 10_240 * GIB)]
    usage = days_of(
        sample(at("2026-04-01"), held),
        sample(at("2026-04-16"), held),
        sample(at("2026-05-01"), {**held, "acme": 10_336 * GIB}, arrived=more),
    )
    charges = charges_of(usage, terms("wasabi"))
    first = [charge for charge in charges if charge.kind is ChargeKind.MINIMUM and charge.day == date(2026, 4, 1)]
    # 1,024 - 128 GB for a thirtieth of the month, three quarters of it to acme.
    rate = Decimal("0.0078027")
    assert sum(charge.cost for charge in first) == rounded(896 * rate / 30, MICRO)
    assert first[0].cost == pytest.approx(3 * first[1].cost, abs=MICRO)
    assert cost(charges, kind=ChargeKind.MINIMUM) == 0
    assert cost(charges) == rounded((128 + 10_240 // 2) * rate, MICRO)


def test_an_empty_account_pays_the_minimum_too() -> None:
    charges = charges_of(steady("2026-04-01", "2026-05-01", {}), terms("wasabi"))
    assert {charge.key.org for charge in charges if charge.cost} == {OTHER}
    assert rounded(cost(charges), CENT) == Decimal("7.99")


def test_a_month_of_which_only_the_sum_is_known_pays_a_whole_minimum() -> None:
    entry = UsageDay(days=30, volumes={ACME: Volume(stock_seconds=Stock(size_bytes=GIB * 30 * DAY_S))})
    usage = UsageDays(location=LOCATION, days={date(2026, 4, 1): entry}, until=at("2026-07-01"))
    assert rounded(cost(charges_of(usage, terms("wasabi"))), CENT) == Decimal("7.99")


def test_what_has_no_price_is_named_and_its_charge_is_nothing() -> None:
    held: dict[OwnerKey, Stock | int] = {key_of("acme", "GLACIER"): GIB}
    by = terms("aws-s3/eu-west-2")
    charges = charges_of(steady("2026-03-01", "2026-03-02", held), by)
    assert unpriced(charges, by) == ["storage class GLACIER"]
    assert [(charge.kind, charge.cost) for charge in charges] == [(ChargeKind.STORAGE, Decimal(0))]
    assert [(charge.quantity, charge.unit) for charge in charges] == [(Decimal("0.032258"), "GB-month")]


def test_only_what_is_stored_and_read_lacks_a_price() -> None:
    by = terms("aws-s3/eu-west-2")
    nothing = Charge(FIRST, LOCATION, key_of("acme", "GLACIER"), ChargeKind.STORAGE, Decimal(0), "GB-month", Decimal(0))
    writes = nothing._replace(kind=ChargeKind.REQUESTS, quantity=Decimal(5), unit="requests")
    assert unpriced([nothing, writes], by) == []
    assert unpriced([nothing._replace(quantity=MICRO)], by) == ["storage class GLACIER"]


# Versions of prices

OLD = profile_of('[storageClasses.STANDARD]\ntiers = [{ perGBMonth = "0.03" }]')
NEW = OLD.model_copy(
    update={
        "as_of": date(2026, 11, 11),
        "storage_classes": profile_of(
            '[storageClasses.STANDARD]\ntiers = [{ upToGB = 50, perGBMonth = "0.06" }, { perGBMonth = "0.012" }]'
        ).storage_classes,
    }
)


def test_a_price_applies_from_its_date() -> None:
    usage = steady("2026-10-01", "2026-12-01", {"acme": 100 * GB})
    charges = charges_of(usage, terms((OLD, NEW)))
    assert cost(charges, month="2026-11-10") == Decimal("0.1")
    # The bill of the month until then, at the new prices, is where the new prices begin: 33.3 GB-months are used.
    assert cost(charges, month="2026-11-11") == Decimal("0.2")
    assert cost(charges, month="2026-11-30") == Decimal("0.04")
    assert cost(charges, month="2026-11") == 1 + Decimal("1.6")  # then 16.7 x 0.06 and 50 x 0.012
    assert cost(charges, month="2026-10") == Decimal("3.1")


def test_days_before_the_oldest_version_have_its_prices() -> None:
    usage = steady("2026-10-01", "2026-11-01", {"acme": 100 * GB})
    assert cost(charges_of(usage, terms((NEW,)))) == cost(
        charges_of(usage, terms((NEW.model_copy(update={"as_of": date(2020, 1, 1)}),)))
    )


def test_a_new_version_may_have_other_lines() -> None:
    """Classes and fees that only one of two versions knows."""
    plain = profile_of('[storageClasses.OTHER]\ntiers = [{ perGBMonth = "0.03" }]')
    rich = find_profile("aws-s3/us-east-1")[0].model_copy(update={"as_of": date(2026, 11, 11)})
    held: dict[OwnerKey, Stock | int] = {
        key_of("acme", "INTELLIGENT_TIERING"): Stock(9, 9 * GB, monitored=9, bytes_after_30d=5 * GB),
        key_of("acme", "GLACIER"): 7 * GB,
        ACME: GB,
    }
    usage = steady("2026-11-01", "2026-12-01", held)
    for versions in [(plain, rich), (rich.model_copy(update={"as_of": plain.as_of}), plain)]:
        newest = versions[1].model_copy(update={"as_of": date(2026, 11, 11)})
        by = terms((versions[0], newest))
        found, always = charges_of(usage, by), charges_of(usage, terms(newest))
        assert cost(found, month="2026-11-3") == pytest.approx(cost(always, month="2026-11-3"), abs=MICRO)
        assert unpriced(found, by) == [
            f"storage class {name}" for name in ("GLACIER", "INTELLIGENT_TIERING", "STANDARD")
        ]
