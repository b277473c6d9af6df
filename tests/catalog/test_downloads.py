"""Downloads of Recordings: what was counted, in the rows and in the lists of both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from recording_operator.catalog.downloads import DownloadSum, DownloadTable, LocationDownloads, known_downloads
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import BEGIN, EVERYTHING, an_entry, pages


@pytest.fixture
def table(engine: Engine) -> DownloadTable:
    """The table of the database."""
    return DownloadTable(engine)


def counted(*rest: int, **by_uid: tuple[int, int]) -> LocationDownloads:
    """What was counted at a location; `uid_1=(requests, bytes)`."""
    sums = {name.replace("_", "-"): DownloadSum(*amounts) for name, amounts in by_uid.items()}
    return LocationDownloads(since=BEGIN, by_uid=sums, rest=DownloadSum(*rest))


def in_rows(reader: CatalogReader) -> dict[str, tuple[int, int]]:
    return {one.uid: (one.downloads, one.downloaded_bytes) for one in pages(reader) if one.downloads}


def test_the_sums_of_all_locations_are_in_the_rows(
    table: DownloadTable, writer: CatalogWriter, reader: CatalogReader
) -> None:
    writer.put(an_entry(number) for number in range(1, 5))
    table.put("archive", counted(uid_1=(2, 20), uid_2=(1, 5), uid_9=(7, 70)))
    table.put("other", counted(uid_1=(1, 3)))
    table.keep_only(("archive", "other"))
    assert in_rows(reader) == {"uid-1": (3, 23), "uid-2": (1, 5)}

    writer.put([an_entry(1, title="Another", version=2), an_entry(9)])
    table.put("archive", counted(uid_2=(4, 50), uid_9=(7, 70)))
    table.keep_only(("archive",))
    assert in_rows(reader) == {"uid-2": (4, 50), "uid-9": (7, 70)}


def test_a_change_of_a_recording_leaves_its_downloads(
    table: DownloadTable, writer: CatalogWriter, reader: CatalogReader
) -> None:
    writer.put([an_entry(1)])
    table.put("archive", counted(uid_1=(2, 20)))
    table.keep_only(("archive",))
    writer.put([an_entry(1, title="Another", version=2)])
    assert [(one.title, one.downloads) for one in pages(reader)] == [("Another", 2)]


def test_pages_in_the_order_of_downloads(table: DownloadTable, writer: CatalogWriter, reader: CatalogReader) -> None:
    writer.put(an_entry(number, namespace=f"team-{number % 2}") for number in range(1, 8))
    table.put("archive", counted(uid_1=(2, 1), uid_2=(9, 1), uid_3=(9, 1), uid_4=(1, 1)))
    table.keep_only(("archive",))
    one_team = VisibleNamespaces(since={"team-1": BEGIN})
    some = VisibleNamespaces(since={"team-0": BEGIN, "team-1": BEGIN})
    for visible in (EVERYTHING, some):
        found = pages(reader, visible=visible, limit=2, sort=Sort.DOWNLOADS)
        assert [one.downloads for one in found] == [9, 9, 2, 1, 0, 0, 0]
        assert len({one.uid for one in found}) == 7
        assert pages(reader, visible=visible, limit=3, sort=Sort.DOWNLOADS, ascending=True) == found[::-1]
    found = pages(reader, EntryFilter(org="acme"), visible=one_team, limit=2, sort=Sort.DOWNLOADS)
    assert [one.downloads for one in found] == [9, 2, 0, 0]


def test_all_recordings_and_the_rest_are_together_what_was_counted(table: DownloadTable, writer: CatalogWriter) -> None:
    writer.put([an_entry(1), an_entry(2)])
    table.put("archive", counted(5, 50, uid_1=(2, 20), uid_2=(1, 30), uid_9=(7, 70)))
    table.put("quiet", counted(0, 0))
    table.keep_only(("archive", "quiet"))
    found = table.counted()
    assert {name: one.total for name, one in found.items()} == {
        "archive": DownloadSum(15, 170),
        "quiet": DownloadSum(0, 0),
    }
    assert found["archive"].since == BEGIN
    shown = table.most(EVERYTHING, limit=10)
    assert [(one.entry.uid, one.sum.size_bytes) for one in shown] == [("uid-2", 30), ("uid-1", 20)]


def test_no_number_where_not_all_was_counted(
    table: DownloadTable, writer: CatalogWriter, reader: CatalogReader
) -> None:
    writer.put([an_entry(1, location="archive"), an_entry(2, location="archive")])
    table.put("archive", replace(counted(5, 50, uid_1=(2, 20)), exact=False))
    table.put("quiet", counted(0, 0))
    table.keep_only(("archive", "quiet"))
    assert table.locations() == {"archive": False, "quiet": True}
    shown = {one.uid: known_downloads(one, table.locations()) for one in pages(reader)}
    assert shown == {"uid-1": DownloadSum(2, 20), "uid-2": None}
    assert {known_downloads(one, {"archive": True}) for one in pages(reader)} == {DownloadSum(2, 20), DownloadSum()}
    assert {known_downloads(one, {"quiet": True}) for one in pages(reader)} == {None}


def test_the_most_downloaded_of_those_that_one_may_see(table: DownloadTable, writer: CatalogWriter) -> None:
    rebuilt = an_entry(7, stored_uid="uid-1", namespace="team-b")
    writer.put([an_entry(1, namespace="team-b"), rebuilt, an_entry(2), an_entry(3, namespace="team-b")])
    writer.gone(["uid-1"])
    table.put("archive", counted(uid_1=(2, 20), uid_2=(1, 30), uid_3=(1, 10)))
    table.keep_only(("archive",))

    def shown(visible: VisibleNamespaces, *, limit: int) -> list[str]:
        return [one.entry.uid for one in table.most(visible, limit=limit)]

    assert shown(EVERYTHING, limit=2) == ["uid-2", "uid-7"]
    assert shown(VisibleNamespaces(since={"team-b": BEGIN}), limit=5) == ["uid-7", "uid-3"]
    assert shown(VisibleNamespaces(since={"team-b": BEGIN + timedelta(days=1)}), limit=5) == []
