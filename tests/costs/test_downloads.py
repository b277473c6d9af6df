"""Counted downloads: their owners, costs and projections."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from recording_operator.costs.arrivals import OTHER, Amount
from recording_operator.costs.books import load, sample_of, save_history, save_ledger
from recording_operator.costs.projection import project
from recording_operator.costs.today import day_cost
from recording_operator.costs.usage import Holding, Usage

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.ledger import Ledger, advance, open_ledger
from recording_operator.costs.sample import SHARED, ArrivedBytes, Cell, Downloaded, Sample
from tests.costs.building import DAY, GB, LOCATION, at, ledger, sample, terms

TWO = {"acme": 75 * GB, "globex": 25 * GB}
FIRST = date(2026, 11, 1)
NOON_S = 12 * 3600
CENTS_PER_GB = Decimal("0.09")


def counted(when: datetime, by_day: Mapping[date, Mapping[str, int]], by_org: Mapping[str, int] = TWO) -> Sample:
    """A sample with downloads."""
    return Sample(at=when, cells=sample(when, by_org).cells, downloaded={LOCATION: by_day})


def held(by_org: Mapping[str, int]) -> dict[Holding, Amount]:
    return {
        Holding(LOCATION, "STANDARD", org, "team"): Amount(objects=1, size_bytes=size, billable_bytes=size)
        for org, size in by_org.items()
    }


def downloads_of(book: Ledger, day: date = FIRST) -> dict[str, Decimal]:
    return {org: part.download_gb for org, part in book.days[day].orgs.items() if part.download_gb}


def test_downloads_are_charged_to_the_reader() -> None:
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-02"), {FIRST: {"globex": 8 * GB}}), terms(ratio="0.5"))
    assert downloads_of(book) == {"globex": 8}
    assert book.days[FIRST].orgs["globex"].download_cost == 8 * CENTS_PER_GB
    assert book.days[FIRST].orgs["acme"].download_cost == 0


def test_downloads_of_an_organisation_that_stores_nothing_any_more_are_still_its_own() -> None:
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-02"), {FIRST: {"initech": GB, OTHER: GB}}), terms())
    assert downloads_of(book) == {"initech": 1, OTHER: 1}


def test_a_location_that_counts_nothing_is_not_estimated() -> None:
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-02"), {}), terms(ratio="0.5"))
    assert downloads_of(book) == {}


@pytest.mark.parametrize("base", PlaybackBase)
def test_another_location_is_estimated_as_before(base: PlaybackBase) -> None:
    by = terms(ratio="0.5", base=base)
    both = type(by)(
        prices={**by.prices, "second": by.prices[LOCATION]}, playback_ratio=by.playback_ratio, playback_base=base
    )
    cells = {Cell(name, "STANDARD", "acme"): sized for name in (LOCATION, "second") for sized in [TWO_STORED]}
    came = {Cell("second", "STANDARD", "acme"): ArrivedBytes(2 * GB, 2 * GB, 1, 2 * GB * NOON_S)}
    book = Ledger(at=at("2026-11-01"), cells=dict(cells))
    end = Sample(
        at=at("2026-11-02"), cells=cells, arrived={FIRST: came}, downloaded={LOCATION: {FIRST: {"acme": 5 * GB}}}
    )
    advance(book, end, both)
    estimated = Decimal(1) if base is PlaybackBase.UPLOADED else Decimal(100) / 60
    assert downloads_of(book)["acme"] == pytest.approx(5 + estimated)


TWO_STORED = next(iter(sample(at("2026-11-01"), {"acme": 100 * GB}).cells.values()))


def test_a_day_costs_what_is_read_lately_by_whom() -> None:
    book = ledger(at("2026-11-01"), TWO)
    for number in range(1, 5):
        day = FIRST + timedelta(days=number - 1)
        advance(book, counted(at("2026-11-01") + DAY * number, {day: {"globex": 2 * GB}}), terms(ratio="0.5"))
    cost = day_cost(held(TWO), terms(ratio="0.5"), uploaded_bytes_a_day=Decimal(0), day=FIRST, reads=book.reads)
    by_org = {holding.org: part for holding, part in cost.by_holding.items()}
    storage = {org: Decimal(size) / GB * Decimal("0.023") / 30 for org, size in TWO.items()}
    assert by_org["acme"] == pytest.approx(storage["acme"])
    assert by_org["globex"] == pytest.approx(storage["globex"] + 2 * CENTS_PER_GB)
    estimated = day_cost(held(TWO), terms(ratio="0.5"), uploaded_bytes_a_day=Decimal(0), day=FIRST)
    assert estimated.total != cost.total


def test_a_reader_who_stores_nothing_is_in_the_day_too() -> None:
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-02"), {FIRST: {"initech": 10 * GB}}), terms())
    cost = day_cost(held(TWO), terms(), uploaded_bytes_a_day=Decimal(0), day=FIRST, reads=book.reads)
    assert sum(part for holding, part in cost.by_holding.items() if holding.org == "initech") == 10 * CENTS_PER_GB


def test_projections_go_on_as_fast_as_it_was_read_lately() -> None:
    by = terms(ratio="0.5")
    book = ledger(at("2026-11-01"), TWO)
    for number in range(1, 11):
        day = FIRST + timedelta(days=number - 1)
        advance(book, counted(at("2026-11-01") + DAY * number, {day: {SHARED: 3 * GB}}), by)
    found = project(book, by)
    assert round(found.month, 2) == Decimal("10.40")  # 2.30 storage, 30 days of 3 GB at 0.09
    assert round(found.next_month, 2) == Decimal("10.75")  # 31 days of both


def test_old_reading_fades_in_four_weeks() -> None:
    book = ledger(at("2026-11-01"), TWO)
    for number in range(1, 120):
        day = FIRST + timedelta(days=number - 1)
        size = 10 * GB if number < 30 else 0
        advance(book, counted(at("2026-11-01") + DAY * number, {day: {"acme": size}}), terms())
    of_day = book.reads.a_day(LOCATION)
    assert of_day is not None
    assert 0 < of_day["acme"] < GB // 2
    assert book.reads.seconds == {LOCATION: 28 * 86_400}


def test_a_location_that_no_longer_counts_is_estimated_again() -> None:
    by = terms(ratio="0.5")
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-02"), {FIRST: {"acme": 900 * GB}}), by)
    advance(book, sample(at("2026-11-03"), TWO), by)
    assert book.reads.a_day(LOCATION) is None
    assert sum(downloads_of(book, date(2026, 11, 2)).values()) == pytest.approx(Decimal(50) / 30)
    cost = day_cost(held(TWO), by, uploaded_bytes_a_day=Decimal(0), day=FIRST, reads=book.reads)
    assert round(cost.total, 4) == Decimal("0.2267")


def test_the_first_sample_books_each_day_once() -> None:
    days: Downloaded = {LOCATION: {date(2026, 11, day): {"acme": day * GB} for day in range(1, 6)}}
    first = Sample(at=at("2026-11-05T12:00"), cells=sample(at("2026-11-05"), TWO).cells, downloaded=days)
    book = open_ledger(first, terms())
    assert [downloads_of(book, date(2026, 11, day))["acme"] for day in range(1, 6)] == [1, 2, 3, 4, 5]
    of_day = book.reads.a_day(LOCATION)
    assert of_day is not None
    assert of_day["acme"] == pytest.approx(Decimal(15 * GB) / Decimal("4.5"))


def test_twice_a_day_counts_each_part_once() -> None:
    book = ledger(at("2026-11-01"), TWO)
    advance(book, counted(at("2026-11-01T08:00"), {FIRST: {"acme": GB}}), terms())
    advance(book, counted(at("2026-11-01T16:00"), {FIRST: {"acme": 2 * GB}}), terms())
    assert downloads_of(book) == {"acme": 3}
    assert sum(book.reads.size_bytes.values()) == 3 * GB


def test_the_status_keeps_who_read_how_much() -> None:
    book = ledger(at("2026-11-01"), TWO)
    by_org = {f"org-{number:04}": number * 1000 for number in range(900)}
    advance(book, counted(at("2026-11-02"), {FIRST: {**by_org, SHARED: 7}}), terms())
    stored = save_ledger(book, scope="")
    assert len(stored.reads) <= 514
    again = load(stored, save_history(book, ()))
    assert again is not None
    assert again.reads.seconds == book.reads.seconds
    assert sum(again.reads.size_bytes.values()) == sum(by_org.values()) + 7
    assert again.reads.size_bytes[LOCATION, "org-0899"] == 899_000


def test_readers_that_a_sample_cannot_name_are_one() -> None:
    usage = Usage()
    for number in range(150):
        usage.amount(Holding(LOCATION, "STANDARD", f"org-{number:03}", "team")).add(number, number)
    usage.downloads = {LOCATION: {FIRST: {f"org-{number:03}": 1 for number in range(150)}}}
    taken = sample_of(usage, at=at("2026-11-02"), last=None)
    of_day = taken.downloaded[LOCATION][FIRST]
    assert len(of_day) == 101
    assert of_day[OTHER] == 50
