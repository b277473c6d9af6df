"""What a source's refusal means: gone, forbidden, expired, or not now."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.dialer import SourceResponse
from recording_operator.transfer.errors import Stopped, TransferError

# How S3, GCS and Azure say in a body that a signature's time is over (lower case). Nothing of a body is ever shown.
_EXPIRED: Final = (
    b"request has expired",
    b"expiredtoken",
    b"token has expired",
    b"signature not valid in the specified time frame",
)
_BODY_BYTES: Final = 4096
_TRANSIENT: Final = frozenset({408, 425, 429})
_LONGEST_RETRY_AFTER_S: Final = 900.0


class NotYetThere(TransferError):  # noqa: N818 - a kind of answer
    """404: providers publish late, so a few more questions are worth it. 410 is a plain SourceNotFound."""


def refusal(response: SourceResponse, *, expires_at: datetime | None, now: datetime) -> TransferError:
    """The error for an answer that is neither 200 nor 206. `expires_at` judges a 401 or 403."""
    status = response.status
    answered = f"{response.host} answered {_named(status)}"
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransferError(
            Reason.SOURCE_UNAVAILABLE, f"{answered}.", retry_after_s=_retry_after_s(response.header("Retry-After"), now)
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        kind = NotYetThere if status == HTTPStatus.NOT_FOUND else TransferError
        return kind(Reason.SOURCE_NOT_FOUND, f"{answered}. Check the URL with its provider.")
    if status < HTTPStatus.BAD_REQUEST:
        return TransferError(Reason.SOURCE_PROTOCOL_ERROR, f"{answered}, expected 200 or 206.")
    if _has_expired(response, expires_at=expires_at, now=now):
        return TransferError(Reason.SOURCE_EXPIRED, f"{answered}: the URL has expired. Apply a fresh URL.")
    return TransferError(Reason.SOURCE_FORBIDDEN, f"{answered}. Check the URL, its signature or the headers.")


def _has_expired(response: SourceResponse, *, expires_at: datetime | None, now: datetime) -> bool:
    if response.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return False
    if _says_expired(response):
        return True
    past = expires_at is not None and expires_at <= now
    return past and response.status != HTTPStatus.BAD_REQUEST


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _says_expired(response: SourceResponse) -> bool:
    try:
        body = response.read(_BODY_BYTES).lower()
    except (TransferError, Stopped):
        return False
    return any(words in body for words in _EXPIRED)


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds or an HTTP date (RFC 9110 section 10.2.3); None for anything else."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _LONGEST_RETRY_AFTER_S)
    try:
        until_s = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(until_s, 0.0), _LONGEST_RETRY_AFTER_S)
