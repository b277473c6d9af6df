"""Parses the status line and headers of a response, as tolerantly as curl and browsers, within limits.

A line that is not a header is skipped, unless it concerns the framing: then the response is rejected.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from recording_operator.egress.http1.errors import MalformedResponse

HEAD_BYTES: Final = 256 * 2**10
"""Largest size of status line and headers, as in Chromium; curl accepts 300 KiB."""
END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
TOO_LARGE: Final = f"sent headers of more than {HEAD_BYTES // 2**10} KiB"
BEGINNING: Final = b"http/"
NOT_HTTP: Final = "sent something that is not an HTTP/1.1 response"
_UNCERTAIN: Final = "sent a malformed Content-Length or Transfer-Encoding header"
_BLANKS: Final = " \t"
# As in curl: any case, HTTP/2 written by a gateway over HTTP/1.1, no blank after the status.
_STATUS: Final = re.compile(r"HTTP/(1\.[01]|2(?:\.0)?)[ \t]+([1-9][0-9]{2})(?![0-9])[^\0]*", re.IGNORECASE)
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)([ \t]*):[ \t]*([^\0\r]*)")
_FRAMING_NAME: Final = re.compile(r"content-length|transfer-encoding", re.IGNORECASE)
# In a folded line, a name without a colon is ordinary text (a list of names of headers, for instance).
_FRAMING_FIELD: Final = re.compile(r"(?:content-length|transfer-encoding)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A parsed head. `fields` has the values by name in lower case, as Latin-1 text without blanks around them.

    `regular` is True for strictly valid HTTP/1.1: nothing was skipped or corrected.
    """

    status: int
    fields: Mapping[str, list[str]]
    regular: bool

    def get(self, name: str) -> str | None:
        """The value of a header (its name in lower case); different values are one list (RFC 9110 section 5.3)."""
        values = self.fields.get(name)
        if values is None:
            return None
        return values[0] if len(values) == 1 else ", ".join(dict.fromkeys(values))

    def tokens(self, name: str) -> list[str]:
        """The members of a header that is a list, in lower case."""
        members = (member.strip(_BLANKS) for value in self.fields.get(name, ()) for member in value.split(","))
        return [member.lower() for member in members if member]


def parse_head(data: bytes) -> Head:
    """Read a head that ends with END_OF_HEAD. Raises MalformedResponse."""
    # The last two are the empty line and what follows it.
    first, *lines = (line.removesuffix("\r") for line in data.decode("latin-1").split("\n")[:-2])
    status = _STATUS.fullmatch(first)
    if status is None:
        raise MalformedResponse(NOT_HTTP)
    fields: dict[str, list[str]] = {}
    regular = status[1] == "1.1"
    for name, value, clean in _fields(lines):
        regular = regular and clean
        if name:
            fields.setdefault(name, []).append(value)
    return Head(status=int(status[2]), fields=fields, regular=regular)


def _fields(lines: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether that is how RFC 9112 writes it; an empty name for a line that is skipped."""
    name, value, clean = "", "", True
    for line in lines:
        if line[:1] in (" ", "\t"):
            if _FRAMING_FIELD.search(line) or (not name and _FRAMING_NAME.search(line)):
                raise MalformedResponse(_UNCERTAIN)
            value, clean = f"{value} {line.strip(_BLANKS)}".strip(_BLANKS), False
            continue
        yield name, value, clean
        field = _FIELD.fullmatch(line)
        if field is not None:
            name, value, clean = field[1].lower(), field[3].rstrip(_BLANKS), not field[2]
        elif _FRAMING_NAME.search(line):
            raise MalformedResponse(_UNCERTAIN)
        else:
            name, value, clean = "", "", False
    yield name, value, clean
