"""What a source says about itself, and ranges of it that are proved to be of the same bytes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.dialer import Dialer, SourceResponse
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.job import SourceSpec, StopSignal
from recording_operator.transfer.source_status import refusal

# GET, never HEAD: a presigned URL is bound to its method and answers HEAD with 403. The first bytes are wanted anyway,
# to see what arrives; a small artifact is whole with them.
PROBE_BYTES: Final = 64 * 2**10
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.IGNORECASE)
_UNSATISFIED: Final = re.compile(r"bytes \*/(\d+)", re.IGNORECASE)
_STRONG_ETAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_USED_UP: Final = frozenset({Reason.SOURCE_FORBIDDEN, Reason.SOURCE_NOT_FOUND})
_ONCE: Final = (
    "It answered a moment ago: a URL that works only once cannot be used for more than 64 KiB, and after that it needs "
    "a fresh one."
)
_OK: Final = 200
_PARTIAL: Final = 206
_PRECONDITION_FAILED: Final = 412
_RANGE_NOT_SATISFIABLE: Final = 416


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The source as the probe saw it. `etag` and `last_modified` are its validators, verbatim.

    `size_bytes` is None where it states no length; `ends_visibly` is False where only the end of the connection ends
    it. `head` is how it begins, up to PROBE_BYTES. `conditional` is False where the source cannot judge If-Match.
    """

    host: str
    size_bytes: int | None
    etag: str | None
    last_modified: str | None
    ranges: bool
    ends_visibly: bool
    content_type: str | None
    head: bytes
    conditional: bool = True

    @property
    def strong_etag(self) -> str | None:
        """The ETag, if it promises the same bytes (RFC 9110 section 8.8.1)."""
        return self.etag if self.etag and _STRONG_ETAG.fullmatch(self.etag) else None

    @property
    def is_empty(self) -> bool:
        """Whether there is not one byte."""
        return self.size_bytes == 0 or (self.size_bytes is None and not self.head)

    @property
    def pinned(self) -> bool:
        """Whether a change of the content would show."""
        return self.strong_etag is not None or self.last_modified is not None

    def same_content(self, *, size_bytes: int | None, etag: str | None, last_modified: str | None) -> bool:
        """Whether what was seen earlier is this: no validator that both sides have differs, nor does the size."""
        if size_bytes != self.size_bytes:
            return False
        if etag is not None and self.etag is not None:
            return etag == self.etag
        return last_modified == self.last_modified


class RangesLost(Exception):  # noqa: N818 - an answer, no failure
    """The source answered a range with the whole, unchanged: it must be read from the start."""


class ConditionRefused(TransferError):  # noqa: N818 - a kind of answer
    """412: the content changed, or the source cannot judge If-Match."""


class Source:
    """One URL of one artifact. Each method makes one request; who calls decides about trying again."""

    def __init__(
        self,
        spec: SourceSpec,
        *,
        dialer: Dialer,
        stop: StopSignal,
        now: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self._spec = spec
        self._dialer = dialer
        self._stop = stop
        self._now = now
        self._answered = False

    def probe(self) -> SourceFacts:
        """Ask for the first bytes and read size, validators and whether ranges work. Raises TransferError, Stopped."""
        with self._open({"Range": f"bytes=0-{PROBE_BYTES - 1}"}) as response:
            if response.status == _RANGE_NOT_SATISFIABLE:
                _check_empty(response)
            size_bytes = _size_of(response)
            ranges = response.status == _PARTIAL
            self._answered = True
            wanted = PROBE_BYTES if size_bytes is None else min(PROBE_BYTES, size_bytes)
            return SourceFacts(
                host=response.host,
                size_bytes=size_bytes,
                etag=response.header("ETag"),
                last_modified=response.header("Last-Modified"),
                ranges=ranges and size_bytes is not None,
                ends_visibly=response.content_length is not None or response.chunked,
                content_type=response.header("Content-Type"),
                head=_read_up_to(response, wanted),
            )

    def open_range(self, facts: SourceFacts, *, start: int, end: int) -> SourceResponse:
        """Bytes `start` to `end` (not included) of the probed content.

        Raises TransferError (SourceChanged where it is other content now), RangesLost and Stopped.
        """
        response = self._open({"Range": f"bytes={start}-{end - 1}", **_conditions(facts)})
        try:
            _check_range(response, facts, start=start, end=end)
        except BaseException:
            response.close()
            raise
        return response

    def open_whole(self, facts: SourceFacts) -> SourceResponse:
        """The probed content from its first byte. Raises TransferError (SourceChanged) and Stopped."""
        response = self._open({})
        try:
            if response.status != _OK:
                raise _bad_answer(response)
            _check_whole(response, facts)
        except BaseException:
            response.close()
            raise
        return response

    def _open(self, headers: Mapping[str, str]) -> SourceResponse:
        response = self._dialer.open(
            self._spec.url, user_headers=self._spec.headers, own_headers=headers, stop=self._stop
        )
        try:
            if response.status not in (_OK, _PARTIAL, _RANGE_NOT_SATISFIABLE, _PRECONDITION_FAILED):
                raise self._refused(response)
            encoding = response.header("Content-Encoding") or "identity"
            if encoding.strip().lower() != "identity":
                raise TransferError(
                    Reason.SOURCE_PROTOCOL_ERROR,
                    f"{response.host} sends the content compressed though it was asked not to; its bytes would differ.",
                )
        except BaseException:
            response.close()
            raise
        return response

    def _refused(self, response: SourceResponse) -> TransferError:
        error = refusal(response, expires_at=self._spec.expires_at, now=self._now())
        if self._answered and error.reason in _USED_UP:
            return TransferError(error.reason, f"{error.message} {_ONCE}")
        return error


def _conditions(facts: SourceFacts) -> Mapping[str, str]:
    if not facts.conditional:
        return {}
    if facts.strong_etag is not None:
        return {"If-Match": facts.strong_etag}
    return {} if facts.last_modified is None else {"If-Range": facts.last_modified}


def _check_range(response: SourceResponse, facts: SourceFacts, *, start: int, end: int) -> None:
    if response.status == _PRECONDITION_FAILED:
        error = changed(response.host)
        raise ConditionRefused(error.reason, error.message)
    if response.status == _RANGE_NOT_SATISFIABLE:
        raise changed(response.host)
    if response.status == _OK:
        _check_whole(response, facts)
        raise RangesLost
    found = _CONTENT_RANGE.fullmatch((response.header("Content-Range") or "").strip())
    if found is None:
        raise _bad_answer(response)
    total = None if found[3] == "*" else int(found[3])
    _check_same(response, facts, size_bytes=total)
    if (int(found[1]), int(found[2])) != (start, end - 1) or response.content_length not in (None, end - start):
        raise TransferError(
            Reason.SOURCE_PROTOCOL_ERROR, f"{response.host} answered with another range than it was asked for."
        )


def _check_whole(response: SourceResponse, facts: SourceFacts) -> None:
    _check_same(response, facts, size_bytes=response.content_length)
    # A login page in place of the content differs in nothing that it states if it states nothing.
    alike = (
        (facts.etag, response.header("ETag")),
        (facts.last_modified, response.header("Last-Modified")),
        (facts.size_bytes, response.content_length),
    )
    if facts.pinned and not any(known is not None and known == seen for known, seen in alike):
        raise changed(response.host)


def _check_same(response: SourceResponse, facts: SourceFacts, *, size_bytes: int | None) -> None:
    etag, modified = response.header("ETag"), response.header("Last-Modified")
    for seen, pinned in ((etag, facts.etag), (size_bytes, facts.size_bytes)):
        if seen is not None and pinned is not None and seen != pinned:
            raise changed(response.host)
    # Servers behind one name may disagree about the time of the same content, as long as the ETag says it is the same.
    same_by_etag = etag is not None and etag == facts.strong_etag
    if not same_by_etag and modified is not None and facts.last_modified not in (None, modified):
        raise changed(response.host)


def _size_of(response: SourceResponse) -> int | None:
    if response.status == _RANGE_NOT_SATISFIABLE:
        return 0
    if response.status == _OK:
        return response.content_length
    found = _CONTENT_RANGE.fullmatch((response.header("Content-Range") or "").strip())
    if response.status != _PARTIAL or found is None or int(found[1]) != 0:
        raise _bad_answer(response)
    if found[3] == "*":
        return None
    total, last = int(found[3]), int(found[2])
    if last != min(PROBE_BYTES, total) - 1:
        raise _bad_answer(response)
    return total


def _read_up_to(response: SourceResponse, wanted: int) -> bytes:
    head = b""
    while len(head) < wanted:
        data = response.read(wanted - len(head))
        if not data:
            break
        head += data
    return head


def _check_empty(response: SourceResponse) -> None:
    # No byte of nothing can be sent: that is how empty content answers a range (RFC 9110 section 14.4).
    found = _UNSATISFIED.fullmatch((response.header("Content-Range") or "").strip())
    if found is not None and int(found[1]) > 0:
        raise _bad_answer(response)


def changed(host: str) -> TransferError:
    """Not the content any more that the probe saw."""
    return TransferError(Reason.SOURCE_CHANGED, f"{host} has other content now than when the upload began.")


def _bad_answer(response: SourceResponse) -> TransferError:
    return TransferError(
        Reason.SOURCE_PROTOCOL_ERROR,
        f"{response.host} answered a range request with status {response.status} and no fitting Content-Range.",
    )
