"""Counts by phase, sources that expire soon, and the way back from a page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, Engine

from recording_operator.catalog import summaries
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.summaries import CountsByPhase
from recording_operator.catalog.wanted import EntryFilter, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter

START = datetime(2026, 11, 1, tzinfo=UTC)
EVERYTHING = VisibleNamespaces(everything=True, since={})


def an_entry(number: int, **fields: object) -> CatalogEntry:
    usual = {
        "uid": f"u-{number}", "namespace": "team", "name": f"n-{number:03}", "org": "acme", "labels": {},
        "phase": "Pending", "created": START + timedelta(minutes=number), "stored_uid": f"u-{number}",
        "in_cluster": True, "version": number + 1,
    }  # fmt: skip
    return CatalogEntry(**{**usual, **fields})  # type: ignore[arg-type]


def test_unfinished_recordings_that_are_gone_are_not_counted(reader: CatalogReader, writer: CatalogWriter) -> None:
    phases = ("Complete", "Failed", "Uploading", "Pending")
    writer.put(an_entry(number, phase=phase) for number, phase in enumerate(phases))
    writer.put(an_entry(10 + number, phase=phase, in_cluster=False) for number, phase in enumerate(phases))
    assert dict(reader.counts(EVERYTHING)) == {"Complete": 2, "Failed": 2, "Uploading": 1, "Pending": 1}


def test_only_visible_rows_are_counted_also_in_many_namespaces(reader: CatalogReader, writer: CatalogWriter) -> None:
    writer.put(an_entry(number, namespace=f"ns-{number}", phase="Failed") for number in range(250))
    writer.put([an_entry(300, namespace="other", phase="Failed")])
    visible = VisibleNamespaces(since={f"ns-{number}": START for number in range(250)})
    assert dict(reader.counts(visible)) == {"Failed": 250}
    assert dict(reader.counts(VisibleNamespaces(since={"ns-1": START + timedelta(hours=1)}))) == {}
    assert dict(reader.counts(VisibleNamespaces(since={}))) == {}
    writer.put([an_entry(301, expires=START + timedelta(hours=1))])
    before = START + timedelta(hours=24)
    assert reader.expiring(VisibleNamespaces(since={}), after=START, before=before, limit=10) == ()


class Clock:
    """A clock that stands still, unless the catalog is counted."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_counts_are_remembered_for_some_seconds(engine: Engine, writer: CatalogWriter) -> None:
    """For each namespace by itself."""
    clock, mine = Clock(), VisibleNamespaces(since={"team": START})
    remembered = CountsByPhase(engine, steady_s=clock)

    def counted(visible: VisibleNamespaces) -> int:
        return remembered.of(visible).get("Failed", 0)

    assert counted(EVERYTHING) == 0
    writer.put([an_entry(1, phase="Failed"), an_entry(2, phase="Failed", namespace="other")])
    assert (counted(EVERYTHING), counted(mine)) == (0, 1)
    writer.put([an_entry(3, phase="Failed")])
    assert counted(VisibleNamespaces(since={"team": START, "other": START})) == 2
    assert counted(VisibleNamespaces(since={"team": START + timedelta(minutes=3)})) == 1
    clock.now_s += 6
    assert (counted(EVERYTHING), counted(mine)) == (3, 2)


def test_one_caller_does_not_count_for_long(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten namespaces that are due, the first callers count some. After a minute they are counted at once."""
    clock, counted = Clock(), list[int]()
    remembered = CountsByPhase(engine, steady_s=clock)
    visible = VisibleNamespaces(since={f"ns-{number}": START for number in range(10)})

    def count(_connection: Connection, places: Sequence[object]) -> dict[object, dict[str, int]]:
        counted.append(len(places))
        clock.now_s += 0.03 * len(places)
        return {place: {} for place in places}

    monkeypatch.setattr(summaries, "_counts", count)
    remembered.of(visible)
    clock.now_s += 31
    for _ in range(2):
        remembered.of(visible)
    clock.now_s += 66
    remembered.of(visible)
    assert counted == [10, 1, 1, 1, 1, 10]


def test_only_one_caller_counts_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, of_others = Clock(), list[object]()
    remembered = CountsByPhase(engine, steady_s=clock)

    def count(_connection: Connection, _places: object) -> dict[None, dict[str, int]]:
        if clock.now_s > 100:
            of_others.append(remembered.of(EVERYTHING))
        return {None: {"Complete": int(clock.now_s)}}

    monkeypatch.setattr(summaries, "_counts", count)
    for second in (100, 150):
        clock.now_s = second
        assert remembered.of(EVERYTHING) == {"Complete": second}
    assert of_others == [{"Complete": 100}]


def test_what_takes_long_to_count_is_remembered_for_longer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, counted = Clock(), list[float]()
    remembered = CountsByPhase(engine, steady_s=clock)

    def count(_connection: Connection, _places: object) -> dict[None, dict[str, int]]:
        counted.append(clock.now_s)
        clock.now_s += 0.5
        return {None: {}}

    monkeypatch.setattr(summaries, "_counts", count)
    for later_s in (0, 49, 1.1):
        clock.now_s += later_s
        remembered.of(EVERYTHING)
    assert counted == [100, 150.6]


def test_sources_that_expire_soon_come_in_order(reader: CatalogReader, writer: CatalogWriter) -> None:
    def expires(hours: int, number: int, **fields: object) -> CatalogEntry:
        return an_entry(number, expires=START + timedelta(hours=hours), **fields)

    writer.put(
        [
            expires(5, 0, phase="Uploading"),
            expires(2, 1, namespace="other"),
            expires(3, 2),
            expires(30, 3),
            expires(1, 4, phase="Failed"),
            expires(1, 5, in_cluster=False),
            an_entry(6),
            expires(-1, 7),
        ]
    )
    day = {"after": START, "before": START + timedelta(hours=24)}
    found = reader.expiring(EVERYTHING, **day, limit=10)
    assert [one.uid for one in found] == ["u-1", "u-2", "u-0"]
    assert [one.uid for one in reader.expiring(EVERYTHING, **day, limit=1)] == ["u-1"]
    mine = VisibleNamespaces(since={"team": START})
    assert [one.uid for one in reader.expiring(mine, **day, limit=10)] == ["u-2", "u-0"]


@pytest.mark.parametrize("ascending", [False, True])
def test_the_way_back_shows_the_same_rows(reader: CatalogReader, writer: CatalogWriter, ascending: bool) -> None:
    writer.put(an_entry(number) for number in range(25))
    pages, cursor = [], None
    while True:
        page = reader.page(EntryFilter(), visible=EVERYTHING, limit=10, cursor=cursor, ascending=ascending)
        pages.append(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert pages[0].back is None
    assert [len(page.entries) for page in pages] == [10, 10, 5]
    for before, after in pairwise(pages):
        back = reader.page(EntryFilter(), visible=EVERYTHING, limit=10, cursor=after.back, ascending=not ascending)
        assert tuple(reversed(back.entries)) == before.entries
