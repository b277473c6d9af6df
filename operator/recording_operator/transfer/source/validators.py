"""Validators of a source, and which of them are strong (RFC 9110, section 8.8). Pure.

Only a strong validator pins content: ranges that are requested with it as a condition belong to the same bytes. Content
without a strong validator is read with a single request, in order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from recording_operator.http_dates import parse_http_date

_STRONG_ETAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]+"')
# RFC 9110, section 8.8.2.2, requires one second, and more if server and storage have different clocks. A client cannot
# know that. RFC 7232 used 60 s.
_SETTLED: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One strong validator: an ETag, or a Last-Modified."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def conditions(self) -> Mapping[str, str]:
        """The headers of a request for a range of exactly this content."""
        if self.etag is not None:
            return {"If-Match": self.etag}
        stamp = self.last_modified or ""
        return {"If-Range": stamp, "If-Unmodified-Since": stamp}

    def matches(self, *, etag: str | None, last_modified: str | None) -> bool:
        """Whether a response states this validator."""
        return self.etag == etag if self.etag is not None else self.last_modified == last_modified

    def contradicts(self, other: "Pin") -> bool:
        """Whether both are ETags or both are times, and they differ."""
        return (self.etag is None) == (other.etag is None) and self != other


def pin_of(*, etag: str | None, last_modified: str | None, date: str | None) -> Pin | None:
    """The strong validator of a response with these headers, or None. An ETag is preferred to a time."""
    if is_strong(etag):
        return Pin(etag=etag)
    return Pin(last_modified=last_modified) if _is_settled(last_modified, date) else None


def kept_pin(*, etag: str | None, last_modified: str | None) -> Pin | None:
    """The validator in the state of an upload, which contains only strong ones."""
    if is_strong(etag):
        return Pin(etag=etag)
    return Pin(last_modified=last_modified) if last_modified is not None and etag is None else None


def is_strong(etag: str | None) -> bool:
    """Whether an ETag is strong. Weak, empty and malformed ones are not."""
    return etag is not None and _STRONG_ETAG.fullmatch(etag.strip()) is not None


def _is_settled(last_modified: str | None, date: str | None) -> bool:
    modified, responded = parse_http_date(last_modified), parse_http_date(date)
    return modified is not None and responded is not None and responded - modified >= _SETTLED
