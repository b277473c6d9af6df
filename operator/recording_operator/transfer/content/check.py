"""Checks whether the content can be what the spec declares: a login page is not a video.

The bytes decide, not the type that the source states. If there is a known signature, it decides. Otherwise, text is not
a recording, and unknown data is accepted (raw G.711, encrypted files). docs/decisions/content.md has the reasons.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.transfer.content import media_types
from recording_operator.transfer.content.signatures import is_archive, media_by_frames, media_by_signature, other_format
from recording_operator.transfer.content.text_detection import text_of
from recording_operator.transfer.source.content_facts import ContentFacts

# Almost no video is smaller than this, but an error that is not text (protobuf, a compressed page) may be.
SMALL_VIDEO_BYTES: Final = 2 * 2**10
_MEDIA_KINDS: Final = frozenset({"Video", "Audio"})
_START_CHARACTERS: Final = 4096
_UNPACKED_BYTES: Final = 64 * 2**10
_LARGEST_ERROR_CHARACTERS: Final = 16 * 2**10
_GZIP_WBITS, _ZLIB_WBITS = 31, 15
# Possessive quantifiers, so that a page that consists of comments does not cause catastrophic backtracking.
_COMMENTS: Final = r"(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+"
_PROLOG: Final = r"(?:<\?xml[^>]*>\s*)?" + _COMMENTS
_FLAVOURS: Final = {
    "HTML": rf"{_COMMENTS}<(?:head|body|script|title|meta|iframe)[\s>]|{_PROLOG}<(?:!doctype html|html)[\s>]",
    "XML": r"<(?:\?xml[\s?]|error[\s>])",
    "a playlist": r"#extm3u\b",
    "captions": r"webvtt(?:\s|$)|\d+\s+\d+:\d\d:\d\d[.,]\d+\s*-->",
    "JSON": r'\{\s*["}]|\[\s*(?:["{\[\]]|-?\d|true|false|null)',
}
_FLAVOUR_PATTERNS: Final = {name: re.compile(text, re.DOTALL) for name, text in _FLAVOURS.items()}
_ERROR_XML: Final = re.compile(_PROLOG + r"<error[\s>]", re.DOTALL)
# Beginnings that no media file has by chance, such as an error message of a program, or HTTP headers in the body.
_UNMISTAKABLE: Final = re.compile(
    rf"{_FLAVOURS['HTML']}|{_PROLOG}<error[\s>]|<\?xml\s|#extm3u\s|webvtt\s"
    r'|\{\s{0,64}"[^"\x00-\x1f\x7f-\xff]{1,64}"\s{0,8}:|http/[12](?:\.[01])? [1-5]\d\d\s'
    r"|traceback \(most recent call last\):"
    r"|(?:<br ?/?>\s{0,8})?(?:<b>|php )?(?:warning|notice|deprecated|(?:fatal |parse )?error)(?:</b>)?: ",
    re.DOTALL,
)
_MARKS_AS_LATIN: Final = re.compile("(?:ï»¿|þÿ|ÿþ)?\\s*+")
_CUE: Final = re.compile(r"\d\d:\d\d[.,:]\d\d\S{0,8}[ \t]{0,8}-->")
_ERROR_FIELDS: Final = frozenset({"error", "errors", "errormessage", "errorcode", "fault", "exception"})
_STATUS_FIELDS: Final = frozenset({"code", "status", "statuscode"})
# Keys next to an error in a response that contains nothing else.
_BESIDE_ERRORS: Final = (
    _ERROR_FIELDS
    | _STATUS_FIELDS
    | frozenset(
        {"message", "msg", "reason", "detail", "details", "description", "errordescription", "erroruri", "errorid",
         "type", "title", "instance", "path", "timestamp", "requestid", "traceid", "success", "data", "extensions"}
    )
)  # fmt: skip
_HTTP_ERRORS: Final = range(400, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedContent:
    """What the bytes are: text, media, another known format, or unknown data.

    `called_page`: the source states HTML. `called_media`: it states a recording or plain bytes.
    """

    text: str | None = None
    flavour: str | None = None
    media: str | None = None
    other: str | None = None
    size_bytes: int
    called_page: bool
    called_media: bool

    @property
    def small(self) -> bool:
        """Whether it is smaller than almost any video. `size_bytes` is the size of the part that was checked."""
        return self.size_bytes < SMALL_VIDEO_BYTES

    @property
    def is_page(self) -> bool:
        """Whether the content begins like HTML, or may be HTML and the source states that type."""
        known = self.media or self.other or self.flavour
        return self.flavour == "HTML" or (known is None and self.called_page)

    @property
    def is_error(self) -> bool:
        """Whether the content is only an error of S3, Azure, Google or an API."""
        return self.text is not None and _is_error_document(self.text)

    @property
    def described(self) -> str:
        """A description for messages."""
        if self.is_page:
            return "HTML"
        return self.media or self.other or self.flavour or ("plain text" if self.text is not None else "unknown data")


def check_content(facts: ContentFacts, obj: ObjectSpec, *, has_expectation: bool = False) -> None:
    """Raises TransferError(UnexpectedContent) if the bytes are clearly not of the declared type.

    `has_expectation`: the spec states the size or the checksum.
    """
    found = find_misfit(facts, obj, has_expectation=has_expectation)
    if found is None:
        return
    raise TransferError(
        Reason.UNEXPECTED_CONTENT,
        f"{facts.host} sends {found.seen}, expected {found.expected}; the URL may lead to a login or error page. "
        f"Apply a fresh URL, or {found.hint} if it is intended.",
    )


class Misfit(NamedTuple):
    """Content that is clearly not of the declared type. `hint`: how to declare it, if it is intended."""

    seen: str
    expected: str
    hint: str


def find_misfit(facts: ContentFacts, obj: ObjectSpec, *, has_expectation: bool = False) -> Misfit | None:
    """What is wrong with the bytes; None if they can be of the declared type."""
    declared = media_types.bare_type(obj.content_type)
    content = identified(facts, declared)
    if content is None or _fits(content, declared, obj.kind, has_expectation=has_expectation):
        return None
    seen = content.described
    if seen == "unknown data":
        seen = f"{content.size_bytes} bytes without the signature of a video or a document"
    hint = "declare it with contentType"
    if content.is_error:
        seen, hint = f"an error document ({seen})", "declare it with contentType and kind Other"
    return Misfit(seen, expected=declared or obj.kind, hint=hint)


def identified(facts: ContentFacts, declared: str) -> IdentifiedContent | None:
    """What the bytes are; None if they are not known. `declared` is a bare type."""
    head = _without_coding(facts, declared)
    if not head:
        return None
    return _identify(head, facts, packed="gzip" in media_types.signed_formats(declared))


def stated_type(facts: ContentFacts) -> str:
    """The media type that the source states, of text with parameters; application/octet-stream if it states none."""
    return media_types.kept_type(facts.content_type)


def _without_coding(facts: ContentFacts, declared: str) -> bytes:
    """The beginning of the content without its Content-Encoding; empty if it is not known.

    A compressed file, such as a .gz, often has both a type and an encoding.
    """
    if facts.content_encoding is None or other_format(facts.head) in media_types.signed_formats(declared):
        return facts.head
    return _unpacked(facts.head)


def _identify(head: bytes, facts: ContentFacts, *, packed: bool) -> IdentifiedContent:
    stated = media_types.bare_type(facts.content_type)
    known = partial(
        IdentifiedContent,
        size_bytes=len(head),
        called_page=media_types.is_html(stated),
        called_media=stated != "" and (media_types.is_media(stated) or media_types.is_untyped(stated)),
    )
    other = other_format(head)
    media = media_by_signature(head)
    if media is not None:
        return known(media=media)
    text = text_of(head) if other is None else None
    if text is None and not packed:
        text = text_of(_unpacked(head))
    if text is None and other is None:
        text = _begun_text(head)
    if text is not None:
        return known(text=text, flavour=_flavour(text))
    return known(media=media_by_frames(head) if other is None else None, other=other)


def _fits(content: IdentifiedContent, declared: str, kind: str, *, has_expectation: bool) -> bool:
    signed = media_types.signed_formats(declared)
    if signed:
        return content.other in signed
    if media_types.is_text(declared):
        return _fits_text(content, declared, kind)
    if kind in _MEDIA_KINDS or media_types.is_media(declared):
        needs_signature = kind == "Video" and content.small and not (has_expectation or content.called_media)
        return _fits_media(content, declared, needs_signature=needs_signature)
    return not content.is_page and not content.is_error


def _fits_media(content: IdentifiedContent, declared: str, *, needs_signature: bool) -> bool:
    if content.media is not None:
        return True
    if content.text is not None:
        return False
    if content.other is not None and content.other.lower() not in declared:  # JPEG is in video/x-motion-jpeg
        return is_archive(content.other) and not media_types.is_media(declared)
    return not needs_signature


def _fits_text(content: IdentifiedContent, declared: str, kind: str) -> bool:
    if content.media is not None or content.other is not None:
        return False
    if content.is_error and kind != "Other":
        return False
    if media_types.is_html(declared):
        return content.flavour != "JSON"
    if content.flavour == "HTML":
        return False
    if media_types.is_timed_text(declared):
        return content.flavour == "captions" or (content.flavour is None and _may_be_captions(content))
    if media_types.is_json_lines(declared):
        return content.flavour in ("JSON", None) and (not content.small or _is_json_value(content.text or ""))
    if media_types.is_json(declared):
        return content.flavour == "JSON" or _is_json_value(content.text or "")
    if media_types.is_xml(declared):
        return (content.text or "").startswith("<")
    return not content.is_page


def _may_be_captions(content: IdentifiedContent) -> bool:
    """Whether text may be captions in another format. A short text without the time of a cue is probably a message."""
    return _CUE.search(content.text or "") is not None or not (content.called_page or content.small)


def _flavour(text: str) -> str | None:
    start = text[:_START_CHARACTERS].lstrip().lower()
    return next((name for name, pattern in _FLAVOUR_PATTERNS.items() if pattern.match(start)), None)


def _begun_text(head: bytes) -> str | None:
    """The beginning of a text that is padded, damaged or in an unknown encoding; None if it is not recognised."""
    start = head[:_START_CHARACTERS].replace(b"\0", b"").decode("latin-1")
    start = _MARKS_AS_LATIN.sub("", start.lstrip(), count=1)
    return start if _UNMISTAKABLE.match(start.lower()) else None


def _unpacked(head: bytes) -> bytes:
    """The decompressed bytes; empty if `head` is neither gzip nor zlib."""
    wbits = _GZIP_WBITS if head.startswith(b"\x1f\x8b") else _ZLIB_WBITS
    try:
        return zlib.decompressobj(wbits=wbits).decompress(head, _UNPACKED_BYTES)
    except zlib.error:
        return b""


def _is_error_document(text: str) -> bool:
    if _ERROR_XML.match(text[:_START_CHARACTERS].lower()):
        return True
    if len(text) > _LARGEST_ERROR_CHARACTERS or not text.startswith("{"):
        return False
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and _is_error(document)


def _is_error(document: Mapping[str, Any]) -> bool:
    given = {name.replace("_", "").replace("-", "").lower(): value for name, value in document.items() if value}
    if not given.keys() <= _BESIDE_ERRORS:
        return False
    statuses = {str(given[name]) for name in _STATUS_FIELDS & given.keys()}
    return bool(given.keys() & _ERROR_FIELDS) or any(str(status) in statuses for status in _HTTP_ERRORS)


def _is_json_value(text: str) -> bool:
    """Whether the text begins as a JSON value: a number, a string or a literal too, or a record of a JSON sequence."""
    start = text.lstrip("\x1e \t\r\n")
    if start.startswith(("{", "[")):
        return _FLAVOUR_PATTERNS["JSON"].match(start.lower()) is not None
    try:
        json.loads(start)
    except (ValueError, RecursionError):
        return False
    return True
