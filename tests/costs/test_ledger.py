"""Samples become days, and days sum to the month's bill."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_operator.costs.arrivals import OTHER
from recording_operator.costs.usage import ClassDay

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.ledger import Ledger, advance, month_start, open_ledger
from recording_operator.costs.library import shipped
from recording_operator.costs.money import CENT, rounded
from recording_operator.costs.sample import SHARED, Cell, CostTerms, Sample, StoredBytes
from tests.costs.building import DAY, GB, GIB, LOCATION, PATIENT, arrived, at, kept, ledger, sample, terms

MONTHS = ["2026-02-01", "2028-02-01", "2026-03-01", "2026-04-01", "2026-10-01", "2026-12-01"]


def month_end(begin: str) -> datetime:
    return month_start(at(begin) + timedelta(days=32))


def cents(book: Ledger, month: str) -> Decimal:
    days = [entry for day, entry in book.days.items() if f"{day:%Y-%m}" == month[:7]]
    return rounded(sum((part.cost for entry in days for part in entry.orgs.values()), Decimal(0)), CENT)


def test_the_worked_example_of_aws_through_the_account() -> None:
    book = ledger(at("2026-03-01"), {"acme": 100 * GIB})
    advance(book, sample(at("2026-03-16"), {"acme": 100 * GIB}), terms("aws-s3/us-east-1"))
    book.cells = dict(sample(book.at, {"acme": 100 * 1024 * GIB}).cells)
    advance(book, sample(at("2026-04-01"), {"acme": 100 * 1024 * GIB}), terms("aws-s3/us-east-1"))
    assert cents(book, "2026-03") == Decimal("1215.00")


def test_each_day_of_a_hundred_gigabytes_costs_the_same() -> None:
    book = kept("2026-11-01", "2026-11-04", {"acme": 100 * GB}, terms())
    costs = [round(entry.orgs["acme"].cost, 4) for entry in book.days.values()]
    assert costs == [Decimal("0.0767")] * 3


def test_half_of_what_is_stored_is_downloaded_in_a_month() -> None:
    book = kept("2026-11-01", "2026-12-01", {"acme": 100 * GB}, terms(ratio="0.5"))
    downloads = sum(entry.orgs["acme"].download_gb for entry in book.days.values())
    assert round(downloads, 3) == 50
    assert cents(book, "2026-11") == Decimal("6.80")  # 2.30 storage, 4.50 downloads


def test_half_of_what_is_uploaded_is_downloaded() -> None:
    book = ledger(at("2026-11-01"), {})
    came = {date(2026, 11, 1): arrived("acme", 24 * GB)}
    cells = {Cell(LOCATION, "STANDARD", "acme"): StoredBytes(24 * GB, 24 * GB)}
    advance(
        book, Sample(at=at("2026-11-02"), cells=cells, arrived=came), terms(ratio="0.5", base=PlaybackBase.UPLOADED)
    )
    part = book.days[date(2026, 11, 1)].orgs["acme"]
    assert (part.upload_gb, part.download_gb, part.download_cost) == (Decimal(24), Decimal(12), Decimal("1.08"))


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("profile", shipped())
def test_a_month_costs_the_same_with_any_number_of_refreshes(month: str, profile: str) -> None:
    by = terms(profile, ratio="0.5")
    amounts = {"acme": 60_000 * GIB, "globex": 7 * GIB, "initech": 1}
    once = ledger(at(month), amounts)
    advance(once, sample(month_end(month), amounts), by)
    often = ledger(at(month), amounts)
    while often.at < month_end(month):
        advance(often, sample(min(often.at + timedelta(hours=7, minutes=13), month_end(month)), amounts), by)
    assert abs(cents(once, month) - cents(often, month)) <= CENT
    assert {day: entry.orgs.keys() for day, entry in once.days.items()} == {
        day: entry.orgs.keys() for day, entry in often.days.items()
    }


@settings(PATIENT, max_examples=40)
@given(
    amounts=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 10**15), min_size=1),
    later=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 10**15)),
    days=st.integers(1, 40),
    profile=st.sampled_from(sorted(shipped())),
)
def test_the_days_sum_to_the_bill_and_the_organisations_to_the_days(
    amounts: dict[str, int], later: dict[str, int], days: int, profile: str
) -> None:
    by = terms(profile, ratio="0.5")
    book = ledger(at("2026-01-01"), amounts)
    advance(book, sample(at("2026-01-01") + DAY * days, later), by)
    month = month_start(book.at)
    if book.at > month:
        bill = sum(bill.total for bill in book.bills(by, until=book.at).values())
        # Each day is written to the millionth.
        assert abs(book.month_cost() - bill) <= Decimal("0.000005") * days
    together = ledger(at("2026-01-01"), {"all": sum(amounts.values())})
    advance(together, sample(together.at + DAY * days, {"all": sum(later.values())}), by)
    assert rounded(together.month_cost(), Decimal("0.001")) == pytest.approx(
        rounded(book.month_cost(), Decimal("0.001")), abs=Decimal("0.001")
    )


@given(less=st.integers(0, 10**15), more=st.integers(0, 10**15))
@settings(PATIENT, max_examples=30)
def test_more_stored_never_costs_less(less: int, more: int) -> None:
    small, large = sorted((less, more))
    by = terms("aws-s3/us-east-1", ratio="0.5")
    costs = [kept("2026-03-01", "2026-03-20", {"acme": size}, by).month_cost() for size in (small, large)]
    assert costs[0] <= costs[1]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_of_a_clock_change_have_24_hours(day: str) -> None:
    # Bills run in UTC: no hour is lost or charged twice when Europe changes its clocks.
    book = kept(day, (at(day) + DAY).isoformat()[:19], {"acme": 100 * GB}, terms())
    assert round(book.days[at(day).date()].orgs["acme"].cost, 4) == Decimal("0.0767")


def test_days_without_a_sample_are_interpolated_and_say_so() -> None:
    book = ledger(at("2026-11-01T12:00"), {"acme": 0})
    advance(book, sample(at("2026-11-05T12:00"), {"acme": 400 * GB}), terms())
    assert {day.day: entry.estimated for day, entry in book.days.items()} == {
        1: False, 2: True, 3: True, 4: True, 5: False,
    }  # fmt: skip
    levels = [entry.orgs["acme"].storage_gb for entry in book.days.values()]
    assert levels == [50, 150, 250, 350, 400]


def test_a_year_end_in_a_gap_begins_a_new_month() -> None:
    book = ledger(at("2026-12-31"), {"acme": 100 * GB})
    advance(book, sample(at("2027-01-02"), {"acme": 100 * GB}), terms())
    assert rounded(book.month_cost(), Decimal("0.0001")) == Decimal("0.0767")
    assert sorted(book.days) == [date(2026, 12, 31), date(2027, 1, 1)]


def test_the_first_sample_draws_the_month_so_far_from_the_objects_ages() -> None:
    came = {date(2026, 11, 3): arrived("acme", 30 * GB), date(2026, 11, 5): arrived("acme", 20 * GB)}
    cells = {Cell(LOCATION, "STANDARD", "acme"): StoredBytes(150 * GB, 150 * GB)}
    book = open_ledger(Sample(at=at("2026-11-05T12:00"), cells=cells, arrived=came), terms())
    levels = {day.day: entry.orgs["acme"].storage_gb for day, entry in book.days.items()}
    assert levels == {1: 100, 2: 100, 3: 130, 4: 130, 5: 150}
    assert [entry.estimated for entry in book.days.values()] == [True, True, True, True, False]
    assert book.days[date(2026, 11, 3)].orgs["acme"].upload_gb == 30


def test_deleting_before_the_minimum_duration_pays_for_the_rest() -> None:
    by, of = terms("aws-s3/us-east-1"), ClassDay(LOCATION, "GLACIER_IR", date(2026, 4, 1))
    book = ledger(at("2026-04-01"), {"acme": 100 * GIB}, storage_class="GLACIER_IR")
    book.young, book.bases = {of: 100 * GIB}, {LOCATION: "whole"}
    advance(book, Sample(at=at("2026-04-11"), cells={}, young={}, bases={LOCATION: "whole"}), by)
    # 80 of 90 days at 0.004 a month of 30 days: 100 x 0.004 x 80 / 30.
    assert round(book.days[date(2026, 4, 11)].orgs[OTHER].storage_cost, 4) == Decimal("1.0667")


def test_deleting_after_the_minimum_duration_costs_nothing_more() -> None:
    by, of = terms("aws-s3/us-east-1"), ClassDay(LOCATION, "GLACIER_IR", date(2026, 4, 1))
    book = ledger(at("2026-07-01"), {"acme": 100 * GIB}, storage_class="GLACIER_IR")
    book.young, book.bases = {of: 100 * GIB}, {LOCATION: "whole"}
    advance(book, Sample(at=at("2026-07-02"), cells={}, young={}, bases={LOCATION: "whole"}), by)
    assert OTHER not in book.days[date(2026, 7, 1)].orgs
    assert date(2026, 7, 2) not in book.days


def young_book() -> tuple[Ledger, CostTerms, ClassDay]:
    """100 GiB stored on 1 April that stay 90 days, or are paid for 90 days."""
    of = ClassDay(LOCATION, "GLACIER_IR", date(2026, 4, 1))
    book = ledger(at("2026-04-02"), {"acme": 100 * GIB}, storage_class="GLACIER_IR")
    book.young, book.bases = {of: 100 * GIB}, {LOCATION: "whole"}
    return book, terms("aws-s3/us-east-1"), of


def fees(book: Ledger) -> Decimal:
    return sum((entry.org(OTHER).storage_cost for entry in book.days.values()), Decimal(0))


def test_objects_that_may_not_be_listed_for_a_while_do_not_count_as_deleted() -> None:
    book, by, of = young_book()
    advance(book, Sample(at=at("2026-04-03"), cells={}), by)
    assert not fees(book)
    assert book.young == {of: 100 * GIB}, "it is compared when the bucket is listed again"
    advance(book, Sample(at=at("2026-04-04"), cells={}, young={of: 60 * GIB}, bases={LOCATION: "whole"}), by)
    # 40 are gone, 87 of 90 days before their time, at 0.004 a month of 30 days.
    assert round(fees(book), 4) == Decimal("0.4640")


def test_objects_counted_in_another_way_do_not_count_as_deleted() -> None:
    book, by, of = young_book()
    advance(book, Sample(at=at("2026-04-03"), cells={}, young={of: GIB}, bases={LOCATION: "acme only"}), by)
    assert not fees(book)
    assert book.young == {of: GIB}
    advance(book, Sample(at=at("2026-04-04"), cells={}, young={}, bases={LOCATION: "acme only"}), by)
    assert fees(book)


def test_objects_counted_by_another_location_for_a_while_do_not_count_as_deleted() -> None:
    book, by, _ = young_book()
    advance(book, Sample(at=at("2026-04-03"), cells={}, bases={LOCATION: "its twin"}), by)
    assert not book.young, "what is deleted meanwhile is charged there"
    advance(book, Sample(at=at("2026-04-04"), cells={}, bases={LOCATION: "whole"}), by)
    assert not fees(book)


def test_objects_whose_owner_became_unknown_do_not_count_as_deleted() -> None:
    book, by, of = young_book()
    whole = {LOCATION: "whole"}
    advance(book, Sample(at=at("2026-04-03"), cells={}, unattributed_young={of: 100 * GIB}, bases=whole), by)
    assert not fees(book)


def test_objects_never_listed_again_are_forgotten_after_their_minimum_duration() -> None:
    book, by, _ = young_book()
    advance(book, Sample(at=at("2026-07-01"), cells={}), by)
    assert not book.young


def test_locations_of_one_price_group_share_the_allowance() -> None:
    by = terms("aws-s3/us-east-1", ratio="1")
    both = CostTerms(
        prices={LOCATION: by.prices[LOCATION], "second": by.prices[LOCATION]},
        playback_ratio=by.playback_ratio,
        playback_base=by.playback_base,
    )
    cells = {Cell(name, "STANDARD", "acme"): StoredBytes(80 * GIB, 80 * GIB) for name in (LOCATION, "second")}
    book = Ledger(at=at("2026-03-01"), cells=dict(cells))
    advance(book, Sample(at=at("2026-04-01"), cells=cells), both)
    downloads = sum(entry.orgs["acme"].download_cost for entry in book.days.values())
    assert round(downloads, 2) == Decimal("5.40")  # 160 GB less 100, at 0.09


def test_downloads_that_were_counted_take_the_place_of_the_estimate() -> None:
    by = terms(ratio="0.5")
    book = ledger(at("2026-11-01"), {"acme": 75 * GB, "globex": 25 * GB})
    counted = {LOCATION: {date(2026, 11, 1): {SHARED: 8 * GB}}}
    end = sample(at("2026-11-03"), {"acme": 75 * GB, "globex": 25 * GB})
    advance(book, Sample(at=end.at, cells=end.cells, downloaded=counted), by)
    first, second = book.days.values()
    assert {name: part.download_gb for name, part in first.orgs.items()} == {"acme": 6, "globex": 2}
    assert sum(part.download_gb for part in second.orgs.values()) == 0
    assert first.orgs["acme"].download_cost == Decimal("0.54")
