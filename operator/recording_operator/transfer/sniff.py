"""Whether what arrives can be what the spec declares: a login page is no video."""

import re
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.job import ObjectSpec
from recording_operator.transfer.source import SourceFacts

_SNIFFED_BYTES: Final = 512
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title", b"<!--")
_XML: Final = (b"<?xml", b"<error")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")  # RFC 6838, 4.2
_UNKNOWN_TYPE: Final = "application/octet-stream"
_MEDIA_KINDS: Final = frozenset({"Video", "Audio"})


def check_content(facts: SourceFacts, obj: ObjectSpec) -> None:
    """Raises TransferError(UnexpectedContent) for HTML, XML errors and JSON where something else is declared."""
    seen = _recognise(facts)
    declared = obj.content_type.partition(";")[0].strip().lower()
    if seen is None or seen in declared or (seen == "html" and "xhtml" in declared):
        return
    if seen != "html" and obj.kind not in _MEDIA_KINDS and not _is_error_document(facts.head):
        return
    raise TransferError(
        Reason.UNEXPECTED_CONTENT,
        f"{facts.host} sends {seen.upper()}, expected {declared or obj.kind}; "
        "the URL may lead to a login or error page. Apply a fresh URL.",
    )


def stated_type(facts: SourceFacts) -> str:
    """The media type that the source states, without parameters; the general one where it states none."""
    stated = (facts.content_type or "").partition(";")[0].strip().lower()
    return stated if _MEDIA_TYPE.fullmatch(stated) else _UNKNOWN_TYPE


def _recognise(facts: SourceFacts) -> str | None:
    start = facts.head[:_SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    stated = (facts.content_type or "").partition(";")[0].strip().lower()
    if start.startswith(_HTML) or stated in ("text/html", "application/xhtml+xml"):
        return "html"
    if start.startswith(_XML):
        return "xml"
    if stated == "application/json" and start.startswith((b"{", b"[")):
        return "json"
    return None


def _is_error_document(head: bytes) -> bool:
    return b"<error" in head[:_SNIFFED_BYTES].lower()
