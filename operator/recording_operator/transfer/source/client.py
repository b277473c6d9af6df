"""Requests to a source, and checks that the responses have the expected content.

A range is used only if it is exactly the requested one, and a strong validator identifies the content.
Everything else that a server does with ranges ends in one GET without Range, read in order.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import EgressError
from recording_operator.engine.signed_urls import validity_in_url
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.transfer.source.content_codings import kept_codings, made_for_this_request, stated_codings
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_range import content_range, is_empty, is_range, stated_range
from recording_operator.transfer.source.error_responses import (
    RangeRejected,
    ServerFailed,
    blames_range,
    error_of,
    expired_page,
)
from recording_operator.transfer.source.errors import source_error
from recording_operator.transfer.source.response import SourceResponse
from recording_operator.transfer.source.spec import SourceSpec

# GET, never HEAD: a presigned URL is valid for one method, and HEAD gets 403. The first bytes are needed anyway, to
# check the content; a small artifact is complete with them.
PROBE_BYTES: Final = 64 * 2**10
# Some servers fail at every range request. One that failed at fewer may have had a temporary problem.
_RANGE_TRIES: Final = 3
_ONCE: Final = (
    "The first request to this URL succeeded and the second was rejected. A URL that works only once is enough for "
    "64 KiB. Apply a fresh URL that can be requested several times."
)
_OK: Final = 200
_PARTIAL: Final = 206
_PRECONDITION_FAILED: Final = 412
_RANGE_NOT_SATISFIABLE: Final = 416


class RangesLost(Exception):  # noqa: N818 - control flow
    """The response is not the requested range of the pinned content: the source must be read from its start."""


class SizesDiffer(TransferError):  # noqa: N818 - a kind of response
    """Requests with and without Range state different sizes. `whole` is the one without Range."""

    def __init__(self, whole: ContentFacts, stated_bytes: int | None) -> None:
        super().__init__(
            Reason.SOURCE_PROTOCOL_ERROR,
            f"{whole.host} states {stated_bytes} bytes for a range request and {whole.size_bytes} without, expected "
            "one size. Check the URL with its provider.",
        )
        self.whole = whole


class SourceClient:
    """Requests to one URL of one artifact. The caller retries; `on_read` gets the number of bytes read."""

    def __init__(
        self,
        spec: SourceSpec,
        *,
        dialer: Dialer,
        stop: StopSignal,
        on_read: Callable[[int], None] = lambda _count: None,
        now: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self._spec = spec
        self._dialer = dialer
        self._stop = stop
        self._on_read = on_read
        self._now = now
        self._validity = validity_in_url(spec.url).ending_by(spec.expires_at)
        self._successes = 0
        self._broken_ranges = 0

    def probe(self) -> ContentFacts:
        """Request the first bytes, and read size, validators and whether ranges can be used.

        Where a range request gets anything but that range or the whole, or breaks several times, it is one GET without
        Range. Raises TransferError and Stopped.
        """
        facts, stated_bytes = self._probe_range() if self._broken_ranges < _RANGE_TRIES else (None, None)
        if facts is not None and not self._may_be_cut(facts):
            return facts
        try:
            return _sized(self._probe_whole(), stated_bytes)
        except TransferError as error:
            # The first response is complete, and no second one will be requested.
            if facts is not None and Trait.ONE_USE_URL in error.reason.traits:
                return facts
            raise

    def probe_after_change(self) -> ContentFacts:
        """A GET without Range after a change, if the usual probe returns the same. Raises as `probe`."""
        usual, whole = self.probe(), self._probe_whole()
        if usual.head != whole.head:
            raise changed(whole.host)
        return _sized(whole, usual.size_bytes)

    def unexpected(self, error: TransferError, facts: ContentFacts) -> TransferError:
        """The error for unexpected content. After the end of the URL's validity, it is that the URL has expired."""
        end = self._validity.end
        return error if end is None or self._now() < end else expired_page(facts.host)

    def _may_be_cut(self, facts: ContentFacts) -> bool:
        # 200 with exactly as many bytes as were requested: some servers send a range without saying that it is one.
        as_requested = not facts.ranges and facts.size_bytes == PROBE_BYTES and facts.is_complete
        return as_requested and self._spec.expected_size_bytes != PROBE_BYTES

    def open_range(self, facts: ContentFacts, *, start: int, end: int) -> SourceResponse:
        """Bytes `start` to `end` (not included) of the pinned content. Raises TransferError, RangesLost and Stopped."""
        pin = facts.pin
        if pin is None:
            raise RangesLost
        try:
            response = self._open({"Range": f"bytes={start}-{end - 1}", **pin.conditions})
        except RangeRejected:
            raise RangesLost from None
        stated = content_range(response) if response.status == _PARTIAL else None
        same = pin.matches(etag=response.header("ETag"), last_modified=response.header("Last-Modified"))
        fits = stated is not None and (stated.start, stated.end, stated.size_bytes) == (start, end, facts.size_bytes)
        if same and fits and response.content_length is not None and _coded_as(facts, response):
            return response
        response.close()
        raise RangesLost

    def open_whole(self, facts: ContentFacts) -> SourceResponse:
        """A GET without Range. Raises TransferError (SourceChanged where size or coding differ) and Stopped."""
        response = self._open({})
        try:
            _check_whole(response)
            if facts.ends_visibly and facts.size_bytes is None and not _ends_visibly(response):
                raise TransferError(
                    Reason.SOURCE_PROTOCOL_ERROR,
                    f"{response.host} ends a response without a length by closing the connection, expected an end that "
                    "shows, as in its first response. Check the URL with its provider.",
                )
            same_size = (
                None in (facts.size_bytes, response.content_length) or facts.size_bytes == response.content_length
            )
            if not same_size or not _coded_as(facts, response):
                raise changed(response.host)
        except BaseException:
            response.close()
            raise
        return response

    def _probe_range(self) -> tuple[ContentFacts | None, int | None]:
        """The facts of a range or whole that can be used, and the size that a Content-Range states."""
        try:
            return self._request_range()
        except RangeRejected:
            return None, None
        except TransferError as error:
            self._broken_ranges += isinstance(error, ServerFailed) or Trait.BREAKS_RANGE in error.reason.traits
            raise

    def _request_range(self) -> tuple[ContentFacts | None, int | None]:
        response = self._open({"Range": f"bytes=0-{PROBE_BYTES - 1}"})
        with response:
            if response.status == _OK and not is_range(response):
                return _facts_of_whole(response), None
            claimed = stated_range(response)
            stated_bytes = None if claimed is None else claimed.size_bytes
            return self._facts_of_range(response), stated_bytes

    @staticmethod
    def _facts_of_range(response: SourceResponse) -> ContentFacts | None:
        stated = content_range(response)
        if response.status != _PARTIAL or stated is None or stated.size_bytes is None:
            return None
        if (stated.start, stated.end) != (0, min(PROBE_BYTES, stated.size_bytes)):
            return None
        head = _read_up_to(response, stated.end + 1)  # one more: a chunked body may be longer than it states
        if len(head) != stated.end:
            return None
        return _facts(response, head, size_bytes=stated.size_bytes, is_range=True)

    def _probe_whole(self) -> ContentFacts:
        with self._open({}) as response:
            if response.status == _RANGE_NOT_SATISFIABLE and is_empty(response):
                return _facts(response, b"", size_bytes=0, is_range=False)
            _check_whole(response)
            return _facts_of_whole(response)

    def _open(self, headers: Mapping[str, str]) -> SourceResponse:
        response = self._requested(headers)
        if response.status in (_OK, _PARTIAL):
            self._successes += 1
            return response
        try:
            if response.status in (_PRECONDITION_FAILED, _RANGE_NOT_SATISFIABLE):
                if "Range" in headers:
                    raise RangeRejected(response.host)
                if is_empty(response):
                    return response
            raise self._error_of(response, ranged="Range" in headers)
        except BaseException:
            response.close()
            raise

    def _requested(self, headers: Mapping[str, str]) -> SourceResponse:
        try:
            response = self._dialer.get(
                self._spec.url, user_headers=self._spec.headers, own_headers=headers, stop=self._stop
            )
        except EgressError as error:
            raise source_error(error) from None
        return SourceResponse(response, on_read=self._on_read)

    def _error_of(self, response: SourceResponse, *, ranged: bool) -> TransferError:
        error = error_of(response, validity=self._validity, now=self._now())
        if ranged and blames_range(response, error):
            return RangeRejected(response.host)
        if self._successes == 1 and Trait.ONE_USE_URL in error.reason.traits:
            error.message = f"{error.message} {_ONCE}"
        return error


def _sized(whole: ContentFacts, stated_bytes: int | None) -> ContentFacts:
    """The facts, with the size that a range stated. If two sizes contradict each other, neither is used."""
    if stated_bytes in (None, whole.size_bytes):
        return whole
    if whole.size_bytes is None:
        return replace(whole, size_bytes=stated_bytes)
    raise SizesDiffer(whole, stated_bytes)


def _facts_of_whole(response: SourceResponse) -> ContentFacts:
    size_bytes = response.content_length
    head = _read_up_to(response, PROBE_BYTES if size_bytes is None else min(PROBE_BYTES, size_bytes))
    if size_bytes is None and response.chunked and len(head) < PROBE_BYTES:
        size_bytes = len(head)
    return _facts(response, head, size_bytes=size_bytes, is_range=False)


def _facts(response: SourceResponse, head: bytes, *, size_bytes: int | None, is_range: bool) -> ContentFacts:
    stated = response.header("Content-Encoding")
    facts = ContentFacts(
        host=response.host,
        size_bytes=size_bytes,
        etag=response.header("ETag"),
        last_modified=response.header("Last-Modified"),
        date=response.header("Date"),
        ranges=False,
        ends_visibly=size_bytes is not None or response.chunked,
        content_type=response.header("Content-Type"),
        content_encoding=kept_codings(stated, head),
        stated_codings=stated_codings(stated),
        head=head,
    )
    is_fixed = response.content_length is not None and facts.pin is not None
    if facts.content_encoding and made_for_this_request(response.header("Vary"), is_range=is_range, is_fixed=is_fixed):
        raise TransferError(
            Reason.SOURCE_PROTOCOL_ERROR,
            f"{response.host} compressed the content for this response, expected it uncompressed. Ask its provider "
            "to honour Accept-Encoding: identity.",
        )
    # If the length of a range is not stated, it could end early or late, and nothing would show it.
    return replace(facts, ranges=is_range and is_fixed)


def _ends_visibly(response: SourceResponse) -> bool:
    return response.content_length is not None or response.chunked


def _coded_as(facts: ContentFacts, response: SourceResponse) -> bool:
    return stated_codings(response.header("Content-Encoding")) == facts.stated_codings


def _check_whole(response: SourceResponse) -> None:
    # With 200 a Content-Range has no meaning (RFC 9110 section 14.4); one that fits the body is used anyway.
    stated = content_range(response)
    if not stated.is_whole if stated is not None else response.status == _PARTIAL:
        raise TransferError(
            Reason.SOURCE_PROTOCOL_ERROR,
            f"{response.host} sent a part of the content, expected all of it. Check the URL with its provider.",
        )


def _read_up_to(response: SourceResponse, wanted: int) -> bytes:
    head = b""
    while len(head) < wanted:
        data = response.read(wanted - len(head))
        if not data:
            break
        head += data
    return head


def changed(host: str) -> TransferError:
    """The content is no longer what was read before."""
    return TransferError(
        Reason.SOURCE_CHANGED,
        f"{host} has other content now than when the upload began. Create the Recording when the file is final.",
    )
