"""Receives the parts of uploads into directories, from those who have a signed link. No token or cookie is needed.

A part is written while it arrives, so it takes no memory. It holds a thread, and slow clients must not take them all:
only some parts are received at the same time, and each one has to arrive within a time that depends on its size.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.console.files.links import LinkError, PartLink
from recording_operator.console.files.stores import store_problems
from recording_operator.console.parts import ConsoleParts, Parts
from recording_operator.console.problems import Problem
from recording_operator.console.uploads.finding import unknown_upload
from recording_operator.console.uploads.signing import PARTS_PATH
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.store import BodyAborted

_SILENCE_S: Final = 30.0
_SLOWEST_BYTES_PER_S: Final = 32 * 2**10

router = APIRouter(include_in_schema=False)


class IncomingBody:
    """The body of a request, for a thread that waits for its chunks. Needs no memory but that of one chunk."""

    def __init__(self, chunks: AsyncIterator[bytes], *, loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._loop = loop

    def chunk(self, *, within_s: float) -> bytes:
        """The next bytes; b"" at the end. Raises TimeoutError, ClientDisconnect."""
        return asyncio.run_coroutine_threadsafe(self._next(within_s), self._loop).result()

    async def _next(self, within_s: float) -> bytes:
        async with asyncio.timeout(within_s):
            return await anext(self._chunks, b"")


async def incoming_body(request: Request) -> IncomingBody:
    """The body of the request. It is not read here."""
    return IncomingBody(request.stream(), loop=asyncio.get_running_loop())


class IncomingPart:
    """A part that arrives, as the store reads it. It cannot be read again."""

    def __init__(self, body: IncomingBody, link: PartLink) -> None:
        self.stop: Final[StopSignal] = threading.Event()
        self._body = body
        self._link = link
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc = 0
        self._received = 0
        self._until_s = time.monotonic() + _SILENCE_S + link.size_bytes / _SLOWEST_BYTES_PER_S

    @property
    def crc64nvme(self) -> int:
        """Checksum of the bytes so far."""
        return self._crc

    def __len__(self) -> int:
        return self._link.size_bytes

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - what has arrived
        """What arrives next; b"" at the end. Raises BodyAborted."""
        try:
            chunk = self._body.chunk(within_s=min(_SILENCE_S, max(0.0, self._until_s - time.monotonic())))
        except TimeoutError:
            detail = "The part arrives too slowly."
            raise BodyAborted(Problem(HTTPStatus.REQUEST_TIMEOUT, detail, headers={"Connection": "close"})) from None
        except ClientDisconnect:
            raise BodyAborted(Problem(HTTPStatus.BAD_REQUEST, "The connection has ended.")) from None
        except HTTPException as error:
            raise BodyAborted(error) from None
        self._md5.update(chunk)
        self._crc = crc64nvme(chunk, self._crc)
        self._received += len(chunk)
        if not chunk and self._link.md5 not in (None, self._md5.hexdigest()):
            raise BodyAborted(Problem(HTTPStatus.BAD_REQUEST, "The part does not have the MD5 that was signed."))
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - the interface's
        """Possible only before the first byte."""
        if self._received:
            raise OSError("the body of a request cannot be read again")
        return 0

    def tell(self) -> int:
        """Number of bytes read."""
        return self._received


@router.put(PARTS_PATH + "/{token}")
def put_part(
    parts: Parts,
    request: Request,
    body: Annotated[IncomingBody, Depends(incoming_body)],
    token: Annotated[str, Path(max_length=8192)],
) -> Response:
    """Store the part. As S3 does, the response has its ETag."""
    try:
        link = parts.part_links.link(token)
    except LinkError as error:
        raise Problem(HTTPStatus.FORBIDDEN, str(error), headers={"Connection": "close"}) from None
    _check_length(request, link)
    with parts.part_places.taken(link.namespace):
        etag = _written(parts, link, IncomingPart(body, link))
    return Response(headers={"ETag": f'"{etag}"', "Cache-Control": "no-store"})


def _written(parts: ConsoleParts, link: PartLink, part: IncomingPart) -> str:
    location = parts.directories.of(link.location, used_by=link.upload_id)
    if location is None:
        raise unknown_upload()
    with store_problems(link.location, restore=""):
        store = parts.stores.opened(location)
        try:
            return store.upload_part(link.key, link.upload_id, part_number=link.part_number, body=part).etag
        except BodyAborted as aborted:
            raise aborted.error from None
        except TransferError as error:
            if error.reason is Reason.STORE_UPLOAD_LOST:
                raise unknown_upload() from None
            raise
        finally:
            store.close()


def _check_length(request: Request, link: PartLink) -> None:
    """The whole body must have the size that was signed, and say so before. Raises Problem."""
    stated = request.headers.get("content-length", "")
    if not stated:
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "Send the part with Content-Length.", headers={"Connection": "close"})
    if stated != str(link.size_bytes):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"The part has {stated[:20]} bytes, but the URL is for {link.size_bytes}.",
            headers={"Connection": "close"},
        )
