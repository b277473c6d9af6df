"""Uploads between samples are counted once."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import StorageReportStatus
from recording_operator.costs.arrivals import LATE_WITHIN, Amount, UploadDay, Uploader, UploadSum, Window, late
from recording_operator.costs.books import load, sample_of, save_history, save_ledger
from recording_operator.costs.ledger import advance, open_ledger
from recording_operator.costs.report import window_of
from recording_operator.costs.usage import Holding, Scope, Usage
from tests.costs.building import GB, LOCATION, PATIENT, at, terms

START = at("2026-11-03T09:00")
TERMS = terms()


@dataclass(frozen=True)
class Stored:
    """An object, in seconds from START: dated as S3 dates it, by the begin of its upload."""

    began_s: int
    took_s: int
    size_bytes: int
    org: str

    @property
    def complete_s(self) -> int:
        return self.began_s + self.took_s


def count(status: StorageReportStatus, objects: list[Stored], *, now_s: int, lists_for_s: int = 0) -> Usage:
    """What a count that begins at `now_s` finds; what comes while it lists is listed too."""
    usage = Usage()
    usage.arrivals.locations.add(LOCATION)
    window = window_of(status, now=START + timedelta(seconds=now_s), scope="all")
    for one in objects:
        if one.complete_s > now_s + lists_for_s:
            continue
        usage.amount(Holding(LOCATION, "STANDARD", one.org, "team")).add(one.size_bytes, one.size_bytes)
        dated = START + timedelta(seconds=one.began_s)
        came = Amount(1, one.size_bytes, one.size_bytes)
        usage.arrivals.add(UploadDay(LOCATION, "STANDARD", one.org, dated.date()), came, dated, window)
    return usage


def refresh(
    status: StorageReportStatus, objects: list[Stored], *, now_s: int, lists_for_s: int = 0
) -> StorageReportStatus:
    usage = count(status, objects, now_s=now_s, lists_for_s=lists_for_s)
    book = load(status.ledger, status.history)
    sample = sample_of(usage, at=START + timedelta(seconds=now_s), last=book)
    if book is None:
        book = open_ledger(sample, TERMS)
    else:
        advance(book, sample, TERMS)
    written = StorageReportStatus(ledger=save_ledger(book, scope="all"), history=save_history(book, status.history))
    return StorageReportStatus.model_validate_json(written.model_dump_json(by_alias=True))


def uploaded(status: StorageReportStatus) -> dict[str, int]:
    """Bytes by organisation over all days."""
    found: dict[str, int] = {}
    for entry in status.history:
        for org in entry.orgs:
            found[org.name] = found.get(org.name, 0) + int(org.upload_gb * GB)
    return {name: size for name, size in found.items() if size}


def written(status: StorageReportStatus) -> int:
    return sum(org.api_requests for entry in status.history for org in entry.orgs)


KB = 1000
LONGEST_S = int(LATE_WITHIN.total_seconds()) - 1
MIDNIGHT_S = 15 * 3600
WHEN_S = st.integers(0, 3000) | st.integers(MIDNIGHT_S - 2, MIDNIGHT_S + 2) | st.integers(0, 5 * 86400)
"""Mostly close together, some at midnight: that is where counts and uploads meet."""
OBJECTS = st.lists(
    st.builds(
        Stored,
        began_s=WHEN_S,
        took_s=st.integers(0, 900) | st.integers(0, LONGEST_S),
        size_bytes=st.integers(1, 50).map(lambda number: number * KB),
        org=st.sampled_from(["acme", "globex"]),
    ),
    max_size=12,
)
COUNTS = st.lists(st.tuples(WHEN_S, st.integers(0, 600)), min_size=1, max_size=6)


@PATIENT
@given(objects=OBJECTS, counts=COUNTS)
def test_every_upload_is_counted_once_whenever_the_counts_fall(
    objects: list[Stored], counts: list[tuple[int, int]]
) -> None:
    status, last_s = StorageReportStatus(), -1
    for now_s, lists_for_s in sorted(counts):
        if now_s > last_s + 600:
            status, last_s = refresh(status, objects, now_s=now_s, lists_for_s=lists_for_s), now_s
    # Once more after all has ended.
    status = refresh(status, objects, now_s=max([last_s, *(one.complete_s for one in objects)]) + 601)
    expected: dict[str, int] = {}
    for one in objects:
        expected[one.org] = expected.get(one.org, 0) + one.size_bytes
    assert uploaded(status) == expected
    assert written(status) == len(objects)


def test_an_upload_that_began_before_a_count_and_ended_after_it() -> None:
    objects = [Stored(began_s=0, took_s=100, size_bytes=GB, org="acme")]
    status = refresh(StorageReportStatus(), objects, now_s=50)
    assert uploaded(status) == {}
    status = refresh(status, objects, now_s=86_450)
    assert uploaded(status) == {"acme": GB}
    assert uploaded(refresh(status, objects, now_s=2 * 86_450)) == {"acme": GB}


def test_objects_stored_during_the_first_count_do_not_count_for_the_whole_month() -> None:
    early = Stored(began_s=-10, took_s=1, size_bytes=GB, org="acme")
    ahead = Stored(began_s=20, took_s=1, size_bytes=GB, org="acme")
    status = refresh(StorageReportStatus(), [early, ahead], now_s=0, lists_for_s=60)
    assert uploaded(status) == {"acme": GB}
    assert [entry.storage_gb for entry in status.history if entry.date == "2026-11-02"] == [0]
    assert uploaded(refresh(status, [early, ahead], now_s=86_400)) == {"acme": 2 * GB}


def test_objects_stored_during_a_count_hide_no_late_uploads() -> None:
    slow = Stored(began_s=40, took_s=1000, size_bytes=GB, org="acme")
    ahead = Stored(began_s=60, took_s=1, size_bytes=GB, org="acme")
    status = refresh(StorageReportStatus(), [slow, ahead], now_s=50, lists_for_s=60)
    assert uploaded(refresh(status, [slow, ahead], now_s=86_400)) == {"acme": 2 * GB}


def test_deleted_objects_hide_late_uploads_but_never_new_ones() -> None:
    gone = Stored(began_s=0, took_s=1, size_bytes=2 * GB, org="acme")
    status = refresh(StorageReportStatus(), [gone], now_s=50)
    slow = Stored(began_s=40, took_s=100, size_bytes=GB, org="acme")
    fresh = Stored(began_s=300, took_s=1, size_bytes=GB, org="acme")
    assert uploaded(refresh(status, [slow, fresh], now_s=86_400)) == {"acme": 3 * GB}


def test_an_account_of_a_version_that_noted_nothing_calls_nothing_late() -> None:
    objects = [Stored(began_s=0, took_s=1, size_bytes=GB, org="acme")]
    status = refresh(StorageReportStatus(), objects, now_s=50)
    assert status.ledger is not None
    older = status.model_copy(update={"ledger": status.ledger.model_copy(update={"recent_since": None, "recent": ()})})
    assert uploaded(refresh(older, objects, now_s=86_400)) == {"acme": GB}


def test_an_organisation_that_becomes_one_of_the_others_uploads_nothing_by_that() -> None:
    noted = {Uploader(LOCATION, "acme"): UploadSum(10, 1), Uploader(LOCATION, "globex"): UploadSum(5, 1)}
    assert late({Uploader(LOCATION, "(other)"): UploadSum(15, 2)}, noted) == {}
    assert late({Uploader(LOCATION, "(other)"): UploadSum(18, 3)}, noted) == {
        Uploader(LOCATION, "(other)"): UploadSum(3, 1)
    }


def test_a_location_that_lost_objects_does_not_lower_another() -> None:
    other = Uploader("second", "acme")
    noted = {Uploader(LOCATION, "acme"): UploadSum(10, 1), other: UploadSum(1, 1)}
    assert late({other: UploadSum(4, 2)}, noted) == {other: UploadSum(3, 1)}


def test_a_location_that_was_not_looked_at_brings_nothing_late() -> None:
    taken_over = Uploader("second", "acme")
    assert late({taken_over: UploadSum(7, 1)}, {Uploader(LOCATION, "acme"): UploadSum(7, 1)}) == {}
    assert late({taken_over: UploadSum(7, 1)}, {Uploader("second", "(other)"): UploadSum(0, 0)}) == {
        taken_over: UploadSum(7, 1)
    }


def test_objects_noted_in_another_scope_are_not_compared() -> None:
    objects = [Stored(began_s=0, took_s=1, size_bytes=GB, org="acme")]
    status = refresh(StorageReportStatus(), objects, now_s=50)
    assert window_of(status, now=START, scope="all").recent_since is not None
    assert window_of(status, now=START, scope="acme only").recent_since is None
    assert Scope(orgs=frozenset({"a", "b"})).mark == Scope(orgs=frozenset({"b", "a"})).mark
    assert Scope(orgs=frozenset({"a"})).mark != Scope(namespaces=frozenset({"a"})).mark


@pytest.mark.parametrize("first_s", [50, MIDNIGHT_S])
def test_a_count_at_midnight_misses_nothing(first_s: int) -> None:
    objects = [
        Stored(began_s=10, took_s=1, size_bytes=GB, org="acme"),
        Stored(began_s=MIDNIGHT_S, took_s=0, size_bytes=GB, org="acme"),
        Stored(began_s=MIDNIGHT_S - 10, took_s=100, size_bytes=GB, org="acme"),
    ]
    status = refresh(StorageReportStatus(), objects, now_s=first_s)
    status = refresh(status, objects, now_s=MIDNIGHT_S if first_s < MIDNIGHT_S else MIDNIGHT_S + 86_400)
    assert uploaded(refresh(status, objects, now_s=MIDNIGHT_S + 2 * 86_400)) == {"acme": 3 * GB}


def test_many_uploaders_are_noted_in_bounds_and_none_is_called_late() -> None:
    objects = [Stored(began_s=0, took_s=1, size_bytes=KB * (1 + number), org=f"org-{number}") for number in range(2000)]
    status = refresh(StorageReportStatus(), objects, now_s=50)
    assert status.ledger is not None
    assert len(status.ledger.recent) <= 1024
    again = refresh(status, objects, now_s=86_400)
    assert sum(uploaded(again).values()) == sum(one.size_bytes for one in objects)


def test_uploads_of_earlier_windows_are_not_counted_again() -> None:
    usage = Usage()
    window = Window(since=START, now=START + timedelta(days=2), recent_since=START - LATE_WITHIN)
    came = Amount(1, GB, GB)
    of = UploadDay(LOCATION, "STANDARD", "acme", START.date())
    usage.arrivals.add(of, came, START - LATE_WITHIN - timedelta(seconds=1), window)
    assert not usage.arrivals.by_day
    assert not usage.arrivals.recounted
    usage.arrivals.add(of, replace(came), START, window)
    assert not usage.arrivals.by_day
    assert usage.arrivals.recounted[Uploader(LOCATION, "acme")].size_bytes == GB
