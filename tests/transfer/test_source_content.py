"""Faults of the source, S26 to S30: content that is none, too large, or another than declared."""

from collections.abc import Callable

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.transfer.stores.s3 import S3Store
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    an_object,
    check_stored,
    fails,
    loopback_policy,
    pattern,
    run_transfer,
)

Serve = Callable[[bytes], LyingSource]
BODY = pattern(2 * MIB + 12_345)
PART = 256 * KIB
XML_EXPIRED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


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
