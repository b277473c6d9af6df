"""A request's head as bytes."""

import re
from collections.abc import Iterable
from typing import Final

# Characters that would end a header line, or the target in the request line.
_NOT_IN_A_LINE: Final = re.compile(r"[\r\n\0]")
_NOT_IN_A_TARGET: Final = re.compile(r"[^\x21-\x7e]")


def request_head(method: str, target: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """The request line and the headers, with the empty line. Raises ValueError for characters that would end a line."""
    if _NOT_IN_A_TARGET.search(target):
        raise ValueError("a URL that HTTP does not allow")
    lines = [f"{name}: {value}" for name, value in fields]
    if any(map(_NOT_IN_A_LINE.search, lines)):
        raise ValueError("a header that HTTP does not allow")
    return "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", "")).encode("latin-1")
