# ruff: noqa: RUF001 - texts in many scripts
"""Content in every format and encoding, and the expected results of the check.

samples/heads.json contains the beginnings of files by real encoders. samples/make_heads.py writes it.
"""

import base64
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.transfer.content.check import check_content
from recording_operator.transfer.source.content_facts import ContentFacts
from tests.support.transfers import KIB, an_object, pattern

_SAMPLES: Final = Path(__file__).with_name("samples") / "heads.json"
HEADS: Final = {
    name: zlib.decompress(base64.b64decode(head))
    for name, head in json.loads(_SAMPLES.read_text(encoding="utf-8")).items()
}
# These cannot be distinguished from other binary data.
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


def facts(head: bytes, *, stated: str | None = None, size_bytes: int | None = None) -> ContentFacts:
    """What a probe saw, of a source that states nothing more."""
    return ContentFacts(
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
    head: bytes, *, stated: str | None = None, kind: str = "Video", declared: str = "", has_expectation: bool = False
) -> TransferError | None:
    """The error for a body that begins so, if it is rejected."""
    obj: ObjectSpec = an_object(kind=kind, content_type=declared)
    try:
        check_content(facts(head, stated=stated, size_bytes=len(head)), obj, has_expectation=has_expectation)
    except TransferError as error:
        refused = error
    else:
        return None
    assert refused.reason is Reason.UNEXPECTED_CONTENT
    return refused


def every_way() -> Iterator[tuple[str | None, str, str]]:
    """Stated type, kind and declared type of a recording."""
    yield from itertools.product(STATED, KINDS, DECLARED)
