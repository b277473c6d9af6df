"""One HTTP/1.1 request as bytes, and the answer to it from a socket.

The head goes out in one piece with the first bytes of the body, which saves a TLS record and a call of the kernel for
each request. `http.client` reads the answers, helped where their heads are ordinary.
"""

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import SplitResult

from recording_operator.transfer.answer_head import PlainHeadResponse

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What would end a line of the head, or the target within it.
_NOT_IN_A_LINE: Final = re.compile(r"[\r\n\0]")
_NOT_IN_A_TARGET: Final = re.compile(r"[^\x21-\x7e]")
# The body says itself when it is complete; being asked for it would cost a round trip.
_NOT_SENT: Final = frozenset({"expect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered, read whole. `reusable` tells whether the connection can carry another request."""

    status: int
    headers: "AnswerHeaders"
    body: bytes = field(repr=False)
    reusable: bool


class AnswerHeaders(dict[str, str]):
    """Headers by name in lower case, found in any case. botocore's own mapping makes two objects for each look."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or the default."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: scheme, host without brackets, port, and both as a signature has them."""

    scheme: str
    host: str
    port: int
    authority: str


@lru_cache(maxsize=256)
def place_of(scheme: str, netloc: str) -> Place:
    """The place of a URL's first parts. Raises ValueError for another scheme and for a port that is none."""
    usual = _DEFAULT_PORTS.get(scheme)
    if usual is None:
        raise ValueError("a store speaks http or https")
    url = SplitResult(scheme, netloc, "", "", "")
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = url.port or usual
    return Place(scheme, host, port, shown if port == usual else f"{shown}:{port}")


def request_head(method: str, url: SplitResult, place: Place, headers: Mapping[str, Any]) -> bytes:
    """The request line and the headers, with the empty line. Raises ValueError for what would break out of a line."""
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    if _NOT_IN_A_TARGET.search(target):
        raise ValueError("a URL that HTTP does not allow")
    sent = {"host": place.authority}
    for name, value in headers.items():
        sent[name.lower()] = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    lines = [f"{name}: {value}" for name, value in sent.items() if name not in _NOT_SENT]
    if any(map(_NOT_IN_A_LINE.search, lines)):
        raise ValueError("a header that HTTP does not allow")
    return "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", "")).encode("latin-1")


def read_answer(sock: socket.socket, method: str) -> Answer:
    """The answer to a request of this method. Raises OSError and `http.client.HTTPException`."""
    answer = PlainHeadResponse(sock, method=method)
    try:
        answer.begin()
        reusable = not answer.will_close
        headers = _joined(answer.headers.items())
        return Answer(status=answer.status, headers=headers, body=answer.read(), reusable=reusable)
    finally:
        answer.close()  # it holds the socket, which would outlive its own close


def _joined(fields: Iterable[tuple[str, str]]) -> AnswerHeaders:
    # A header that comes twice is one list (RFC 9110 section 5.3).
    joined: dict[str, str] = {}
    for name, value in fields:
        lowered = name.lower()
        joined[lowered] = f"{joined[lowered]}, {value}" if lowered in joined else value
    return AnswerHeaders(joined)
