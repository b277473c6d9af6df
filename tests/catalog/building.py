"""Entries for tests of the catalog."""

from datetime import UTC, datetime, timedelta
from typing import Any

from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
EVERYTHING = VisibleNamespaces(everything=True, since={})


def at(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def an_entry(number: int, **fields: Any) -> CatalogEntry:
    """An entry; those with greater numbers are newer."""
    given: dict[str, Any] = {
        "uid": f"uid-{number}",
        "namespace": "team-a",
        "name": f"meeting-{number}",
        "org": "acme",
        "labels": {},
        "phase": "Complete",
        "created": at(number),
        "stored_uid": f"uid-{number}",
        "in_cluster": True,
        "version": 1,
    }
    return CatalogEntry(**given | fields)


def pages(
    reader: CatalogReader,
    wanted: EntryFilter | None = None,
    *,
    visible: VisibleNamespaces = EVERYTHING,
    limit: int = 50,
    sort: Sort = Sort.CREATED,
    ascending: bool = False,
) -> list[CatalogEntry]:
    """All entries, page by page."""
    found: list[CatalogEntry] = []
    cursor = None
    while True:
        page = reader.page(
            wanted or EntryFilter(), visible=visible, limit=limit, cursor=cursor, sort=sort, ascending=ascending
        )
        assert len(page.entries) == limit or page.cursor is None
        found += page.entries
        cursor = page.cursor
        if cursor is None:
            return found
