"""`limits.contentTypes` of a location: what may be stored there, by what is declared and by what is found."""

from collections.abc import Callable

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.content.allowed_types import check_allowed, check_declared
from recording_operator.transfer.content.check import check_content
from recording_operator.transfer.content.found_types import FoundTypes
from tests.support.lying_source import Behaviour, Content, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, an_object, fails, pattern, run_transfer, store_text
from tests.transfer.contents import facts

MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + pattern(4 * KIB)
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01" + pattern(4 * KIB)
FLAC = b"fLaC\0\0\0\x22" + pattern(4 * KIB)
PDF = b"%PDF-1.7\n" + pattern(4 * KIB)
PNG = b"\x89PNG\r\n\x1a\n" + pattern(4 * KIB)
ZIP = b"PK\x03\x04" + pattern(4 * KIB)
JSON = b'{"speakers": [{"name": "A"}]}'
TEXT = b"Minutes of the meeting.\n" * 100
RAW = b"\xff\x7f" + pattern(4 * KIB)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
RECORDINGS = ("video/*", "audio/*")


def outcome(
    body: bytes, *allowed: str, declared: str = "", stated: str | None = None, kind: str = "Other"
) -> TransferError | None:
    """What both checks say about content that a source sends."""
    obj = an_object(content_type=declared, kind=kind, allowed_types=allowed)
    found = facts(body, stated=stated)
    try:
        check_content(found, obj, has_expectation=True)
        check_allowed(found, obj)
    except TransferError as error:
        return error
    return None


ALLOWED: dict[str, Callable[[], TransferError | None]] = {
    "no limit": lambda: outcome(PDF),
    "a declared type": lambda: outcome(MP4, "video/mp4", declared="video/mp4", kind="Video"),
    "a declared type with a parameter": lambda: outcome(MP4, "video/mp4", declared='Video/MP4; codecs="avc1"'),
    "a family": lambda: outcome(MP4, "video/*", declared="video/mp4", kind="Video"),
    "content of a family, stated as bytes": lambda: outcome(
        MP4, "video/*", stated="application/octet-stream", kind="Video"
    ),
    "content of a family, stated wrongly": lambda: outcome(MP4, "video/*", stated="text/plain", kind="Video"),
    "content of an exact type, stated by nobody": lambda: outcome(MP4, "video/mp4", kind="Video"),
    "another name of the type": lambda: outcome(MP4, "video/x-our-mp4", declared="video/x-our-mp4", kind="Video"),
    "unknown data of a declared type": lambda: outcome(RAW, "audio/*", declared="audio/pcmu", kind="Audio"),
    "unknown data of a stated type": lambda: outcome(RAW, "audio/*", stated="audio/pcmu", kind="Audio"),
    "JSON": lambda: outcome(JSON, "application/json", stated="application/json"),
    "JSON that is declared as its own type": lambda: outcome(
        JSON, "application/vnd.acme.v1", declared="application/vnd.acme.v1"
    ),
    "text of a family": lambda: outcome(TEXT, "text/*", stated="text/markdown"),
    "an Office document": lambda: outcome(ZIP, DOCX, declared=DOCX),
    "an Office document that is only stated": lambda: outcome(ZIP, DOCX, stated=DOCX),
    "an image": lambda: outcome(PNG, "image/*", stated="application/octet-stream"),
    "any bytes": lambda: outcome(PDF, "application/octet-stream", stated="application/octet-stream"),
    "audio in a container of both": lambda: outcome(MP4, "audio/*", declared="audio/mp4", kind="Audio"),
}
REJECTED: dict[str, tuple[Callable[[], TransferError | None], str]] = {
    "a declared type": (lambda: outcome(PDF, *RECORDINGS, declared="application/pdf"), "declares application/pdf"),
    "a PDF, stated as a video": (lambda: outcome(PDF, *RECORDINGS, stated="video/mp4"), "sends PDF"),
    "a PDF, stated as bytes": (lambda: outcome(PDF, *RECORDINGS, stated="application/octet-stream"), "sends PDF"),
    "a video, declared as JSON lines of our own": (
        lambda: outcome(MP4, "application/x-acme", declared="application/x-acme"),
        "sends ISO media",
    ),
    "another format of video": (
        lambda: outcome(WEBM, "video/mp4", declared="video/mp4", kind="Video"),
        "sends Matroska",
    ),
    "audio for videos": (lambda: outcome(FLAC, "video/*", stated="application/octet-stream"), "sends FLAC"),
    "audio in a container of both": (lambda: outcome(MP4, "video/*", stated="video/mp4", kind="Audio"), "ISO media"),
    "unknown data of no type": (lambda: outcome(RAW, *RECORDINGS, stated="application/octet-stream"), "octet-stream"),
    "unknown data without a type": (lambda: outcome(RAW, *RECORDINGS), "content without a type"),
    "text for JSON": (lambda: outcome(TEXT, "application/json", stated="text/plain"), "sends plain text"),
    "a ZIP for images": (lambda: outcome(ZIP, "image/*", stated="image/x-acme"), "sends ZIP"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_content_of_the_list_is_allowed(name: str) -> None:
    error = ALLOWED[name]()
    assert error is None, error


@pytest.mark.parametrize("name", REJECTED)
def test_other_content_is_rejected_and_the_message_names_the_limit(name: str) -> None:
    run, said = REJECTED[name]
    error = run()
    assert error is not None
    assert error.reason is Reason.UNEXPECTED_CONTENT
    assert "limits.contentTypes of the StorageLocation allows " in error.message
    assert said in error.message


def test_a_long_list_is_shortened_in_the_message() -> None:
    allowed = tuple(f"video/x-{number}" for number in range(32))
    with pytest.raises(TransferError) as caught:
        check_declared(an_object(content_type="text/csv", allowed_types=allowed))
    assert "video/x-4 and 27 more" in caught.value.message
    assert len(caught.value.message) < 400


def test_a_pattern_never_matches_a_part_of_a_name() -> None:
    found = FoundTypes(types=frozenset({"video/mp4"}), families=frozenset({"video"}))
    assert found.fits("video/*")
    assert not found.fits("vid/*")
    assert not found.fits("video/webm")


# In a transfer


def test_a_declared_type_is_rejected_before_any_request(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(PDF)
    obj = an_object(content_type="application/pdf", kind="Other", allowed_types=RECORDINGS)
    assert fails(lambda: run_transfer(source.url, store, obj=obj)).reason is Reason.UNEXPECTED_CONTENT
    assert source.served == []
    assert strict.count("PutObject") == 0


def test_found_content_is_rejected_before_anything_is_stored(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(b"")
    source.content = Content(body=PDF + pattern(900 * KIB), content_type="video/mp4")
    obj = an_object(content_type="", kind="Other", allowed_types=RECORDINGS)
    error = fails(lambda: run_transfer(source.url, store, obj=obj))
    assert error.reason is Reason.UNEXPECTED_CONTENT
    assert "video/*, audio/*" in error.message
    assert strict.count("PutObject") == strict.count("CreateMultipartUpload") == 0


@pytest.mark.parametrize("ranges", [True, False])
def test_a_video_that_its_source_calls_bytes_is_stored(
    serve: Serve, strict: StrictStore, store: S3Store, ranges: bool
) -> None:
    source = serve(b"")
    source.content = Content(body=MP4 + pattern(900 * KIB), content_type="binary/octet-stream")
    source.behave = lambda _: Behaviour(ranges=ranges)
    obj = an_object(content_type="", kind="Video", allowed_types=RECORDINGS)
    run_transfer(source.url, store, obj=obj)
    assert strict.keys() == [obj.key]


@pytest.mark.parametrize(
    ("text", "declared", "allowed", "stored"),
    [
        (JSON, "application/json", "application/json", True),
        (TEXT, "", "text/*", True),
        (TEXT, "", "text/plain", True),
        (TEXT, "", "application/json", False),
        (JSON, "", "application/json", False),
        (TEXT, "video/mp4", "video/*", False),
    ],
)
def test_an_inline_text_is_checked_too(
    strict: StrictStore, store: S3Store, text: bytes, declared: str, allowed: str, stored: bool
) -> None:
    obj = an_object(content_type=declared, kind="Summary", allowed_types=(allowed,))
    if stored:
        store_text(text, obj, store=store)
        assert strict.keys() == [obj.key]
        return
    assert "limits.contentTypes" in fails(lambda: store_text(text, obj, store=store)).message
    assert strict.keys() == []
