"""Faults of the source, S41: Content-Encoding.

Bytes are stored as they arrive, and a real encoding is stored with the object.
"""

import gzip
import zlib

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.source.content_codings import kept_codings, made_for_this_request
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, MIB, Observed, an_object, check_stored, fails, pattern, run_transfer, sum_of

BODY = pattern(MIB + 12_345)
PACKED = gzip.compress(pattern(400 * KIB), mtime=0)
SMALL = gzip.compress(pattern(900, seed=2), mtime=0)


def stored_coding(strict: StrictStore) -> str | None:
    """The ContentEncoding of the one object."""
    return strict.bucket.versions[strict.keys()[0]][0].attributes.headers.get("content-encoding")


@pytest.mark.parametrize(
    "stated",
    ["aws-chunked", "AWS-Chunked", "UTF-8", "utf8", "base64", "none", "identity", "binary", "8bit", "", " ", ",",
     "null", "x-unknown", "aws-chunked,", "identity, aws-chunked", "application/octet-stream"],
)  # fmt: skip
@pytest.mark.parametrize("ranges", [True, False])
def test_s41_a_name_that_encodes_nothing_is_stored_as_it_comes(
    serve: Serve, strict: StrictStore, store: S3Store, stated: str, ranges: bool
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=ranges, headers={"Content-Encoding": stated})
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert stored_coding(strict) is None
    assert {request.headers["accept-encoding"] for request in source.served} == {"identity"}


@pytest.mark.parametrize(
    ("stated", "kept"),
    [("gzip", "gzip"), ("GZip", "gzip"), ("aws-chunked,gzip", "gzip"), ("gzip, aws-chunked", "gzip"),
     ("x-gzip", "x-gzip"), ("br, gzip", "br, gzip"), ("br", "br"), ("deflate", "deflate")],
)  # fmt: skip
@pytest.mark.parametrize("body", [PACKED, SMALL], ids=["an upload", "one request"])
@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(headers={}),
        Behaviour(ranges=False, headers={"ETag": None}),
        Behaviour(ranges=False, framing="chunked", headers={"ETag": None}),
        Behaviour(ranges=False, headers={"Vary": "Accept-Encoding"}),
    ],
    ids=["ranges", "bare", "chunked", "fixed though it varies"],
)
def test_s41_a_stored_coding_is_kept_on_the_object(
    serve: Serve, strict: StrictStore, store: S3Store, stated: str, kept: str, body: bytes, behaviour: Behaviour
) -> None:
    source = serve(body)
    told = {**behaviour.headers, "Content-Encoding": stated}
    source.behave = lambda _: Behaviour(ranges=behaviour.ranges, framing=behaviour.framing, headers=told)
    stored = run_transfer(source.url, store, checksum=sum_of("sha256", body), size=len(body))
    check_stored(stored, body, strict)
    assert stored_coding(strict) == kept


@pytest.mark.parametrize(
    ("inside", "kind", "content_type", "is_taken"),
    [
        (b"\0\0\0\x20ftypisom" + pattern(5 * KIB), "Video", "video/mp4", True),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "Transcript", "text/vtt", True),
        (b'{"words": []}', "Transcript", "application/json", True),
        (pattern(5 * KIB), "Other", "application/gzip", True),
        (b"<!doctype html><title>Sign in</title>", "Video", "video/mp4", False),
        (b'{"error": "no such file"}', "Transcript", "text/vtt", False),
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_s41_encoded_content_is_checked_after_decoding(
    serve: Serve, strict: StrictStore, store: S3Store, inside: bytes, kind: str, content_type: str, is_taken: bool,
    coding: str,
) -> None:  # fmt: skip
    body = gzip.compress(inside, mtime=0) if coding == "gzip" or kind == "Other" else zlib.compress(inside)
    source, obj = serve(body), an_object(kind=kind, content_type=content_type)
    source.behave = lambda _: Behaviour(headers={"Content-Encoding": coding})
    if is_taken:
        check_stored(run_transfer(source.url, store, obj=obj), body, strict, obj=obj)
    else:
        assert fails(lambda: run_transfer(source.url, store, obj=obj)).reason is Reason.UNEXPECTED_CONTENT


def test_s41_a_coding_that_the_bytes_do_not_have_is_not_kept(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(headers={"Content-Encoding": "gzip"})
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert stored_coding(strict) is None


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_s41_content_compressed_for_this_response_is_rejected(
    serve: Serve, strict: StrictStore, store: S3Store, framing: str, etag: str | None
) -> None:
    source = serve(PACKED)
    source.behave = lambda _: Behaviour(
        ranges=False,
        framing=framing,  # type: ignore[arg-type]
        headers={"Content-Encoding": "gzip", "Vary": "Origin, Accept-Encoding", "ETag": etag},
    )
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_PROTOCOL_ERROR
    assert "Accept-Encoding" in error.message
    assert strict.keys() == []


def test_s41_the_specs_checksum_is_that_of_the_stored_bytes(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(PACKED)
    source.behave = lambda _: Behaviour(headers={"Content-Encoding": "gzip"})
    unpacked = sum_of("sha256", gzip.decompress(PACKED))
    assert fails(lambda: run_transfer(source.url, store, checksum=unpacked)).reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == []


def test_s41_one_strong_etag_for_two_codings_is_a_contradiction(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    """Then it is not known to which of the two bodies the ETag belongs."""
    source = serve(BODY)
    other = Behaviour(ranges=False, body=pattern(len(BODY), seed=2), headers={"Content-Encoding": "gzip"})
    source.behave = lambda request: Behaviour(ranges=False) if request.number == 1 else other
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_CHANGED
    assert "ETag" in error.message
    assert strict.keys() == []


def test_s41_a_node_that_compresses_is_not_mixed_with_one_that_does_not(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(BODY), Observed()
    packed = zlib.compress(BODY)
    source.behave = lambda request: (
        Behaviour(body=packed, ranges=False, headers={"Content-Encoding": "deflate"})
        if request.number == 2
        else Behaviour()
    )
    check_stored(run_transfer(source.url, store, observed=observed), BODY, strict)
    assert stored_coding(strict) is None


@pytest.mark.parametrize(
    ("stated", "head", "kept"),
    [
        (None, b"x", None),
        ("zstd", b"\x28\xb5\x2f\xfdrest", "zstd"),
        ("zstd", b"plain", None),
        ("compress", b"\x1f\x9d", "compress"),
        ("gzip, br", b"anything", "gzip, br"),
        ("gzip", b"", None),
        ("gzip;q=1", b"\x1f\x8b", None),
    ],
)
def test_s41_which_codings_are_kept(stated: str | None, head: bytes, kept: str | None) -> None:
    assert kept_codings(stated, head) == kept


@pytest.mark.parametrize("vary", ["Accept-Encoding", "*", "accept-encoding , Origin", "Origin,ACCEPT-ENCODING"])
def test_s41_negotiated_content_is_known_by_vary(vary: str) -> None:
    assert made_for_this_request(vary, is_range=False, is_fixed=False)
    assert not made_for_this_request(vary, is_range=True, is_fixed=False)
    assert not made_for_this_request(vary, is_range=False, is_fixed=True)
    assert not made_for_this_request("X-Accept-Encoding", is_range=False, is_fixed=False)
    assert not made_for_this_request(None, is_range=False, is_fixed=False)
