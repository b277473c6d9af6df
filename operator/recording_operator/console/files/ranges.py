"""Which part of a file a request is for. Source: RFC 9110, sections 13 and 14."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=(?:(\d{1,19})-(\d{1,19})?|-(\d{1,19}))", re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """The file has none of the requested bytes."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `begin`, without the one at `end`."""

    begin: int
    end: int


def requested_range(headers: Mapping[str, str], *, size_bytes: int, etag: str) -> ByteRange | None:
    """The range of the request; None for the whole file. Raises UnsatisfiableRangeError.

    Of several ranges, the whole file is sent, as RFC 9110 permits. A range of another file (If-Range) is ignored.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or headers.get("if-range", etag).strip() != etag:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        begin, end = max(0, size_bytes - int(suffix)), size_bytes
    else:
        begin = int(first)
        if last is not None and int(last) < begin:
            return None
        end = size_bytes if last is None else min(int(last) + 1, size_bytes)
    if begin >= end:
        raise UnsatisfiableRangeError
    return ByteRange(begin, end)


def is_unchanged(headers: Mapping[str, str], *, etag: str) -> bool:
    """Whether the client has the file already (If-None-Match)."""
    known = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    return etag in known or "*" in known
