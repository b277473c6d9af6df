"""The ledger that the status stores between refreshes."""

import json
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import MOST_HISTORY, HistoryEntry, StorageReportStatus
from recording_operator.api.storagereport_ledger import StoredLedger
from recording_operator.costs.arrivals import OTHER
from recording_operator.costs.books import load, sample_of, save_history, save_ledger
from recording_operator.costs.ledger import Ledger, advance
from recording_operator.costs.money import CENT, rounded
from recording_operator.costs.usage import Holding, Usage
from tests.costs.building import DAY, GB, LOCATION, at, ledger, sample, terms


def kept(stored: StoredLedger, history: tuple[HistoryEntry, ...]) -> tuple[StoredLedger, tuple[HistoryEntry, ...]]:
    """Through the API and back, as text."""
    status = StorageReportStatus(ledger=stored, history=history)
    text = json.dumps(status.model_dump(mode="json", by_alias=True, exclude_none=True))
    read = StorageReportStatus.model_validate(json.loads(text))
    assert read.ledger is not None
    return read.ledger, read.history


def reread(book: Ledger, history: tuple[HistoryEntry, ...]) -> tuple[Ledger, tuple[HistoryEntry, ...]]:
    stored, written = kept(save_ledger(book, scope=""), save_history(book, history))
    again = load(stored, written)
    assert again is not None
    return again, written


def test_an_account_that_is_written_and_read_each_day_comes_to_the_same() -> None:
    by, draw = terms("aws-s3/us-east-1", ratio="0.5"), random.Random(1)
    straight = ledger(at("2026-01-01"), {"acme": 60_000 * 2**30, "globex": GB})
    daily = ledger(at("2026-01-01"), {"acme": 60_000 * 2**30, "globex": GB})
    history: tuple[HistoryEntry, ...] = ()
    for number in range(1, 100):
        amounts = {"acme": 60_000 * 2**30 + number * draw.randrange(GB), "globex": number * GB}
        advance(straight, sample(at("2026-01-01") + DAY * number, amounts), by)
        advance(daily, sample(at("2026-01-01") + DAY * number, amounts), by)
        daily, history = reread(daily, history)
    assert rounded(daily.month_cost(), CENT) == rounded(straight.month_cost(), CENT)
    assert daily.bills(by, until=daily.at) == straight.bills(by, until=straight.at)


def test_days_of_three_months_then_months() -> None:
    book, history = ledger(at("2022-01-01"), {"acme": 100 * GB}), ()
    seen: tuple[HistoryEntry, ...] = history
    for number in range(7, 365 * 5, 7):
        advance(book, sample(at("2022-01-01") + timedelta(days=number), {"acme": 100 * GB}), terms())
        book, seen = reread(book, seen)
    assert len(seen) <= MOST_HISTORY
    months = [entry for entry in seen if len(entry.date) == 7]
    assert len(months) == 36
    assert all(entry.storage_gb == 100 for entry in months)
    november = next(entry for entry in months if entry.date in {"2025-11", "2024-11"})
    assert rounded(november.cost, CENT) == Decimal("2.30")
    assert [entry.date for entry in seen] == sorted(entry.date for entry in seen)


def test_the_largest_organisations_by_name_and_the_rest_as_other_lose_nothing() -> None:
    book = ledger(at("2026-11-01"), {f"org-{number:03}": number * GB for number in range(1, 90)})
    advance(book, sample(at("2026-11-02"), {f"org-{number:03}": number * GB for number in range(1, 90)}), terms())
    [entry] = save_history(book, ())
    assert len(entry.orgs) == 21
    assert entry.orgs[0].name == "org-089"
    assert entry.orgs[-1].name == OTHER
    assert rounded(entry.cost, CENT) == rounded(
        sum((part.cost for part in book.days.popitem()[1].orgs.values()), Decimal(0)), CENT
    )
    assert entry.storage_gb == pytest.approx(sum(range(1, 90)))


def test_a_sample_names_so_many_organisations_as_a_status_holds() -> None:
    usage = Usage()
    for org in range(1000):
        for place in range(64):
            holding = Holding(f"{LOCATION}-{place}", "STANDARD", f"org-{org}", "team")
            usage.amount(holding).add(size_bytes=org, billable_bytes=org)
    taken = sample_of(usage, at=at("2026-11-21"), last=None)
    assert len(taken.cells) <= 2048
    assert sum(stored.size_bytes for stored in taken.cells.values()) == sum(
        amount.size_bytes for amount in usage.held.values()
    )


def test_the_largest_status_fits_into_etcd() -> None:
    names = [f"{number:03}" + "x" * 125 for number in range(100)]
    book, history = ledger(at("2023-01-01"), dict.fromkeys(names, 987_654_321_012)), ()
    seen: tuple[HistoryEntry, ...] = history
    for number in range(30, 365 * 3 + 300, 30):
        advance(book, sample(at("2023-01-01") + timedelta(days=number), dict.fromkeys(names, 987_654_321_012)), terms())
        book, seen = reread(book, seen)
    status = StorageReportStatus(ledger=save_ledger(book, scope=""), history=seen)
    assert len(seen) > 100
    assert len(json.dumps(status.model_dump(mode="json", by_alias=True))) < 1_200_000
