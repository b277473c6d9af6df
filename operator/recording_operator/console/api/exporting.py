"""Recordings as CSV."""

from collections.abc import Iterator
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import MOST_ROWS
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.console.api.filters import Wanted
from recording_operator.console.api.formats import CSV_RESPONSE, CSV_TYPE
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import Authenticated, ConsoleParts, Parts, visible_in
from recording_operator.costs.tables import csv_lines
from recording_operator.user_actions.csv_columns import CATALOG_COLUMNS, CsvRecording

router = APIRouter(prefix="/api/v1", tags=["recordings"])


@router.get("/recordings.csv", response_class=StreamingResponse, responses=CSV_RESPONSE)
def export_recordings(parts: Parts, caller: Authenticated, wanted: Wanted) -> StreamingResponse:
    """All Recordings that match, the newest first, as comma-separated values.

    The columns are those of the command line without attempts and next_retry, and in_cluster, which is false for
    those that are no longer in Kubernetes.
    """
    visible_in(parts, caller, wanted.namespace)  # fails before the response begins
    headers = {"Content-Disposition": 'attachment; filename="recordings.csv"'}
    lines = csv_lines((*CATALOG_COLUMNS, "in_cluster"), map(_cells, exported_entries(parts, caller, wanted)))
    return StreamingResponse(lines, media_type=CSV_TYPE, headers=headers)


def exported_entries(parts: ConsoleParts, caller: Caller, wanted: EntryFilter) -> Iterator[CatalogEntry]:
    """Page by page: only one is in memory. A slow client gets no more once the right is taken away."""
    cursor = None
    while True:
        visible = visible_in(parts, caller, wanted.namespace)
        page = parts.reader.page(wanted, visible=visible, limit=MOST_ROWS, cursor=cursor, brief=True)
        yield from page.entries
        cursor = page.cursor
        if cursor is None:
            return


def _cells(entry: CatalogEntry) -> list[str | bool]:
    columns = CsvRecording(
        namespace=entry.namespace,
        name=entry.name,
        phase=entry.phase,
        reason=entry.reason,
        progress=entry.progress,
        bytes=str(entry.size_bytes or 0),
        expires=_time(entry.expires),
        location=entry.location,
        org=entry.org,
        user=entry.user,
        project=entry.project,
        title=entry.title,
        created=_time(entry.created),
        completed=_time(entry.completed),
    )
    return [*columns.cells(CATALOG_COLUMNS), entry.in_cluster]


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
