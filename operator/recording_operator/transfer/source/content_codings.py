"""What a source's Content-Encoding means for the bytes that are stored. Pure.

Bytes are always stored as they arrive. A true coding is stored as the ContentEncoding of the object. Names that do not
encode anything (`aws-chunked`, `UTF-8`, `none`, …) are dropped, and so is a coding that the bytes visibly do not have.

Every request sends `Accept-Encoding: identity`. If a server compresses a response anyway, each response may be
compressed differently, so it cannot be stored. Such a response has all of these properties: Vary names Accept-Encoding,
it is not a range, and it lacks a length or a strong validator. Content that is stored compressed lacks at least one of
them.
"""

import re
from typing import Final

_TRUE: Final = frozenset(
    {"gzip", "x-gzip", "br", "zstd", "deflate", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}
)
_WITHOUT_EFFECT: Final = frozenset({"", "identity", "none", "aws-chunked"})
_MAGIC: Final = {
    "gzip": (b"\x1f\x8b",),
    "x-gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"),
    "compress": (b"\x1f\x9d",),
    "x-compress": (b"\x1f\x9d",),
}
_NEGOTIATED: Final = re.compile(r"(?:^|,)\s*(?:accept-encoding|\*)\s*(?:,|$)", re.IGNORECASE)


def stated_codings(stated: str | None) -> str:
    """All names of a Content-Encoding except those without effect. Responses with equal names have the same form."""
    names = [name.strip().lower() for name in (stated or "").split(",")]
    return ", ".join(name for name in names if name not in _WITHOUT_EFFECT)


def true_codings(stated: str | None) -> str | None:
    """The true codings of a Content-Encoding in order, such as `gzip`; None if there is none."""
    names = [name.strip().lower() for name in (stated or "").split(",")]
    return ", ".join(name for name in names if name in _TRUE) or None


def kept_codings(stated: str | None, head: bytes) -> str | None:
    """`true_codings`; None if the first bytes show that the last of them was not applied."""
    codings = true_codings(stated)
    if codings is None or not head:
        return None
    magic = _MAGIC.get(codings.rpartition(", ")[2])
    return codings if magic is None or head.startswith(magic) else None


def made_for_this_request(vary: str | None, *, is_range: bool, is_fixed: bool) -> bool:
    """Whether the server compressed this response. `is_fixed`: it has a length and a strong validator."""
    return not is_range and not is_fixed and _NEGOTIATED.search(vary or "") is not None
