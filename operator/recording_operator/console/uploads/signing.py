"""URLs for the parts of an upload: of the store itself or, for a directory, of the console."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.console.auth.callers import Caller
from recording_operator.console.files.links import PartLink
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.uploads.finding import ClientUpload

PARTS_PATH: Final = "/upload-parts"
_WORKS_FOR: Final = timedelta(minutes=15)
"""A URL has to work when the sending begins. A client that is late gets another one."""
_SENT_BY_ITSELF: Final = "content-length"
"""Every client sends it, and the JavaScript of a page may not set it."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUrl:
    """Where to PUT a part of exactly this size. The URL is a secret until it expires, so `repr` does not show it."""

    url: str = field(repr=False)
    """For a directory: a path of the console."""
    headers: Mapping[str, str]
    size_bytes: int
    expires_at: datetime
    notes: tuple[str, ...] = ()


def part_url(
    parts: ConsoleParts, caller: Caller, upload: ClientUpload, *, number: int, size_bytes: int | None, md5: bytes | None
) -> PartUrl:
    """The URL of one part. Raises Problem, KubeError."""
    size = upload.part_bytes(number, size_bytes)
    works_for = min(_WORKS_FOR, upload.expires_at - parts.now())
    if upload.location.spec.s3 is None:
        made = _of_console(parts, upload, number=number, size_bytes=size, md5=md5, works_for=works_for)
    else:
        made = _of_store(parts, upload, number=number, size_bytes=size, md5=md5, works_for=works_for)
    _logger.info(
        "%s gets a URL for part %d of artifact %s of Recording %s",
        caller.username,
        number,
        upload.artifact,
        upload.address,
    )
    return made


def _of_store(
    parts: ConsoleParts, upload: ClientUpload, *, number: int, size_bytes: int, md5: bytes | None, works_for: timedelta
) -> PartUrl:
    with parts.stores.request(upload.location.metadata.name), upload.stored.opened() as store:
        made = store.presign_part(
            upload.key, upload.upload_id, part_number=number, size_bytes=size_bytes, expires=works_for, md5=md5
        )
    headers = {name: value for name, value in made.headers.items() if name.lower() != _SENT_BY_ITSELF}
    return PartUrl(url=made.url, headers=headers, size_bytes=size_bytes, expires_at=made.expires_at, notes=made.notes)


def _of_console(
    parts: ConsoleParts,
    upload: ClientUpload,
    *,
    number: int,
    size_bytes: int,
    md5: bytes | None,
    works_for: timedelta,
) -> PartUrl:
    expires_at = (parts.now() + works_for).replace(microsecond=0)
    link = PartLink(
        namespace=upload.stored.recording.metadata.namespace,
        location=upload.location.metadata.name,
        key=upload.key,
        upload_id=upload.upload_id,
        part_number=number,
        size_bytes=size_bytes,
        md5=None if md5 is None else md5.hex(),
        expires=int(expires_at.timestamp()),
    )
    return PartUrl(
        url=f"{PARTS_PATH}/{parts.part_links.token(link)}", headers={}, size_bytes=size_bytes, expires_at=expires_at
    )
