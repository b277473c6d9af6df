"""Dates in HTTP headers (RFC 9110, section 5.6.7)."""

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
