"""Dates and delays in HTTP headers (RFC 9110, section 5.6.7)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_http_date(text: str | None) -> datetime | None:
    """The time in UTC; None if the text is not a date. A date without a time zone is read as UTC."""
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after(value: str | None, now: datetime, *, at_most_s: float) -> float | None:
    """`Retry-After` as seconds or a date (RFC 9110, section 10.2.3); None for anything else."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), at_most_s)
    until = parse_http_date(text)
    return None if until is None else min(max((until - now).total_seconds(), 0.0), at_most_s)
