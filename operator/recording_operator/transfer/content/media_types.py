"""Media types in specs and responses: their kinds, the signatures of their files, and the type of the stored object."""

import re
from typing import Final

UNKNOWN_TYPE: Final = "application/octet-stream"
_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - of RFC 9110, 5.6.2
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")  # RFC 6838, 4.2
_PARAMETER: Final = re.compile(rf'[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|"[ !#-\[\]-~]*"))?[ \t]*')
_MOST_CHARACTERS: Final = 127
_UNTYPED: Final = frozenset({"", UNKNOWN_TYPE, "binary/octet-stream", "application/binary", "application/unknown"})
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_TIMED_TEXT: Final = frozenset({"text/vtt", "application/x-subrip", "text/srt", "text/x-srt", "application/srt"})
_JSON: Final = frozenset({"application/json", "text/json"})
_JSON_LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
     "application/json-seq", "application/json5"}
)  # fmt: skip
_XML: Final = frozenset({"application/xml", "text/xml"})
_OTHER_TEXT: Final = frozenset(
    {"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl", "video/x-mpegurl",
     "video/vnd.mpegurl", "audio/x-scpls", "application/sdp", "application/rtf", "application/yaml",
     "application/x-yaml", "application/javascript", "application/x-javascript", "application/sql",
     "application/csv", "application/x-subviewer", "application/x-ass"}
)  # fmt: skip
_TEXT_SUFFIXES: Final = ("+json", "+xml", "+yaml")
_IMAGES: Final = frozenset({"PNG", "JPEG", "GIF", "WebP", "TIFF", "HEIF"})
_SIGNED: Final = {
    "application/pdf": frozenset({"PDF"}),
    "application/x-pdf": frozenset({"PDF"}),
    "application/zip": frozenset({"ZIP"}),
    "application/x-zip": frozenset({"ZIP"}),
    "application/x-zip-compressed": frozenset({"ZIP"}),
    "application/gzip": frozenset({"gzip"}),
    "application/x-gzip": frozenset({"gzip"}),
    "application/x-bzip2": frozenset({"bzip2"}),
    "application/x-xz": frozenset({"xz"}),
    "application/zstd": frozenset({"Zstandard"}),
    "application/x-7z-compressed": frozenset({"7z"}),
    "application/vnd.rar": frozenset({"RAR"}),
    "application/x-rar-compressed": frozenset({"RAR"}),
    **{f"image/{name}": _IMAGES for name in ("png", "jpeg", "jpg", "gif", "webp", "tiff", "heic", "heif", "avif")},
}
# Office documents are ZIP files. Encrypted ones are OLE files.
_OFFICE: Final = re.compile(r"application/vnd\.(openxmlformats-officedocument|oasis\.opendocument)\..*|.*\+zip")
_FLAT: Final = "-flat-xml"


def bare_type(text: str | None) -> str:
    """The type without parameters, in lower case; empty if there is none."""
    return (text or "").partition(";")[0].strip().lower()


def kept_type(stated: str | None) -> str:
    """The type of an object, from the type that its source states; application/octet-stream if that is invalid.

    Parameters are kept for text, because text cannot be read without its charset.
    """
    bare = bare_type(stated)
    if not _MEDIA_TYPE.fullmatch(bare):
        return UNKNOWN_TYPE
    parameters = _parameters((stated or "").strip()) if is_text(bare) else ""
    return bare + parameters if len(bare + parameters) <= _MOST_CHARACTERS else bare


def _parameters(stated: str) -> str:
    """Normalise parameters such as ` ; charset = utf-8`, and drop invalid ones."""
    text, at = "", stated.find(";")
    while at >= 0 and (found := _PARAMETER.match(stated, at)) is not None:
        text += f"; {found[1].lower()}={found[2]}" if found[1] else ""
        at = found.end() if found.end() < len(stated) else -1
    return text


def is_untyped(declared: str) -> bool:
    """Whether a bare type is generic, such as application/octet-stream."""
    return declared in _UNTYPED


def is_media(declared: str) -> bool:
    """Whether a bare type is audio or video, and not a playlist."""
    return declared.startswith(("video/", "audio/")) and not is_text(declared)


def is_text(declared: str) -> bool:
    """Whether files of a bare type are text."""
    known = declared in _JSON or declared in _JSON_LINES or declared in _TIMED_TEXT or declared in _XML
    return known or declared.startswith("text/") or declared in _OTHER_TEXT or declared.endswith(_TEXT_SUFFIXES)


def is_html(declared: str) -> bool:
    """Whether a bare type is HTML."""
    return declared in _HTML


def is_xml(declared: str) -> bool:
    """Whether a bare type is XML."""
    return declared in _XML or declared.endswith("+xml")


def is_json(declared: str) -> bool:
    """Whether a bare type is JSON."""
    return declared in _JSON or declared.endswith("+json")


def is_json_lines(declared: str) -> bool:
    """Whether a bare type is JSON lines, a JSON sequence or a dialect of JSON."""
    return declared in _JSON_LINES


def is_timed_text(declared: str) -> bool:
    """Whether a bare type is captions in WebVTT or SubRip."""
    return declared in _TIMED_TEXT


def signed_formats(declared: str) -> frozenset[str]:
    """Formats, one of whose signatures a file of this bare type must have; empty if none is known."""
    if _OFFICE.fullmatch(declared) and not declared.endswith(_FLAT):
        return frozenset({"ZIP", "OLE"})
    return _SIGNED.get(declared, frozenset())
