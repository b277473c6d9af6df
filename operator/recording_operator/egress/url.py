"""The parts of an http(s) URL, read strictly, and how a redirect changes them."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from recording_operator.egress.addresses import parse_address
from recording_operator.egress.errors import InvalidRedirectError, InvalidUrlError

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# `getaddrinfo` reads 2130706433, 0x7f.1 and 0177.0.0.1 as addresses: a last label that is a number makes the host one.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Printable ASCII is not changed, because the URL may be signed; other characters are percent-encoded.
_AS_SIGNED: Final = "".join(chr(code) for code in range(0x21, 0x7F))
Origin = tuple[str, str, int]
"""Scheme, host and port (RFC 6454)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpUrl:
    """Where one request goes. `host` is lower-case ASCII; `target` (path and query) is secret and not in `repr`."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def origin(self) -> Origin:
        """The origin, to which user headers are bound."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """The `Host` header, as RFC 9110 section 7.2 writes it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def parse_url(url: str) -> HttpUrl:
    """Read an absolute http(s) URL. Raises InvalidUrlError."""
    if _FORBIDDEN.search(url):
        raise InvalidUrlError
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _strict_host(parts.hostname or "")
    except ValueError:
        raise InvalidUrlError from None
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or parts.fragment or host is None or port == 0:
        raise InvalidUrlError
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpUrl(
        scheme=parts.scheme, host=host, port=port or _DEFAULT_PORTS[parts.scheme], target=quote(target, safe=_AS_SIGNED)
    )


def follow(here: HttpUrl, location: str) -> HttpUrl:
    """Resolve a `Location`. Raises InvalidRedirectError if it is invalid."""
    base = f"{here.scheme}://{here.host_header}{here.target}"
    try:
        # Like browsers, percent-encode spaces in a Location.
        return parse_url(urljoin(base, _text_of(location).replace(" ", "%20")).partition("#")[0])
    except (InvalidUrlError, ValueError):
        raise InvalidRedirectError(here.host) from None


def _text_of(location: str) -> str:
    """Decode a Location: headers are read as Latin-1, but servers send UTF-8. Other bytes are percent-encoded."""
    sent = location.strip(" \t").encode("latin-1")
    try:
        return sent.decode("utf-8")
    except UnicodeDecodeError:
        return quote(sent, safe=_AS_SIGNED + " ")


def _strict_host(host: str) -> str | None:
    host = host.rstrip(".").lower()
    if ":" in host:
        return host if "%" not in host and parse_address(host) else None
    if not host.isascii():
        host = host.encode("idna").decode("ascii").lower().rstrip(".")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host if parse_address(host) else None
    return host if _HOST.fullmatch(host) else None
