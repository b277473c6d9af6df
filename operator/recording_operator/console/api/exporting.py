"""Recordings as CSV."""

from collections.abc import Iterator
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import MOST_ROWS
from recording_operator.catalog.wanted import EntryFilter, VisibleNamespaces
from recording_operator.console.api.filters import Wanted
from recording_operator.console.api.formats import CSV_RESPONSE, CSV_TYPE
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import Authenticated, ConsoleParts, Parts
from recording_operator.costs.tables import csv_lines
from recording_operator.user_actions.csv_columns import CSV_COLUMNS

router = APIRouter(prefix="/api/v1", tags=["recordings"])


@router.get("/recordings.csv", response_class=StreamingResponse, responses=CSV_RESPONSE)
def export_recordings(parts: Parts, caller: Authenticated, wanted: Wanted) -> StreamingResponse:
    """All Recordings that match, the newest first, as comma-separated values with the columns of the command line."""
    _visible(parts, caller, wanted)  # fails before the response begins
    headers = {"Content-Disposition": 'attachment; filename="recordings.csv"'}
    lines = csv_lines(CSV_COLUMNS, map(_cells, exported_entries(parts, caller, wanted)))
    return StreamingResponse(lines, media_type=CSV_TYPE, headers=headers)


def _visible(parts: ConsoleParts, caller: Caller, wanted: EntryFilter) -> VisibleNamespaces:
    return parts.access.visible(caller, parts.reader.namespaces() if wanted.namespace is None else [wanted.namespace])


def exported_entries(parts: ConsoleParts, caller: Caller, wanted: EntryFilter) -> Iterator[CatalogEntry]:
    """Page by page: only one is in memory. A slow client gets no more once the right is taken away."""
    cursor = None
    while True:
        visible = _visible(parts, caller, wanted)
        page = parts.reader.page(wanted, visible=visible, limit=MOST_ROWS, cursor=cursor, brief=True)
        yield from page.entries
        cursor = page.cursor
        if cursor is None:
            return


def _cells(entry: CatalogEntry) -> list[str]:
    """In the order of the columns. The catalog does not know attempts and retries."""
    return [
        entry.namespace, entry.name, entry.phase, entry.reason, entry.progress, str(entry.size_bytes or 0), "", "",
        _time(entry.expires), entry.location, entry.org, entry.user, entry.project, entry.title, _time(entry.created),
        _time(entry.completed),
    ]  # fmt: skip


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
