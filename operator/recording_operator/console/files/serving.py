"""Serves files of directories to those who have a signed link. No token or cookie is needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response, StreamingResponse

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.console.files.links import FileLink, LinkError
from recording_operator.console.files.presigning import FILES_PATH
from recording_operator.console.files.ranges import ByteRange, UnsatisfiableRangeError, is_unchanged, requested_range
from recording_operator.console.parts import ConsoleParts, Parts
from recording_operator.console.problems import Problem
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.presigning import disposition

_CHUNK_BYTES: Final = 64 * 2**10
_PLAIN: Final = "application/octet-stream"
_SHOWN: Final = frozenset(
    {
        *("text/plain", "text/vtt", "application/json", "application/pdf"),
        *("image/jpeg", "image/png", "image/webp", "image/gif"),
    }
)
"""Types that a browser may show: none of them runs scripts of its author."""
_HEADERS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LinkUse:
    """A link, and who uses it: an address, for the files of a Recording."""

    link: FileLink
    user: str


def _use_of(parts: Parts, request: Request, token: Annotated[str, Path(max_length=8192)]) -> Iterator[_LinkUse]:
    """The link of the request, until its response is sent. Raises Problem 403, 410 and 429."""
    try:
        link = parts.links.link(token)
    except LinkError as error:
        raise Problem(HTTPStatus.GONE if error.is_expired else HTTPStatus.FORBIDDEN, str(error)) from None
    user = f"{link.recording_uid}\n{parts.authenticator.clients.address(request)}"
    with parts.directories.reading(user):
        yield _LinkUse(link=link, user=user)


@router.api_route(FILES_PATH + "/{token}/{name}", methods=["GET", "HEAD"])
def get_file(parts: Parts, request: Request, use: Annotated[_LinkUse, Depends(_use_of)], name: str) -> Response:
    """The bytes of the file, or a range of them. The name is only for people."""
    del name
    link = use.link
    try:
        store = parts.stores.opened(_location(parts, use))
        return _response(store, _found(store, link), link, request)
    except (TransferError, LocationError) as error:
        raise _unavailable(link, error) from None


def _location(parts: ConsoleParts, use: _LinkUse) -> StorageLocation:
    location = parts.directories.of(use.link.location, used_by=use.user)
    if location is None:
        raise _gone()
    return location


def _found(store: LocationStore, link: FileLink) -> StoredObject:
    head = store.head(link.key)
    if head is None or head.recording_uid != link.recording_uid or head.stored.etag != link.etag:
        raise _gone()
    return head.stored


def _response(store: LocationStore, stored: StoredObject, link: FileLink, request: Request) -> Response:
    etag = f'"{stored.etag}"'
    headers = {**_HEADERS, "ETag": etag, **_described(stored, link)}
    if is_unchanged(request.headers, etag=etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        wanted = requested_range(request.headers, size_bytes=stored.size_bytes, etag=etag)
    except UnsatisfiableRangeError:
        all_of_it = {"Content-Range": f"bytes */{stored.size_bytes}"}
        detail = f"The file has {stored.size_bytes} bytes."
        raise Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, detail, headers=all_of_it) from None
    part = wanted or ByteRange(0, stored.size_bytes)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.begin}-{part.end - 1}/{stored.size_bytes}"
    headers["Content-Length"] = str(part.end - part.begin)
    status = HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT
    if part.begin == part.end:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(chunks_of(store, stored, part), status_code=status, headers=headers)


def _described(stored: StoredObject, link: FileLink) -> dict[str, str]:
    """Its type, if it is one that browsers may show; otherwise they save it."""
    media_type = stored.content_type.partition(";")[0].strip().lower()
    is_media = media_type.partition("/")[0] in ("video", "audio")
    shown = (is_media or media_type in _SHOWN) and stored.content_encoding is None
    kind = "inline" if shown and not link.is_download else "attachment"
    return {
        "Content-Type": stored.content_type if shown else _PLAIN,
        "Content-Disposition": disposition(link.file_name, kind=kind),
    }


def chunks_of(store: LocationStore, stored: StoredObject, part: ByteRange) -> Iterator[bytes]:
    """The bytes of the file. Of each client that reads slowly, one chunk is in memory.

    An error ends the connection: the response has begun, and the client sees that it is too short.
    """
    yield from store.read(stored, span=(part.begin, part.end), allow=lambda most: min(most, _CHUNK_BYTES))


def _gone() -> Problem:
    return Problem(HTTPStatus.GONE, "The file was removed or replaced.")


def _unavailable(link: FileLink, error: TransferError | LocationError) -> Problem:
    if error.reason is Reason.PATH_NOT_ALLOWED:
        detail = f"The console may not read the directory of StorageLocation {link.location}."
    else:
        detail = f"The directory of StorageLocation {link.location} cannot be read ({error.reason.value})."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
