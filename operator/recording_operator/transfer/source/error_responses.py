"""What an error response of a source means: not ready, unavailable, expired, forbidden, or gone.

docs/faults.md has the table. No part of a response's body is ever shown.
"""

import zlib
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.engine.signed_urls import Validity
from recording_operator.errors import TransferError
from recording_operator.http_dates import parse_retry_after
from recording_operator.stopping import Stopped
from recording_operator.transfer.source.error_wording import Wording, read_wording
from recording_operator.transfer.source.response import SourceResponse

_BODY_BYTES: Final = 8192
_LONGEST_RETRY_AFTER_S: Final = 900.0
_NOT_READY: Final = frozenset({202, 409, 423, 425})
_WITHOUT_CONTENT: Final = frozenset({204, 205})
_UNAVAILABLE: Final = frozenset({408, 421, 429, 503})
_MAY_BE_EXPIRED: Final = frozenset({400, 401, 403, 410})
# How servers without ranges may reject a range. 401 and 403 are not among them: a URL that can be requested only once
# more would be used up.
_BLAME_RANGE: Final = frozenset({400, 405, 406, 413, 415, 417, 422, 501})
_CHECK: Final = "Check the URL with its provider."


class NotYetThere(TransferError):  # noqa: N818 - a kind of response
    """The source does not have the content yet. Providers publish late, so it is requested again within seconds."""


class ServerFailed(TransferError):  # noqa: N818 - a kind of response
    """The server failed, with 5xx other than 503."""


class RangeRejected(TransferError):  # noqa: N818 - a kind of response
    """A range request was rejected; the same request without Range may succeed."""

    def __init__(self, host: str) -> None:
        super().__init__(Reason.SOURCE_PROTOCOL_ERROR, f"{host} rejects range requests.")


def error_of(response: SourceResponse, *, validity: Validity, now: datetime) -> TransferError:
    """The error for a response that is neither 200 nor 206. `validity` is the time that the URL states for itself."""
    error = _judged(response, validity=validity, now=now)
    if error.retry_after_s is None:
        error.retry_after_s = parse_retry_after(response.header("Retry-After"), now, at_most_s=_LONGEST_RETRY_AFTER_S)
    return error


def blames_range(response: SourceResponse, error: TransferError) -> bool:
    """Whether the same request without Range may succeed."""
    unclear = error.reason in (Reason.SOURCE_FORBIDDEN, Reason.SOURCE_UNAVAILABLE)
    return unclear and response.status in _BLAME_RANGE


def _judged(response: SourceResponse, *, validity: Validity, now: datetime) -> TransferError:
    status = response.status
    seen = f"{response.host} responded with {_named(status)}"
    if status in _NOT_READY:
        return NotYetThere(Reason.SOURCE_NOT_READY, f"{seen}. The content is not ready yet. It is retried.")
    if status in _WITHOUT_CONTENT:
        return NotYetThere(Reason.SOURCE_EMPTY, f"{seen}, expected 200 or 206 with content. {_CHECK}")
    if status in _UNAVAILABLE:
        return TransferError(Reason.SOURCE_UNAVAILABLE, f"{seen}.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFailed(Reason.SOURCE_UNAVAILABLE, f"{seen}.")
    if status < HTTPStatus.BAD_REQUEST:
        return TransferError(Reason.SOURCE_PROTOCOL_ERROR, f"{seen}, expected 200 or 206.")
    past = validity.end is not None and validity.end <= now
    if (
        status in _MAY_BE_EXPIRED
        and (time_error := _time_error(response, seen, validity=validity, past=past, now=now)) is not None
    ):
        return time_error
    if past and status in (*_MAY_BE_EXPIRED, HTTPStatus.NOT_FOUND):
        return _expired(seen)
    if status == HTTPStatus.NOT_FOUND:
        return NotYetThere(Reason.SOURCE_NOT_FOUND, f"{seen}. {_CHECK}")
    if status == HTTPStatus.GONE:
        return TransferError(Reason.SOURCE_NOT_FOUND, f"{seen}. {_CHECK}", is_final=True)
    return TransferError(Reason.SOURCE_FORBIDDEN, f"{seen}. Check the URL, its signature or the headers.")


def _time_error(
    response: SourceResponse, seen: str, *, validity: Validity, past: bool, now: datetime
) -> TransferError | None:
    """The error if body or URL state that the URL is expired or not valid yet; otherwise None."""
    statement = read_wording(_text_of(response))
    open_ended = validity.end is None
    starts_in_s = statement.starts_in_s
    if starts_in_s is None and validity.start is not None and validity.start > now:
        starts_in_s = (validity.start - now).total_seconds()
    match statement.what:
        case Wording.NOT_YET:
            return _not_yet(seen, starts_in_s)
        case Wording.CLOCKS_DIFFER:
            return _expired(seen) if past else _not_yet(seen, starts_in_s)
        case Wording.OUT_OF_FRAME:
            return _expired(seen) if past or open_ended else _not_yet(seen, starts_in_s)
        case Wording.EXPIRED:
            return _expired(seen)
        case Wording.PERHAPS_EXPIRED:
            return _expired(seen) if past or open_ended else None
        case _:
            return None if starts_in_s is None else _not_yet(seen, starts_in_s)


def _not_yet(seen: str, starts_in_s: float | None) -> NotYetThere:
    wait_s = None if starts_in_s is None else min(starts_in_s, _LONGEST_RETRY_AFTER_S)
    message = f"{seen}. The URL is not valid yet, or the clocks of its provider and its store differ. It is retried."
    return NotYetThere(Reason.SOURCE_NOT_READY, message, retry_after_s=wait_s)


def expired_page(host: str) -> TransferError:
    """A page instead of an error response: many providers redirect to a login page."""
    return _expired(f"{host} sends a page instead of the content")


def not_ready_page(host: str) -> TransferError:
    """A message instead of the content, with status 200, says that the content is still being created."""
    return NotYetThere(
        Reason.SOURCE_NOT_READY, f"{host} sends a note that the content is not ready yet. It is retried."
    )


def too_large(host: str, limit_bytes: int) -> TransferError:
    """More bytes than the location or the operator allows."""
    return TransferError(Reason.SOURCE_TOO_LARGE, f"{host} has more than the allowed {limit_bytes} bytes.")


def _expired(seen: str) -> TransferError:
    return TransferError(Reason.SOURCE_EXPIRED, f"{seen}. The URL has expired. Apply a fresh URL.")


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _text_of(response: SourceResponse) -> str:
    """The text of an error response: its body, and the header in which OAuth describes the error (RFC 6750)."""
    body = b""
    with suppress(TransferError, Stopped):
        while len(body) < _BODY_BYTES and (data := response.read(_BODY_BYTES - len(body))):
            body += data
    if body.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            body = zlib.decompressobj(wbits=31).decompress(body, _BODY_BYTES)
    text = body.replace(b"\0", b"").decode("utf-8", "replace")  # UTF-16 is ASCII with zeros in between
    return f"{response.header('WWW-Authenticate') or ''}\n{text}"
