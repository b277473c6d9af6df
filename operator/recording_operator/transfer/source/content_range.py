"""The range that a response contains, according to its headers."""

import re
from dataclasses import dataclass
from typing import Final

from recording_operator.transfer.source.response import SourceResponse

_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.IGNORECASE)
_NOTHING: Final = re.compile(r"bytes \*/0+", re.IGNORECASE)
_PARTIAL: Final = 206


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRange:
    """Bytes `start` to `end` (not included) of `size_bytes`, which is None if the source does not state it."""

    start: int
    end: int
    size_bytes: int | None

    @property
    def is_whole(self) -> bool:
        """Whether the range is the whole content."""
        return self.start == 0 and self.end == self.size_bytes


def content_range(response: SourceResponse) -> ContentRange | None:
    """The range that the response states; None if there is none, or it does not fit its length.

    A multipart body contains several ranges, and does not count as one.
    """
    stated = stated_range(response)
    return stated if stated is not None and response.content_length in (None, stated.end - stated.start) else None


def stated_range(response: SourceResponse) -> ContentRange | None:
    """The range in a Content-Range, regardless of the length of the body."""
    found = _RANGE.fullmatch((response.header("Content-Range") or "").strip())
    if found is None or (response.header("Content-Type") or "").lower().lstrip().startswith("multipart/byteranges"):
        return None
    stated = ContentRange(
        start=int(found[1]), end=int(found[2]) + 1, size_bytes=None if found[3] == "*" else int(found[3])
    )
    if stated.start >= stated.end or (stated.size_bytes is not None and stated.end > stated.size_bytes):
        return None
    return stated


def is_range(response: SourceResponse) -> bool:
    """Whether the response claims to be a range. Some servers send ranges with status 200."""
    return response.status == _PARTIAL or response.header("Content-Range") is not None


def is_empty(response: SourceResponse) -> bool:
    """Whether a 416 states that the content is empty (RFC 9110 section 14.4)."""
    return _NOTHING.fullmatch((response.header("Content-Range") or "").strip()) is not None
