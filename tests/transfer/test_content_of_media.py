# ruff: noqa: RUF001 - texts in many scripts
"""Fault S26 and its kin S50 to S53: the bytes decide whether a recording arrives, in every format and every encoding.

samples/heads.json holds how files of real encoders begin; samples/make_heads.py made it.
"""

import base64
import codecs
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.job import ObjectSpec
from recording_operator.transfer.sniff import SMALL_VIDEO_BYTES, check_content
from recording_operator.transfer.source import SourceFacts
from tests.support.transfers import KIB, an_object, pattern

_SAMPLES: Final = Path(__file__).with_name("samples") / "heads.json"
HEADS: Final = {
    name: zlib.decompress(base64.b64decode(head))
    for name, head in json.loads(_SAMPLES.read_text(encoding="utf-8")).items()
}
# Nobody can tell these from other binary data.
UNSIGNED: Final = {name for name in HEADS if name.startswith("raw ")} | {"adx", "swf", "mpjpeg"}
BOXES: Final = ("styp", "moov", "moof", "sidx", "emsg", "prft", "wide", "free", "skip", "pnot", "uuid")
BUILT: Final = {
    **{f"box {box}": b"\0\0\x01\0" + box.encode() + pattern(2 * KIB) for box in BOXES},
    "box mdat first, of 1.7 GB": b"hello"[:4] + b"mdat" + pattern(2 * KIB),
    "box mdat of 64 bits": b"\0\0\0\x01mdat" + pattern(2 * KIB),
    "text in the first boxes": b"\0\0\x20\0uuid" + b"<?xpacket?> a long description " * 2000,
    "tag of 300 KiB": b"ID3\x04\0\0\0\x12\x60\0COMM" + b"these are the minutes of the meeting " * 1700,
    "amr-wb": b"#!AMR-WB\n" + pattern(2 * KIB),
    "mpeg-ts of 204 bytes": b"".join(b"G\x40\0\x10" + pattern(200, seed=n) for n in range(12)),
    "mpeg-ts with garbage before": pattern(700) + b"".join(b"G\x40\0\x10" + pattern(184, seed=n) for n in range(12)),
    "mpeg-ts, cut into": (b"G\x40\0\x10" + pattern(184))[77:] + (b"G\x40\0\x10" + pattern(184, seed=2)) * 11,
    "matroska joined in its middle": b"\x1fC\xb6u" + pattern(2 * KIB),
    "mp3 after zeros": b"\0" * 100 + HEADS["mp3 no tag"],
    "bw64": b"BW64\xff\xff\xff\xffWAVE" + pattern(2 * KIB),
    "mxf after a run-in": b"anything\0" * 90 + HEADS["mxf"][:1024],
}
STATED: Final = (
    None, "", "text/html", "text/html; charset=utf-8", "text/plain", "application/json", "application/xml",
    "application/octet-stream", "binary/octet-stream", "video/mp4", "image/png", "no type at all",
)  # fmt: skip
DECLARED: Final = ("", "video/mp4", "audio/mpeg", "application/octet-stream", "application/mp4")
KINDS: Final = ("Video", "Audio")
UNKNOWN: Final = {
    "encrypted": pattern(4 * KIB),
    "encrypted and large": pattern(64 * KIB, seed=7),
    "silence of PCM": bytes(64 * KIB),
    "silence of A-law": b"\xd5" * 64 * KIB,
    "silence of A-law, the other": b"U" * 64 * KIB,
    "silence of mu-law": b"\xff\x7f" * 32 * KIB,
}

S3_ERROR: Final = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>"
)
DASH: Final = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>'
TEXTS: Final = {
    "plain": "File not found",
    "one word": "Forbidden",
    "two letters": "no",
    "a number": "404",
    "Go's": "404 page not found\n",
    "JSON": '{"error": "login required"}',
    "JSON list": '[{"code": 5}]',
    "JSON word": "null",
    "GraphQL": '{"errors":[{"message":"Not authorised"}],"data":null}',
    "GraphQL data": '{"data":{"recording":{"url":null}}}',
    "JSON after blanks": "\n\n   \t" * 50 + '{"error": 1}',
    "JSONP": "callback({\"error\": 1});",
    "XSSI": ")]}',\n{\"error\": 1}",
    "HTML": "<!doctype html><title>Sign in</title>",
    "HTML fragment": "<div class=error>Please sign in</div>",
    "S3": S3_ERROR,
    "Azure": "\ufeff<?xml version='1.0' encoding='utf-8'?><Error><Code>BlobNotFound</Code></Error>",
    "SOAP": "<soap:Envelope xmlns:soap='x'><soap:Body><soap:Fault/></soap:Body></soap:Envelope>",
    "HLS": "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nhttps://cdn.example/segment1.ts\n",
    "HLS, long": "#EXTM3U\n" + "#EXTINF:10,\nGOP/segment.ts\n" * 3000,
    "DASH": DASH,
    "SMIL": "<smil><body><video src='a.mp4'/></body></smil>",
    "CSV": "time,speaker,text\n" * 500,
    "captions": "WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n",
    "YAML": "error:\n  code: 404\n",
    "base64": base64.b64encode(pattern(6 * KIB)).decode(),
    "data URI": "data:video/mp4;base64," + base64.b64encode(pattern(6 * KIB)).decode(),
    "PEM": "-----BEGIN PKCS7-----\n" + base64.encodebytes(pattern(KIB)).decode(),
    "a redirect": "https://cdn.example/video.mp4",
    "HTTP in HTTP": "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "multipart": "--b\r\nContent-Type: text/plain\r\n\r\nnot found\r\n--b--\r\n",
    "with a DOS end": "File not found\r\n\x1a",
    "of a terminal": "\x1b[31mError:\x1b[0m not found\n",
    "with NUL at its end": "File not found\0",
    "after NULs": "\0" * 64 + "File not found",
    "after blanks": " \r\n\t" * 300 + "File not found",
    "only blanks": "\n" * 3000,
    "JSON text sequence": '\x1e{"error": 1}\n\x1e{"error": 2}\n',
    "Cyrillic": "Файл не найден",
    "Cyrillic, long": "Запись больше не доступна. " * 300,
    "Greek": "Το αρχείο δεν βρέθηκε",
    "Hebrew": "הקובץ לא נמצא",
    "Arabic": "الملف غير موجود",
    "Hindi": "फ़ाइल नहीं मिली",
    "Thai": "ไม่พบไฟล์",
    "Chinese": "文件未找到。",
    "Chinese, long": "该录像已过期，请重新登录。" * 300,
    "Japanese": "ファイルが見つかりません。",
    "Korean": "파일을 찾을 수 없습니다.",
    "emoji": "😀 not found 😀",
    "accents": "Fichier introuvable, désolé",
    "rows of the same": "G" + "=" * 40 + "\nERROR: GONE\n",
    "lines of 188 characters": ("G0 3 " + "x y" * 61)[:187] .ljust(187) .replace("\n", " ") + "\n",
}  # fmt: skip
TEXTS_REPEATED: Final = {"periods of packets": "GOS3" * 3000, "a log": "GET /a 200 OK \n" * 4000}
ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
LEGACY: Final = {
    "Windows-1251": "Файл не найден. Обратитесь к администратору.".encode("cp1251"),
    "Windows-1251, one word": "Ошибка".encode("cp1251"),
    "KOI8-R": ("Запись больше не доступна.\n" * 300).encode("koi8-r"),
    "Latin-1": ("Fichier supprimé le 1er août à 8 h.\n" * 300).encode("latin-1"),
    "Shift JIS": "ファイルが見つかりません。\n".encode("shift-jis"),
    "GBK": ("文件未找到。\r\n" * 100).encode("gbk"),
    "Big5": "找不到檔案".encode("big5"),
    "ISO-2022-JP": "ファイルが見つかりません".encode("iso-2022-jp"),
    "damaged UTF-8": "Файл не найден, попробуйте ещё раз".encode()[1:],
    "a page in Shift JIS": ("<html><body>" + "見つかりません" * 900).encode("shift-jis"),
    "a page amid rubbish": b"\0\0<html><body>" + pattern(4 * KIB),
}
EVERY_WAY: Final = ("plain in utf-8", "JSON in utf-8", "HLS in utf-8", "S3 in utf-16", "Windows-1251", "gzip of JSON")
PACKED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "gzip at once": lambda body: gzip.compress(body, 0, mtime=0),
    "deflate": zlib.compress,
}  # fmt: skip


def facts(head: bytes, *, stated: str | None = None, size_bytes: int | None = None) -> SourceFacts:
    """What a probe saw, of a source that states nothing more."""
    return SourceFacts(
        host="media.example.com",
        size_bytes=size_bytes,
        etag=None,
        last_modified=None,
        ranges=True,
        ends_visibly=True,
        content_type=stated,
        head=head[: 64 * KIB],
    )


def refusal(
    head: bytes, *, stated: str | None = None, kind: str = "Video", declared: str = "", vouched: bool = False
) -> TransferError | None:
    """What a body of this beginning is refused with, if it is."""
    obj: ObjectSpec = an_object(kind=kind, content_type=declared)
    try:
        check_content(facts(head, stated=stated, size_bytes=len(head)), obj, vouched=vouched)
    except TransferError as error:
        assert error.reason is Reason.UNEXPECTED_CONTENT
        return error
    return None


def every_way() -> Iterator[tuple[str | None, str, str]]:
    """Stated type, kind and declared type of a recording."""
    yield from itertools.product(STATED, KINDS, DECLARED)


@pytest.mark.parametrize("name", [*HEADS, *BUILT])
def test_s50_media_is_believed_by_its_bytes_whatever_the_source_says(name: str) -> None:
    head = {**HEADS, **BUILT}[name]
    head *= SMALL_VIDEO_BYTES // len(head) + 1  # a file of codec2 is shorter than any video
    for stated, kind, declared in every_way():
        assert refusal(head, stated=stated, kind=kind, declared=declared) is None, (stated, kind, declared)


@pytest.mark.parametrize("name", [name for name in HEADS if name not in UNSIGNED])
def test_s50_a_file_of_1_kib_with_a_signature_is_a_recording(name: str) -> None:
    for stated, kind, declared in every_way():
        assert refusal(HEADS[name][:KIB], stated=stated, kind=kind, declared=declared) is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_s50_what_nobody_knows_and_is_binary_is_a_recording(name: str) -> None:
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


def test_s51_text_of_any_kind_is_no_recording() -> None:
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
def test_s51_any_text_at_all_is_no_recording(text: str, encoding: str, before: str) -> None:
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
def test_s51_what_begins_with_an_error_is_no_recording_whatever_follows(words: str, rest: bytes) -> None:
    for stated, kind, declared in every_way():
        assert refusal(words.encode() + rest, stated=stated, kind=kind, declared=declared) is not None


def test_s51_the_head_may_end_within_a_character() -> None:
    for cut in range(4):
        assert refusal(("я" * 3 + "😀" * 20_000).encode()[: 64 * KIB - cut]) is not None


@pytest.mark.parametrize("body", [b"\x08\x05\x12\x0eFile not found", pattern(300), pattern(SMALL_VIDEO_BYTES - 1)])
def test_s52_a_small_video_needs_a_signature_or_a_spec_that_knows_it(body: bytes) -> None:
    error = refusal(body, stated=None, declared="video/mp4")
    assert error is not None
    assert f"{len(body)} bytes" in error.message
    assert refusal(body, vouched=True) is None
    assert refusal(body.ljust(SMALL_VIDEO_BYTES, b"\x91")) is None


def test_s52_a_short_sound_is_no_video() -> None:
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
def test_s53_a_picture_or_document_is_no_recording_unless_it_is_declared(body: bytes, name: str) -> None:
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
def test_s53_an_error_is_no_document(declared: str, kind: str) -> None:
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
        "URL, or declare it with contentType if it is meant."
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
