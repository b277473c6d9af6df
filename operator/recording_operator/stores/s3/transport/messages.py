"""The origin of a store's URL, the head of a request as bytes, and the response from a connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import SplitResult

from recording_operator.egress.http1.request import request_head
from recording_operator.egress.http1.response import Response

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# A page of a listing with a thousand keys of 1,024 bytes in percent form has less than 4 MiB.
MOST_BODY_BYTES: Final = 16 * 2**20
# The body is self-delimiting; `Expect: 100-continue` would cost a round trip.
_NOT_SENT: Final = frozenset({"expect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferedResponse:
    """A complete response. `reusable`: whether the connection can be used for another request."""

    status: int
    headers: "ResponseHeaders"
    body: bytes = field(repr=False)
    reusable: bool


class ResponseHeaders(dict[str, str]):
    """Headers with case-insensitive names. botocore's own mapping creates two objects for each access."""

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
class Origin:
    """The origin of a URL. `host` has no brackets. `authority` is host and port in the form that is signed."""

    scheme: str
    host: str
    port: int
    authority: str


@lru_cache(maxsize=256)
def origin_of(scheme: str, netloc: str) -> Origin:
    """Create an origin. Raises ValueError for a scheme other than http or https, and for an invalid port."""
    usual = _DEFAULT_PORTS.get(scheme)
    if usual is None:
        raise ValueError("the scheme of a store is http or https")
    url = SplitResult(scheme, netloc, "", "", "")
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = url.port or usual
    return Origin(scheme, host, port, shown if port == usual else f"{shown}:{port}")


def head_of(method: str, url: SplitResult, origin: Origin, headers: Mapping[str, Any], *, prefix: str = "") -> bytes:
    """The head of a signed request. Raises ValueError for characters that would end a line.

    `prefix` precedes the path, because a proxy without a tunnel needs the whole URL.
    """
    target = prefix + (f"{url.path or '/'}?{url.query}" if url.query else url.path or "/")
    sent = {"host": origin.authority}
    for name, value in headers.items():
        sent[name.lower()] = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return request_head(method, target, ((name, value) for name, value in sent.items() if name not in _NOT_SENT))


def whole(response: Response) -> BufferedResponse:
    """The response with its body. Raises OSError and MalformedResponse."""
    body = response.read_all(at_most=MOST_BODY_BYTES)
    return BufferedResponse(status=response.status, headers=headers_of(response), body=body, reusable=response.reusable)


def headers_of(response: Response) -> ResponseHeaders:
    """All headers. Content-Length is the length that the framing was read with, because botocore parses it again."""
    head = response.head
    headers = ResponseHeaders((name, head.get(name) or "") for name in head.fields)
    headers.pop("content-length", None)
    if response.framing.length is not None:
        headers["content-length"] = str(response.framing.length)
    return headers
