"""Where a request comes from: the client's address, http or https, and whether a page of this console sent it."""

from ipaddress import IPv4Network, IPv6Network
from typing import Final
from urllib.parse import urljoin, urlsplit

from starlette.requests import HTTPConnection

from recording_operator.egress.addresses import Address, parse_address, unmapped, within

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UNKNOWN: Final = "unknown"
_LONGEST: Final = 2000


class ClientLookup:
    """Reads addresses and scheme, and believes the headers of trusted proxies only."""

    def __init__(self, *, trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (), https: bool = False) -> None:
        self._trusted = trusted_proxies
        self._https = https

    def address(self, request: HTTPConnection) -> str:
        """The address of the client, beyond trusted proxies."""
        address = peer_of(request)
        if address is None:
            return _UNKNOWN
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        # Each proxy appends the address that it sees. What is left of the first one that is not trusted may be forged.
        while within(address, self._trusted) and forwarded:
            before = parse_address(forwarded.pop().strip())
            if before is None:
                break
            address = unmapped(before)
        return str(address)

    def is_https(self, request: HTTPConnection) -> bool:
        """Whether the browser uses https."""
        if self._https:
            return True
        peer = peer_of(request)
        if peer is None or not within(peer, self._trusted):
            return False
        return request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() == "https"

    def address_of(self, request: HTTPConnection, path: str) -> str:
        """The URL of a path of this console, as the client reaches it. A URL stays as it is."""
        here = urlsplit(str(request.base_url))
        scheme = "https" if self.is_https(request) else here.scheme
        return urljoin(here._replace(scheme=scheme).geturl(), path)


def peer_of(request: HTTPConnection) -> Address | None:
    """The address at the other end of the connection."""
    address = None if request.client is None else parse_address(request.client.host)
    return None if address is None else unmapped(address)


def is_foreign(request: HTTPConnection) -> bool:
    """Whether the browser says that a page of another site sent the request. Programs say nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and not _is_own(request, origin)


def is_own(request: HTTPConnection) -> bool:
    """Whether the browser says that a page of this console sent the request."""
    return not is_foreign(request) and ("sec-fetch-site" in request.headers or "origin" in request.headers)


def _is_own(request: HTTPConnection, origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == request.headers.get("host", "").lower()


def local_path(wanted: str) -> str:
    """The path to go to after a login: `wanted` if it is one of this console, else `/`."""
    is_local = wanted.startswith("/") and not wanted.startswith("//")
    if not is_local or "\\" in wanted or not wanted.isascii() or not wanted.isprintable() or len(wanted) > _LONGEST:
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc or parts.path in {"/login", "/logout"} else wanted
