"""Recordings: pages of them, and each one."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query

from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import CursorError
from recording_operator.catalog.wanted import Sort, VisibleNamespaces
from recording_operator.console.api.addresses import Address, Uid
from recording_operator.console.api.filters import Wanted
from recording_operator.console.api.models import RecordingDocument, RecordingListDocument, document_of
from recording_operator.console.auth.callers import Caller
from recording_operator.console.feeding import RECORDINGS_FEED
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, ConsoleParts, Parts, not_found, visible_in
from recording_operator.console.problems import Problem

MOST: Final = 100
"""Each may have 64 artifacts and 64 labels."""
_NOT_FOUND: Final = problems(HTTPStatus.NOT_FOUND)

router = APIRouter(prefix="/api/v1/recordings", tags=["recordings"])


@router.get("", responses=problems(HTTPStatus.BAD_REQUEST))
def list_recordings(
    parts: Parts,
    caller: Authenticated,
    wanted: Wanted,
    *,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str | None, Query(max_length=400, description="From the page before.")] = None,
    sort: Annotated[Sort, Query(description="By what they are sorted.")] = Sort.CREATED,
    ascending: Annotated[bool, Query(description="The oldest, the smallest or the least downloaded first.")] = False,
) -> RecordingListDocument:
    """Recordings in the namespaces where you may list them. A cursor continues the page with the same parameters."""
    visible = visible_in(parts, caller, wanted.namespace)
    try:
        page = parts.reader.page(wanted, visible=visible, limit=limit, cursor=cursor, sort=sort, ascending=ascending)
    except CursorError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    counted = parts.downloads.locations()
    return RecordingListDocument(
        items=tuple(document_of(entry, counted=counted) for entry in page.entries),
        cursor=page.cursor,
        known_at=parts.reader.complete_at(RECORDINGS_FEED),
    )


@router.get("/by-uid/{uid}", responses=_NOT_FOUND)
def get_recording_by_uid(parts: Parts, caller: Authenticated, uid: Uid) -> RecordingDocument:
    """One Recording by its uid, also if others have its name now."""
    entry = parts.reader.by_uid(uid)
    if entry is None or not _is_in(entry, _visible(parts, caller, entry.namespace)):
        raise Problem(HTTPStatus.NOT_FOUND, "There is no Recording with this uid, or you may not get it.")
    return document_of(entry, counted=parts.downloads.locations())


@router.get("/{namespace}/{name}", responses=_NOT_FOUND)
def get_recording(parts: Parts, caller: Authenticated, address: Address) -> RecordingDocument:
    """One Recording by its name."""
    entry = visible_entry(parts, caller, address.namespace, address.name)
    return document_of(entry, counted=parts.downloads.locations())


def visible_entry(
    parts: ConsoleParts, caller: Caller, namespace: str, name: str, *, uid: str | None = None
) -> CatalogEntry:
    """The entry of a Recording that the caller may get. Raises Problem 404, which does not tell what exists.

    `uid`: of which one, if several had the name. Otherwise the one in Kubernetes, or the newest.
    """
    # Before the catalog is read: the time of the response must not tell what exists.
    visible = _visible(parts, caller, namespace)
    entry = parts.reader.entry(namespace, name) if uid is None else parts.reader.by_uid(uid)
    if entry is None or (entry.namespace, entry.name) != (namespace, name) or not _is_in(entry, visible):
        raise not_found(namespace, name)
    return entry


def _visible(parts: ConsoleParts, caller: Caller, namespace: str) -> VisibleNamespaces:
    return parts.access.visible(caller, [namespace], verb="get")


def _is_in(entry: CatalogEntry, visible: VisibleNamespaces) -> bool:
    return visible.everything or (entry.namespace in visible.since and entry.created >= visible.since[entry.namespace])
