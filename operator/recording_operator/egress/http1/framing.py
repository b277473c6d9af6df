"""Decides where a response ends, by RFC 9112 section 6 and from parsed values.

Ambiguous framing is rejected. With a wrong guess, framing would become content, or a truncated body would look
complete.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.head import Head

_WITHOUT_BODY: Final = frozenset({204, 304})
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_LARGEST: Final = 2**63 - 1
_BAD_LENGTH: Final = "sent a Content-Length that is not a single number"
_BAD_CODING: Final = "sent a Transfer-Encoding other than chunked, which was not requested"


class BodyEnd(Enum):
    """What shows the end of a body."""

    NO_BODY = "no body"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How a body ends. `length` is the stated length, also of a body that HEAD leaves out.

    `certain` is True if another response may follow on the connection.
    """

    end: BodyEnd
    length: int | None
    certain: bool


def framing_of(head: Head, *, method: str) -> Framing:
    """The framing of a final response to a request of this method. Raises MalformedResponse."""
    persistent = head.regular and "close" not in head.tokens("connection")
    if head.status in _WITHOUT_BODY:
        return Framing(end=BodyEnd.NO_BODY, length=None, certain=persistent)
    if method in ("HEAD", "CONNECT"):
        length = None if "transfer-encoding" in head.fields else _length(head)
        return Framing(end=BodyEnd.NO_BODY, length=length, certain=persistent)
    chunked = _is_chunked(head)
    length = None if chunked else _length(head)
    if chunked:
        # Both: Transfer-Encoding applies, and the connection is closed afterwards (RFC 9112 section 6.3).
        return Framing(end=BodyEnd.CHUNKED, length=None, certain=persistent and "content-length" not in head.fields)
    if length is not None:
        persistent = persistent and "transfer-encoding" not in head.fields
        return Framing(end=BodyEnd.LENGTH, length=length, certain=persistent)
    return Framing(end=BodyEnd.CLOSE, length=None, certain=False)


def _is_chunked(head: Head) -> bool:
    if "transfer-encoding" not in head.fields:
        return False
    codings = head.tokens("transfer-encoding")
    # "identity" is no coding: RFC 2616 section 3.6, and servers still send it.
    if codings[:1] == ["identity"]:
        codings = codings[1:] or ["identity"]
    if codings not in (["chunked"], ["identity"]):
        raise MalformedResponse(_BAD_CODING)
    return codings == ["chunked"]


def _length(head: Head) -> int | None:
    values = head.fields.get("content-length")
    if values is None:
        return None
    stated = [member.strip(" \t") for value in values for member in value.split(",")]
    if not all(map(_DIGITS.fullmatch, stated)):
        raise MalformedResponse(_BAD_LENGTH)
    lengths = {int(text) for text in stated}
    if len(lengths) != 1 or max(lengths) > _LARGEST:
        raise MalformedResponse(_BAD_LENGTH)
    return lengths.pop()
