"""Faults of the source, S26 to S32: content that is missing, too large, or not of the declared type."""

import gzip
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.usage.owners import OwnerLookup
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Content, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    after_probe,
    an_object,
    check_stored,
    fails,
    loopback_policy,
    pattern,
    run_transfer,
    store_of,
    sum_of,
)

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
        (b"  \r\n\t<HTML lang=en>", "video/mp4"),
        (b"<!-- saved from url -->\n<!-- twice --><html>", "video/mp4"),
        (b"<script>location='/login'</script>", "application/octet-stream"),
        ("\ufeff<!DOCTYPE html>".encode("utf-16-le"), "video/mp4"),
        ("\ufeff<!DOCTYPE html>".encode("utf-16-be"), "video/mp4"),
        ("<html><head>".encode("utf-16-le"), "video/mp4"),
        (gzip.compress(b"<!doctype html><title>Sign in</title>" + b" " * 5000, mtime=0), "video/mp4"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<Error><Code>NoSuchKey</Code></Error>", "video/mp4"),
        (b"<Error><Code>AccessDenied</Code></Error>", "binary/octet-stream"),
        ("\ufeff<?xml version='1.0' encoding='utf-16'?><Error>".encode("utf-16-le"), "video/mp4"),
    ],
)
def test_s26_a_login_or_error_page_is_not_a_video(
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
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nwe write <html> and <error> today", "Transcript", "text/vtt"),
        (b'{"text": "<!doctype html><error>"}', "Transcript", "application/json"),
        (b"\xef\xbb\xbf1\n00:00:01,000 --> 00:00:02,000\n<i>html</i>", "Transcript", "application/x-subrip"),
        (b"<!-- generated -->\n# Notes\nwe talked about <html>", "Summary", "text/markdown"),
        (b"<title-case> is no page", "Summary", "text/plain"),
        (b"html5 meeting: <html> came up", "Transcript", "text/plain"),
        (b"<?xml version='1.0'?><tt><p>an <error> was named</p></tt>", "Transcript", "application/ttml+xml"),
        (gzip.compress(b"<html>archive of the chat</html>", mtime=0), "Other", "application/gzip"),
        ("plain words in UTF-16".encode("utf-16"), "Transcript", "text/plain; charset=utf-16"),
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


def test_s28_too_large_by_its_stated_size_transfers_no_byte(serve: Serve, strict: StrictStore, store: S3Store) -> None:
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


@pytest.mark.parametrize(
    ("body", "kind", "declared"),
    [
        (b"WEBVTT\n\nhello", "Transcript", "text/vtt"),
        (b"\0\0\0\x20ftypisom" + b"\0" * 100, "Video", "video/mp4"),
        (b"\x1aE\xdf\xa3" + b"\0" * 100, "Video", "video/webm"),
        (b'{"words": []}', "Transcript", "application/json"),
    ],
)
def test_s26_the_content_type_of_a_server_that_calls_everything_html_is_ignored(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes, kind: str, declared: str
) -> None:
    source = serve(b"")
    source.content = Content(body=body, content_type="text/html; charset=utf-8")
    obj = an_object(kind=kind, content_type=declared)
    check_stored(run_transfer(source.url, store, obj=obj), body, strict, obj=obj)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(), Behaviour(ranges=False), Behaviour(ranges=False, framing="chunked")]
)
@pytest.mark.parametrize("checksum", [None, sum_of("sha256", b"")])
def test_s27_an_empty_object_is_stored_if_the_spec_states_size_0(
    serve: Serve, strict: StrictStore, store: S3Store, behaviour: Behaviour, checksum: str | None
) -> None:
    source = serve(b"")
    source.behave = lambda _: behaviour
    check_stored(run_transfer(source.url, store, size=0, checksum=checksum), b"", strict)
    obj = an_object(key="other/video.mp4")
    wrong = sum_of("sha256", b"x")
    error = fails(lambda: run_transfer(source.url, store, size=0, checksum=wrong, obj=obj))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == [an_object().key]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_s32_a_url_that_works_once_gives_its_first_64_kib(
    serve: Serve, strict: StrictStore, store: S3Store, status: int
) -> None:
    source = serve(BODY[: 64 * KIB])
    source.behave = after_probe(Behaviour(status=status, body=b"used"))
    check_stored(run_transfer(source.url, store), BODY[: 64 * KIB], strict)
    larger = serve(BODY)
    larger.behave = after_probe(Behaviour(status=status, body=b"used"))
    error = fails(lambda: run_transfer(larger.url, store, obj=an_object(key="other/video.mp4")))
    assert error.reason is (Reason.SOURCE_FORBIDDEN if status == 403 else Reason.SOURCE_NOT_FOUND)
    assert "works only once" in error.message


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("Text/Plain ;CHARSET=windows-1251", "text/plain; charset=windows-1251"),
        ('text/csv; header=present; charset="utf-8"', 'text/csv; header=present; charset="utf-8"'),
        ("application/json;charset=UTF-8", "application/json; charset=UTF-8"),
        ("text/vtt;", "text/vtt"),
        ("text/plain; charset", "text/plain"),
        ('text/plain; charset="utf-8', "text/plain"),
        ("text/plain; charset=utf-8; broken", "text/plain; charset=utf-8"),
        ("text/plain; x=" + "y" * 200, "text/plain"),
        ("application/pdf; charset=utf-8", "application/pdf"),
        ("text/plain; a=b\x85X-Y: z", "text/plain; a=b"),
        ("no type", "application/octet-stream"),
    ],
)
def test_an_object_keeps_the_charset_that_its_source_states(
    serve: Serve, strict: StrictStore, store: S3Store, stated: str, kept: str
) -> None:
    body = b"%PDF-1.4\n" if "pdf" in stated else b"plain words"
    source = serve(b"")
    source.content = Content(body=body, content_type=stated)
    obj = an_object(kind="Transcript", content_type="")
    check_stored(run_transfer(source.url, store, obj=obj), body, strict, obj=an_object(content_type=kept))


def test_a_declared_charset_is_kept(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    body = "Добрый день".encode("cp1251")
    source = serve(b"")
    source.content = Content(body=body, content_type="text/plain")
    obj = an_object(kind="Transcript", content_type="text/plain; charset=windows-1251")
    check_stored(run_transfer(source.url, store, obj=obj), body, strict, obj=obj)


@pytest.mark.parametrize("org", ["jo@example.com", "山田 太郎", "=cmd|x"])
def test_an_owner_of_any_name_is_written_into_the_metadata_and_read_back(
    serve: Serve, strict: StrictStore, store: S3Store, org: str
) -> None:
    run_transfer(serve(BODY).url, store, obj=an_object(org=org))
    [version] = strict.bucket.versions[an_object().key]
    assert version.attributes.metadata["recording-org"].isascii()
    assert OwnerLookup(store).org(an_object().key, "uid-1") == org


@pytest.mark.parametrize("raw", ['=cmd|"/C calc"', "jo@example.com", "=6A", "(unknown)", "=0A"])
def test_an_owner_that_the_operator_has_not_written_is_ignored(
    serve: Serve, strict: StrictStore, store: S3Store, raw: str
) -> None:
    run_transfer(serve(BODY).url, store, obj=an_object(org="acme"))
    [version] = strict.bucket.versions[an_object().key]
    forged = {**version.attributes.metadata, "recording-org": raw}
    strict.bucket.versions[an_object().key] = [
        replace(version, attributes=replace(version.attributes, metadata=forged))
    ]
    assert OwnerLookup(store).org(an_object().key, "uid-1") is None


@pytest.mark.parametrize(
    ("bucket", "path", "folder"), [("My_Bucket..v1", "", ""), ("b_1", "/minio", "b_1/"), ("b", "/a/s3/", "s3/b/")]
)
def test_a_store_behind_a_path_and_a_bucket_that_aws_forbids(
    serve: Serve, strict: StrictStore, bucket: str, path: str, folder: str
) -> None:
    """The path is the bucket of the strict store, which checks the signature of what it is sent."""
    before = strict.bucket_name
    strict.bucket_name = path.strip("/").split("/")[0] or bucket
    try:
        store = store_of(strict, bucket=bucket, endpoint=strict.endpoint + path, path_style=False)
        stored = run_transfer(serve(BODY).url, store)
        store.close()
    finally:
        strict.bucket_name = before
    assert strict.keys() == [folder + an_object().key]
    assert stored.uri == f"s3://{bucket}/{an_object().key}"
