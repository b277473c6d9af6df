"""Faults of the source, S1 to S9: bodies that are truncated, too long, of unknown length, without ranges."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Content, Serve, SourceRequest
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    after_probe,
    an_object,
    check_stored,
    fails,
    fast_options,
    loopback_policy,
    nth,
    pattern,
    run_transfer,
)

BODY = pattern(2 * MIB + 12_345)
PART = 256 * KIB
XML_EXPIRED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut_after", [0, 1, 100_000, PART, PART + 17])
def test_s1_a_cut_within_the_body_continues_at_the_cut(
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
    obj = an_object(kind="Other", content_type="application/x-any")  # no video is so short
    check_stored(run_transfer(source.url, store, obj=obj), BODY[:size], strict, obj=obj)


def test_s5_unknown_length_must_still_be_the_size_of_the_spec(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    error = fails(lambda: run_transfer(source.url, store, size=len(BODY) + 1))
    assert error.reason is Reason.SIZE_MISMATCH
    assert strict.keys() == []
    assert strict.open_uploads() == []


def test_s6_chunked_without_its_end_is_requested_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        ranges=False, framing="chunked without end" if request.number == 2 else "chunked"
    )
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert strict.count("UploadPart") == -(-len(BODY) // PART), "a stored part was sent again"


def test_s7_length_shown_by_the_end_of_the_connection_is_rejected(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="close")
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.INTEGRITY_UNVERIFIABLE
    assert strict.count("CreateMultipartUpload") == 0


def test_s7_a_later_response_that_only_the_end_of_the_connection_ends_is_not_taken_for_whole(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    cut = Behaviour(ranges=False, framing="close", cut_after=len(BODY) - 5000)
    source.behave = lambda request: cut if request.number == 2 else Behaviour(ranges=False, framing="chunked")
    check_stored(run_transfer(source.url, store), BODY, strict)
    strict.reset(Bucket(least_part_bytes=64 * KIB))
    source.served.clear()
    source.behave = lambda request: cut if request.number > 1 else Behaviour(ranges=False, framing="chunked")
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_PROTOCOL_ERROR
    assert "without a length" in error.message
    assert strict.keys() == []


def test_s7_length_shown_by_the_end_of_the_connection_is_verified_by_the_size_in_the_spec(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing="close")
    check_stored(run_transfer(source.url, store, size=len(BODY)), BODY, strict)


def test_s7_after_a_cut_before_the_size_in_the_spec_the_rest_is_requested(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    cut = len(BODY) - 5000
    source.behave = lambda request: Behaviour(
        ranges=False, framing="close", cut_after=cut if request.number == 2 else None
    )
    check_stored(run_transfer(source.url, store, size=len(BODY)), BODY, strict)
    assert strict.count("UploadPart") == -(-len(BODY) // PART), "a stored part was sent again"
    source.behave = lambda _: Behaviour(ranges=False, framing="close", cut_after=cut)
    obj = an_object(key="other/video.mp4")
    assert fails(lambda: run_transfer(source.url, store, size=len(BODY), obj=obj)).reason is Reason.SOURCE_TRUNCATED
    assert strict.keys() == [an_object().key]


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


def test_s9_a_wrong_range_with_206_is_rejected(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)

    def behave(request: SourceRequest) -> Behaviour:
        if request.number != 2:
            return Behaviour()
        first = request.first_byte or 0
        return Behaviour(headers={"Content-Range": f"bytes {first + 1}-{first + 10}/{len(BODY)}"})

    source.behave = behave
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [100, PART + 100, len(BODY) + 100])
@pytest.mark.parametrize("etag", [None, '"v1"'], ids=["bare", "with the same ETag"])
def test_s9_a_page_in_place_of_a_range_never_becomes_the_object(
    serve: Serve, strict: StrictStore, store: S3Store, framing: str, size: int, etag: str | None
) -> None:
    source = serve(BODY)
    page = (b"<!doctype html><title>Sign in</title>" + b" " * size)[:size]
    source.behave = after_probe(
        Behaviour(ranges=False, body=page, framing=framing, headers={"ETag": etag, "Content-Type": "text/html"})  # type: ignore[arg-type]
    )
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason in {
        Reason.SOURCE_CHANGED,
        Reason.SOURCE_TRUNCATED,
        Reason.UNEXPECTED_CONTENT,
        Reason.INTEGRITY_UNVERIFIABLE,
    }
    assert strict.keys() == []
    source.behave = nth(2, source.behave(source.served[1]))
    source.served.clear()
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("ranges", [True, False])
def test_s17_a_source_that_brings_a_little_each_time_is_given_up(
    serve: Serve, strict: StrictStore, store: S3Store, ranges: bool
) -> None:
    source = serve(BODY)

    def tries() -> int:
        # A probe that meets a busy moment is made again.
        return sum(seen.last_byte != 64 * KIB - 1 for seen in source.served)

    def behave(request: SourceRequest) -> Behaviour:
        if request.last_byte == 64 * KIB - 1:
            return Behaviour(ranges=ranges)
        # Each GET brings more than the one before, never a whole part, and then stands still.
        return Behaviour(ranges=ranges, hold_after=20_000 * (1 if ranges else tries() + 1))

    source.behave = behave
    policy = loopback_policy(timeouts={"read": "200ms"})
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1), policy=policy))
    assert error.reason is Reason.SOURCE_TOO_SLOW
    assert tries() == 5, "it holds its slot"
    assert strict.keys() == []


def test_s9_other_content_of_the_same_length_that_states_nothing(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    other = pattern(len(BODY), seed=2)
    bare = Behaviour(ranges=False, body=other, framing="chunked", headers={"ETag": None})
    source.behave = lambda request: Behaviour() if request.last_byte == 64 * KIB - 1 else bare
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_CHANGED
    assert strict.keys() == []
