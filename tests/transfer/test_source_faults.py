"""Faults of the source, S1 to S31: what comes out, that no byte is wrong and nothing is left behind."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.stores.s3 import S3Store
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource, SourceRequest
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    Observed,
    an_object,
    check_stored,
    fast_options,
    loopback_policy,
    pattern,
    run_transfer,
)

Serve = Callable[[bytes], LyingSource]
BODY = pattern(2 * MIB + 12_345)
PART = 256 * KIB
XML_EXPIRED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def fails(run: Callable[[], object]) -> TransferError:
    """The error that `run` ends with; it shows no secret."""
    with pytest.raises(TransferError) as caught:
        run()
    assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.message}"
    assert caught.value.__cause__ is None
    return caught.value


def nth(number: int, behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """The truth but for one request."""
    return lambda request: behaviour if request.number == number else Behaviour()


def after_probe(behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """The truth for the probe only."""
    return lambda request: Behaviour() if request.number == 1 else behaviour


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut_after", [0, 1, 100_000, PART, PART + 17])
def test_s1_cut_in_mid_body_goes_on_at_the_cut(
    serve: Serve, strict: StrictStore, store: S3Store, cut_after: int, reset: bool
) -> None:
    source = serve(BODY)
    source.behave = nth(2, Behaviour(cut_after=cut_after, reset=reset))
    stored = run_transfer(source.url, store, options=fast_options(workers=1))
    check_stored(stored, BODY, strict)
    # A reset also takes back what was on its way.
    again = PART + (cut_after if reset else 0)
    assert source.bytes_sent <= len(BODY) + 64 * KIB + again, "more than one part was read again"


@pytest.mark.parametrize("end", [Behaviour(cut_after=100_000), Behaviour(hold_after=100_000)], ids=["cut", "stall"])
def test_s1_every_connection_ends_early_but_each_brings_something(
    serve: Serve, strict: StrictStore, store: S3Store, end: Behaviour
) -> None:
    body = BODY[:MIB]
    source = serve(body)
    source.behave = after_probe(end)
    policy = loopback_policy(timeouts={"read": "200ms"})
    stored = run_transfer(source.url, store, options=fast_options(workers=2), policy=policy)
    check_stored(stored, body, strict)


def test_s2_cut_at_the_same_byte_ends_as_source_truncated(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    limit = len(BODY) - 1000

    def behave(request: SourceRequest) -> Behaviour:
        first = request.first_byte or 0
        return Behaviour(cut_after=max(0, limit - first) if (request.last_byte or 0) >= limit else None)

    source.behave = behave
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_TRUNCATED
    assert strict.keys() == []


def test_s3_bytes_beyond_the_stated_length_are_ignored(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(extra=b"more than was said", headers={"Connection": "close"})
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("ranges", [True, False])
def test_s4_other_size_than_in_the_spec_fails_before_an_upload_is_created(
    serve: Serve, strict: StrictStore, store: S3Store, ranges: bool
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=ranges)
    error = fails(lambda: run_transfer(source.url, store, size=len(BODY) + 1))
    assert error.reason is Reason.SIZE_MISMATCH
    assert strict.count("CreateMultipartUpload") == 0


@pytest.mark.parametrize("size", [1, 1000, PART - 1, PART, PART + 1, 5 * PART, len(BODY)])
def test_s5_chunked_of_unknown_length_is_stored_whole(
    serve: Serve, strict: StrictStore, store: S3Store, size: int
) -> None:
    source = serve(BODY[:size])
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    check_stored(run_transfer(source.url, store), BODY[:size], strict)


def test_s5_unknown_length_must_still_be_the_size_of_the_spec(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    error = fails(lambda: run_transfer(source.url, store, size=len(BODY) + 1))
    assert error.reason is Reason.SIZE_MISMATCH
    assert strict.keys() == []
    assert strict.open_uploads() == []


def test_s6_chunked_without_its_end_is_asked_for_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        ranges=False, framing="chunked without end" if request.number == 2 else "chunked"
    )
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert strict.count("UploadPart") == -(-len(BODY) // PART), "a stored part was sent again"


def test_s7_length_shown_by_the_end_of_the_connection_is_refused(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="close")
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.INTEGRITY_UNVERIFIABLE
    assert strict.count("CreateMultipartUpload") == 0


def test_s7_length_shown_by_the_end_of_the_connection_is_proved_by_the_size_in_the_spec(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="close")
    check_stored(run_transfer(source.url, store, size=len(BODY)), BODY, strict)
    source.behave = lambda _: Behaviour(ranges=False, framing="close", cut_after=len(BODY) - 5000)
    obj = an_object(key="other/video.mp4")
    assert fails(lambda: run_transfer(source.url, store, size=len(BODY), obj=obj)).reason is Reason.SIZE_MISMATCH
    assert strict.keys() == [an_object().key]
    assert strict.open_uploads() == []


def test_s8_no_ranges_and_a_cut_reads_from_the_start_and_sends_no_part_twice(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        ranges=False, cut_after=5 * PART + 99 if request.number in (2, 3) else None
    )
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert strict.count("UploadPart") == -(-len(BODY) // PART)


def test_s8_content_that_changed_without_a_validator_is_found_by_its_first_parts(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    other = Content(body=pattern(len(BODY), seed=2), etag=None)

    def behave(request: SourceRequest) -> Behaviour:
        first = Content(body=BODY, etag=None)
        cut = 5 * PART if request.number == 2 else None
        return Behaviour(ranges=False, content=first if request.number <= 2 else other, cut_after=cut)

    source.behave = behave
    # It changed once, so the new content is taken whole.
    check_stored(run_transfer(source.url, store), other.body, strict)


def test_s9_range_ignored_in_mid_transfer_is_never_appended(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(ranges=request.number <= 3)
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s9_a_wrong_range_with_206_is_refused(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)

    def behave(request: SourceRequest) -> Behaviour:
        if request.number != 2:
            return Behaviour()
        first = request.first_byte or 0
        return Behaviour(headers={"Content-Range": f"bytes {first + 1}-{first + 10}/{len(BODY)}"})

    source.behave = behave
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("validator", ["etag", "last_modified"])
@pytest.mark.parametrize("conditions", [True, False], ids=["judged by the source", "ignored by the source"])
def test_s11_content_that_changes_once_is_taken_anew_from_byte_0(
    serve: Serve, strict: StrictStore, store: S3Store, validator: str, conditions: bool
) -> None:
    def version(number: int) -> Content:
        stamp = (
            {"etag": f'"v{number}"'}
            if validator == "etag"
            else {"last_modified": f"Mon, 0{number} Jun 2026 00:00:00 GMT"}
        )
        return Content(body=pattern(len(BODY), seed=number), **{"etag": None, **stamp})  # type: ignore[arg-type]

    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=version(1 if request.number <= 3 else 2),
        conditions=conditions,
        cut_after=PART + 5 if request.number in (2, 3) else None,
    )
    observed = Observed()
    stored = run_transfer(source.url, store, observed=observed, options=fast_options(workers=2))
    check_stored(stored, version(2).body, strict)
    assert len(observed.states) == 2, "the new upload was not reported"


def test_s11_content_that_changes_twice_fails(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=Content(body=pattern(len(BODY), seed=request.number // 2), etag=f'"{request.number // 2}"')
    )
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_CHANGED
    assert strict.keys() == []


def test_s11_a_source_that_refuses_its_own_etag_has_not_changed(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(status=412, body=b"") if "if-match" in request.headers else Behaviour()
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("status", [404, 410])
def test_s18_not_found(serve: Serve, strict: StrictStore, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"no")
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_NOT_FOUND
    assert len(source.served) == (3 if status == 404 else 1)
    assert strict.count("CreateMultipartUpload") == 0


def test_s18_published_a_moment_late(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=404, body=b"not yet"))
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("status", [401, 403])
def test_s19_forbidden_is_not_expired(serve: Serve, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"<Error><Code>AccessDenied</Code></Error>")
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=later)).reason is Reason.SOURCE_FORBIDDEN
    assert len(source.served) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, XML_EXPIRED), (400, b"<Error><Code>ExpiredToken</Code></Error>"), (401, b'{"error": "token has expired"}')],
)
def test_s20_the_source_says_that_the_url_has_expired(serve: Serve, store: S3Store, status: int, body: bytes) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=body)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


def test_s20_forbidden_after_the_stated_expiry_is_expired(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=403, body=b"no")
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=past)).reason is Reason.SOURCE_EXPIRED


def test_s20_past_its_stated_expiry_but_answering_is_stored(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    past = datetime.now(tz=UTC) - timedelta(days=1)
    check_stored(run_transfer(source.url, store, expires_at=past), BODY, strict)


def test_s20_a_fresh_url_goes_on_at_the_same_part(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: (
        Behaviour(status=403, body=XML_EXPIRED) if request.number > 2 else Behaviour(cut_after=5 * PART + 10)
    )
    observed = Observed()
    error = fails(lambda: run_transfer(source.url, store, observed=observed, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_EXPIRED
    assert error.bytes_done == 5 * PART
    assert strict.open_uploads() == [an_object().key], "progress is kept"
    fresh = serve(BODY)
    stored = run_transfer(fresh.url, store, observed=observed, resume=observed.states[-1])
    check_stored(stored, BODY, strict)
    assert strict.count("CreateMultipartUpload") == 1
    assert fresh.bytes_sent <= len(BODY) - 5 * PART + 64 * KIB, "stored parts were read again"


def test_s21_running_gets_end_when_the_url_expires(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    # The probe and two segments are let in; whoever opens a third connection finds the URL expired.
    source.behave = lambda request: (
        Behaviour(status=403, body=XML_EXPIRED) if request.number > 3 else Behaviour(pause_s=0.01)
    )
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=4)))
    assert error.reason is Reason.SOURCE_EXPIRED
    sent = [request.sent_bytes for request in source.served[1:3]]
    wanted = [(request.last_byte or 0) + 1 - (request.first_byte or 0) for request in source.served[1:3]]
    assert sent == wanted, "an open GET was thrown away"
    assert len(source.served) == 1 + 4, "a connection was opened after the URL had expired"
    upload = next(iter(strict.bucket.uploads.values()))
    assert sum(len(part.body) for part in upload.parts.values()) == error.bytes_done == sum(wanted)


def test_s23_retry_after_in_seconds_is_honoured(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=429, headers={"Retry-After": "1"}, body=b""))
    begun = time.monotonic()
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("value", ["garbage", "-5", "1e99", "Mon, 01 Jan 1990 00:00:00 GMT", "٣"])
def test_s23_retry_after_that_means_nothing_is_ignored(
    serve: Serve, strict: StrictStore, store: S3Store, value: str
) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=429, headers={"Retry-After": value.encode().decode("latin-1")}, body=b""))
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s23_retry_after_as_a_date_is_honoured(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    until = datetime.now(tz=UTC) + timedelta(seconds=300)
    source.behave = lambda _: Behaviour(
        status=503, headers={"Retry-After": format_datetime(until, usegmt=True)}, body=b""
    )
    error = fails(lambda: run_transfer(source.url, store))
    assert 290 < (error.retry_after_s or 0) <= 300


def test_s23_a_long_retry_after_goes_back_to_the_engine(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=503, headers={"Retry-After": "120"}, body=b"")
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert error.retry_after_s == 120
    assert len(source.served) == 1, "hot loop"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_s24_away_for_a_while(serve: Serve, strict: StrictStore, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(status=status, body=b"") if request.number in (1, 3, 5) else Behaviour()
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s24_away_for_long_ends_the_attempt_and_keeps_the_upload(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = after_probe(Behaviour(status=503, body=b""))
    observed = Observed()
    error = fails(lambda: run_transfer(source.url, store, observed=observed, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert len(source.served) == 1 + 5, "tries without progress"
    source.behave = lambda _: Behaviour()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<!DOCTYPE html><html><title>Sign in</title>", "text/html; charset=utf-8"),
        (b"\xef\xbb\xbf \n<html>", "video/mp4"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "application/xml"),
        (b'{"error": "login required"}', "application/json"),
        (b"anything", "text/html"),
    ],
)
def test_s26_a_login_or_error_page_is_no_video(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes, content_type: str
) -> None:
    source = serve(b"")
    source.content = Content(body=body, content_type=content_type)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.UNEXPECTED_CONTENT
    assert strict.count("PutObject") == strict.count("CreateMultipartUpload") == 0


@pytest.mark.parametrize(
    ("body", "kind", "content_type"),
    [
        (b'{"words": []}', "Transcript", "application/json"),
        (b"<?xml version='1.0'?><tt/>", "Transcript", "application/ttml+xml"),
        (b"<html>notes</html>", "Summary", "text/html"),
    ],
)
def test_s26_text_that_is_declared_as_text_is_stored(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes, kind: str, content_type: str
) -> None:
    source = serve(b"")
    source.content = Content(body=body, content_type=content_type)
    obj = an_object(kind=kind, content_type=content_type)
    check_stored(run_transfer(source.url, store, obj=obj), body, strict, obj=obj)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(), Behaviour(ranges=False), Behaviour(ranges=False, framing="chunked")]
)
def test_s27_no_bytes_at_all(serve: Serve, strict: StrictStore, store: S3Store, behaviour: Behaviour) -> None:
    source = serve(b"")
    source.behave = lambda _: behaviour
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EMPTY
    assert strict.keys() == []


def test_s28_too_large_by_its_own_word_moves_no_byte(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    error = fails(lambda: run_transfer(source.url, store, obj=an_object(max_size_bytes=len(BODY) - 1)))
    assert error.reason is Reason.SOURCE_TOO_LARGE
    assert strict.count("CreateMultipartUpload") == 0


def test_s28_too_large_in_the_end_is_aborted_on_passing(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    policy = loopback_policy(limits={"artifactBytes": "1MiB"})
    assert fails(lambda: run_transfer(source.url, store, policy=policy)).reason is Reason.SOURCE_TOO_LARGE
    assert strict.open_uploads() == []
    assert strict.keys() == []


def test_s30_only_get_is_used(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert {request.method for request in source.served} == {"GET"}


def test_content_that_is_compressed_against_our_word_is_refused(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(headers={"Content-Encoding": "gzip"})
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_PROTOCOL_ERROR
    assert {request.headers["accept-encoding"] for request in source.served} == {"identity"}
