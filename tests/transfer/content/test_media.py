# ruff: noqa: RUF001 - texts in many scripts
"""Faults S26 and S50 to S53: the bytes decide whether content is a recording, in every format and encoding."""

import codecs
import gzip
import itertools
import zlib
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.transfer.content.check import SMALL_VIDEO_BYTES
from tests.support.transfers import KIB, pattern
from tests.transfer.contents import (
    BUILT,
    ENCODINGS,
    EVERY_WAY,
    HEADS,
    KINDS,
    LEGACY,
    PACKED,
    S3_ERROR,
    STATED,
    TEXTS,
    TEXTS_REPEATED,
    UNKNOWN,
    UNSIGNED,
    every_way,
    refusal,
)


@pytest.mark.parametrize("name", [*HEADS, *BUILT])
def test_s50_media_is_recognised_by_its_bytes_whatever_its_stated_type(name: str) -> None:
    head = {**HEADS, **BUILT}[name]
    head *= SMALL_VIDEO_BYTES // len(head) + 1  # a file of codec2 is shorter than any video
    for stated, kind, declared in every_way():
        assert refusal(head, stated=stated, kind=kind, declared=declared) is None, (stated, kind, declared)


@pytest.mark.parametrize("name", [name for name in HEADS if name not in UNSIGNED])
def test_s50_a_file_of_1_kib_with_a_signature_is_a_recording(name: str) -> None:
    for stated, kind, declared in every_way():
        assert refusal(HEADS[name][:KIB], stated=stated, kind=kind, declared=declared) is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_s50_unknown_binary_data_is_a_recording(name: str) -> None:
    for stated, kind, declared in every_way():
        assert refusal(UNKNOWN[name], stated=stated, kind=kind, declared=declared) is None


def texts_in_every_encoding() -> Iterator[tuple[str, bytes]]:
    for name, text in {**TEXTS, **TEXTS_REPEATED}.items():
        for encoding in ENCODINGS:
            yield f"{name} in {encoding}", text.encode(encoding)
    yield from LEGACY.items()
    for packing, pack in PACKED.items():
        for name in ("plain", "JSON", "S3", "HLS, long", "Cyrillic"):
            yield f"{packing} of {name}", pack(TEXTS[name].encode())


def test_s51_text_of_any_kind_is_rejected() -> None:
    believed = []
    for name, body in texts_in_every_encoding():
        ways = every_way() if name in EVERY_WAY else [(None, "Video", "video/mp4"), ("audio/mpeg", "Audio", "")]
        believed += [
            (name, stated, kind, declared)
            for stated, kind, declared in ways
            if refusal(body, stated=stated, kind=kind, declared=declared) is None
        ]
    assert believed == []


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=4, max_size=300),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(["", "\n", "\ufeff", " " * 100]),
)
def test_s51_any_text_at_all_is_rejected(text: str, encoding: str, before: str) -> None:
    assert refusal((before + text).encode(encoding), kind="Audio") is not None


@given(st.binary(min_size=SMALL_VIDEO_BYTES, max_size=SMALL_VIDEO_BYTES), st.sampled_from(STATED))
def test_s50_random_bytes_are_a_recording(seed: bytes, stated: str | None) -> None:
    # Hypothesis likes runs of zeros and of letters; what it draws decides the bytes, it is not them.
    assert refusal(pattern(8 * KIB, seed=zlib.crc32(seed)), stated=stated) is None


@pytest.mark.parametrize(
    "words",
    [
        '{"error": "not found"}',
        '\n{"message" : "Internal Server Error"}',
        "<?xml version='1.0'?><Fault/>",
        "\ufeff<html><p>sign in",
        "#EXTM3U\n#EXTINF:10,\na.ts\n",
        "WEBVTT\n\n",
        "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n",
        "HTTP/2 502\r\n\r\n",
        "<br />\n<b>Warning</b>:  readfile(): SSL: Connection reset by peer in <b>/srv/get.php</b><br />\n",
        "PHP Fatal error:  Allowed memory size exhausted\n",
        "\nNotice: Undefined index: id in /srv/get.php on line 3\n",
        "Traceback (most recent call last):\n",
    ],
)
@pytest.mark.parametrize("rest", [pattern(9 * KIB), HEADS["mp4"], HEADS["mp3 no tag"]], ids=["any", "mp4", "mp3"])
def test_s51_content_that_begins_with_an_error_is_rejected(words: str, rest: bytes) -> None:
    for stated, kind, declared in every_way():
        assert refusal(words.encode() + rest, stated=stated, kind=kind, declared=declared) is not None


def test_s51_the_head_may_end_within_a_character() -> None:
    for cut in range(4):
        assert refusal(("я" * 3 + "😀" * 20_000).encode()[: 64 * KIB - cut]) is not None


@pytest.mark.parametrize("body", [b"\x08\x05\x12\x0eFile not found", pattern(300), pattern(SMALL_VIDEO_BYTES - 1)])
def test_s52_a_small_video_needs_a_signature_or_a_size_or_checksum_in_the_spec(body: bytes) -> None:
    error = refusal(body, stated=None, declared="video/mp4")
    assert error is not None
    assert f"{len(body)} bytes" in error.message
    assert refusal(body, has_expectation=True) is None
    assert refusal(body.ljust(SMALL_VIDEO_BYTES, b"\x91")) is None


def test_s52_a_short_sound_is_not_a_video() -> None:
    assert refusal(HEADS["raw pcm s16le"][:300], kind="Audio") is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + pattern(4 * KIB), "PDF"),
        (b"\x89PNG\r\n\x1a\n" + pattern(4 * KIB), "PNG"),
        (b"\xff\xd8\xff\xe0" + pattern(4 * KIB), "JPEG"),
        (b"GIF89a\x01\0\x01\0" + pattern(40), "GIF"),
        (b"RIFF\0\0\x10\0WEBPVP8 " + pattern(4 * KIB), "WebP"),
        (b"\0\0\0\x20ftypheic" + pattern(4 * KIB), "HEIF"),
    ],
)
def test_s53_a_picture_or_document_is_rejected_unless_it_is_declared(body: bytes, name: str) -> None:
    declared = {"PDF": "application/pdf", "HEIF": "image/heic"}.get(name, f"image/{name.lower()}")
    for kind in KINDS:
        error = refusal(body, kind=kind, stated=declared)
        assert error is not None
        assert f"sends {name}," in error.message
        assert refusal(body, kind=kind, declared=declared) is None
    assert refusal(body, kind="Other") is None


def test_s53_recordings_in_an_archive_are_taken_where_nothing_else_is_declared() -> None:
    archives = (b"PK\x03\x04" + pattern(4 * KIB), gzip.compress(pattern(4 * KIB), mtime=0))
    for body, declared in zip(archives, ("application/zip", "application/gzip"), strict=True):
        assert refusal(body) is None
        assert refusal(body, declared=declared) is None
        assert refusal(body, declared="video/mp4") is not None


WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ERRORS: Final = {name: TEXTS[name].encode() for name in ("plain", "JSON", "GraphQL", "HTML", "S3", "Azure", "HLS")}
DECLARED_DOCUMENTS: Final = {
    "text/vtt": b"WEBVTT\n\n",
    "application/x-subrip": b"1\r\n00:00:01,000 --> 00:00:02,000\r\nhello\r\n",
    "application/pdf": b"%PDF-1.4\n" + b"all of it is ASCII\n" * 100,
    "application/json": b'{"words": []}',
    "application/vnd.api+json": b'{"data": {"id": 1}}',
    "application/x-ndjson": b'{"a": 1}\n{"a": 2}\n',
    "application/ttml+xml": b"<tt xmlns='http://www.w3.org/ns/ttml'/>",
    "application/zip": b"PK\x03\x04\x14\0" + pattern(300),
    WORD: b"PK\x03\x04\x14\0" + pattern(300),
    "image/png": b"\x89PNG\r\n\x1a\n" + pattern(60),
    "image/jpeg": b"\xff\xd8\xff\xe0" + pattern(60),
    "application/gzip": gzip.compress(b"<html>minutes</html>", mtime=0),
    "video/mp4": HEADS["mp4"],
    "audio/mpeg": HEADS["mp3 no tag"],
}


@pytest.mark.parametrize("kind", ["Transcript", "Summary", "Requirements", "Metadata"])
@pytest.mark.parametrize("declared", DECLARED_DOCUMENTS)
def test_s53_an_error_is_not_a_document(declared: str, kind: str) -> None:
    for name, body in ERRORS.items():
        for stated, form in itertools.product(("text/html", "application/json", declared, None), PACKED.values()):
            if declared != "application/gzip":
                assert refusal(form(body), stated=stated, kind=kind, declared=declared) is not None, name
            assert refusal(body, stated=stated, kind=kind, declared=declared) is not None, name
    for other, body in DECLARED_DOCUMENTS.items():
        seen = refusal(body, kind=kind, declared=declared)
        if other == declared:
            assert seen is None
            assert refusal(body, kind=kind, declared=declared.upper() + "; charset=utf-8", stated="text/html") is None


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("text/vtt", codecs.BOM_UTF8 + b"WEBVTT - made by Zoom\r\n\r\n"),
        ("text/vtt", b"WEBVTT"),
        ("text/vtt", b"1\n00:00:01,000 --> 00:00:02,000\nSubRip, as many call it\n"),
        ("text/vtt", "\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nпривет".encode("utf-16-le")),
        ("text/vtt; charset=windows-1251", b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + "Добрый день".encode("cp1251")),
        ("text/vtt", b"captions in a dialect of their own\n" * 100),
        ("application/x-ndjson", b"# a comment, as some tools write it\n" * 100),
        ("application/pdf", b"Warning: a printer's own words\n%PDF-1.4\n" + pattern(4 * KIB)),
        ("application/json", codecs.BOM_UTF8 + b' \n[1, 2]'),
        ("application/json", b'"a text"'),
        ("application/json", b"-12.5e3\n"),
        ("application/json", b"null"),
        ("application/json", '{"text": "да"}'.encode("utf-16-le")),
        ("application/json", b'{"status": "completed", "text": "hello", "error": null}'),
        ("application/json", b'{"id": 7, "error": "no speech was found"}'),
        ("application/json", b'{"title": "Weekly", "description": "All of us", "status": "done"}'),
        ("application/json", b'{"a": ' + b"[1," * 100_000),
        ("application/json", gzip.compress(b'{"words": []}', mtime=0)),
        ("application/json-seq", b'\x1e{"a": 1}\n'),
        ("application/xml", b"<?xml version='1.0'?><meta><title>Weekly</title></meta>"),
        ("application/xml", b"<transcript><error>he said</error></transcript>"),
        ("application/pdf", b"\x1b%-12345X@PJL JOB\r\n%PDF-1.4\n" + pattern(300)),
        ("application/zip", b"PK\x05\x06" + bytes(18)),
        (WORD, bytes.fromhex("d0cf11e0a1b11ae1") + pattern(99)),
        ("text/plain", b"[00:00:01] Ann: hello\n[00:00:02] Bob: hi\n"),
        ("text/plain", b'{"not": "an error"}'),
        ("text/plain", b"404 errors were discussed"),
        ("text/plain", "Добрый день".encode("cp1251")),
        ("text/plain", pattern(300)),
        ("text/csv", b"time,speaker\n1,Ann\n"),
        ("text/markdown", b"<!-- generated -->\n# Minutes\n"),
        ("text/html", b"<p>Minutes</p>"),
        ("application/xhtml+xml", b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>"),
        ("application/msword", bytes.fromhex("d0cf11e0a1b11ae1") + pattern(99)),
        ("application/x-custom", b"anything"),
        ("", b"anything"),
        ("", b'{"words": []}'),
        ("", pattern(99)),
    ],
)  # fmt: skip
def test_s53_a_document_that_may_be_what_is_declared_is_stored(declared: str, body: bytes) -> None:
    for kind, stated in itertools.product(
        ("Transcript", "Metadata", "Other"), (declared, None, "application/octet-stream")
    ):
        assert refusal(body, kind=kind, declared=declared, stated=stated) is None


@pytest.mark.parametrize("declared", ["application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl"])
def test_s53_a_playlist_that_is_declared_is_stored(declared: str) -> None:
    assert refusal(TEXTS["HLS"].encode(), declared=declared) is None
    assert refusal(TEXTS["S3"].encode(), declared=declared) is not None


def test_s53_an_error_document_is_stored_where_it_is_meant() -> None:
    assert refusal(S3_ERROR.encode(), kind="Other", declared="application/xml") is None
    assert refusal(ERRORS["GraphQL"], kind="Other", declared="application/json") is None
    error = refusal(S3_ERROR.encode(), kind="Other")
    assert error is not None
    assert "declare it with contentType and kind Other" in error.message


def test_s51_a_message_shows_no_byte_of_the_content() -> None:
    error = refusal(b"CANARY not found", stated="text/CANARY")
    assert error is not None
    assert error.message == (
        "media.example.com sends plain text, expected Video; the URL may lead to a login or error page. Apply a fresh "
        "URL, or declare it with contentType if it is intended."
    )


def test_s54_no_content_takes_long_to_judge() -> None:
    """Work that grows with the square of the head, or faster, times out."""
    beginnings = (
        b"G", b"GG\0\x10", b"<!--", b"<!", b"<!--\n", b"<?xml ", b"<!-- -->", b'{"a":', b"\xff\xd8\xff", b"\0\0\0",
        b"00:00:00",
    )  # fmt: skip
    for body in beginnings:
        refusal(body * 64 * KIB)
        refusal(body * 64 * KIB, kind="Transcript", declared="text/vtt")
