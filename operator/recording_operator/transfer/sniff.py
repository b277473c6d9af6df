"""Whether what arrives can be what the spec declares: a login page is no video."""

import re
import zlib
from contextlib import suppress
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.job import ObjectSpec
from recording_operator.transfer.source import SourceFacts

_SNIFFED_BYTES: Final = 1024
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_GZIP: Final = b"\x1f\x8b"
_COMMENTS: Final = rb"(?:<!--.*?-->\s*)*"
_HTML: Final = re.compile(_COMMENTS + rb"<(?:!doctype html|html|head|body|script|title|meta|iframe)[\s>]", re.DOTALL)
_XML: Final = re.compile(rb"<(?:\?xml[\s?]|error[\s>])")
_ERROR_DOCUMENT: Final = re.compile(rb"(?:<\?xml[^>]*>\s*)?" + _COMMENTS + rb"<error[\s>]", re.DOTALL)
# Beginnings that no page has, in lower case: content is believed more than a server that calls everything HTML.
_NO_PAGE: Final = (b"webvtt", b"riff", b"oggs", b"id3", b"flac", b"%pdf", b"{", b"[")
_CONTAINERS: Final = (b"\x1aE\xdf\xa3",)  # Matroska and WebM
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")  # RFC 6838, 4.2
_UNKNOWN_TYPE: Final = "application/octet-stream"
_MEDIA_KINDS: Final = frozenset({"Video", "Audio"})


def check_content(facts: SourceFacts, obj: ObjectSpec) -> None:
    """Raises TransferError(UnexpectedContent) for HTML, XML errors and JSON where something else is declared."""
    declared = obj.content_type.partition(";")[0].strip().lower()
    start = _plain_start(facts.head, packed="gzip" in declared)
    seen = _recognise(facts, start)
    if seen is None or seen in declared or (seen == "html" and "xhtml" in declared):
        return
    if seen != "html" and obj.kind not in _MEDIA_KINDS and not _ERROR_DOCUMENT.match(start):
        return
    raise TransferError(
        Reason.UNEXPECTED_CONTENT,
        f"{facts.host} sends {seen.upper()}, expected {declared or obj.kind}; the URL may lead to a login or error "
        "page. Apply a fresh URL, or declare it with contentType if it is meant.",
    )


def stated_type(facts: SourceFacts) -> str:
    """The media type that the source states, without parameters; the general one where it states none."""
    stated = (facts.content_type or "").partition(";")[0].strip().lower()
    return stated if _MEDIA_TYPE.fullmatch(stated) else _UNKNOWN_TYPE


def _recognise(facts: SourceFacts, start: bytes) -> str | None:
    stated = (facts.content_type or "").partition(";")[0].strip().lower()
    if _HTML.match(start):
        return "html"
    if stated in ("text/html", "application/xhtml+xml") and not _is_no_page(facts.head, start):
        return "html"
    if _XML.match(start):
        return "xml"
    if stated == "application/json" and start.startswith((b"{", b"[")):
        return "json"
    return None


def _plain_start(head: bytes, *, packed: bool) -> bytes:
    """How the content begins as lower-case ASCII, whatever wraps it; `packed` where it is meant to be compressed."""
    start = head[:_SNIFFED_BYTES]
    if start.startswith(_GZIP) and not packed:
        with suppress(zlib.error):
            start = zlib.decompressobj(wbits=31).decompress(start, _SNIFFED_BYTES)
    for mark in _BYTE_ORDER_MARKS:
        start = start.removeprefix(mark)
    # UTF-16 is ASCII with zeros in between, as far as tags go.
    return start.replace(b"\0", b"").lstrip().lower()


def _is_no_page(head: bytes, start: bytes) -> bool:
    return start.startswith(_NO_PAGE) or head.startswith(_CONTAINERS) or head[4:8] == b"ftyp"
