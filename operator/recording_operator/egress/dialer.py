"""The one door to sources: no request leaves without the address policy.

Each request has a connection of its own, so a response can only be that request's: what a source sends too much, too
late or unasked ends with its connection (docs/decisions/http-responses.md). There is no session either: no cookies that
one tenant's source could set for another's, no `.netrc`, no proxy from the environment, no rewriting of a signed URL.
"""

import re
import socket
import time
from collections.abc import Mapping
from typing import Final

from recording_operator import __version__
from recording_operator.api.reasons import Reason
from recording_operator.egress.connections import Connector, Net, Resolver, blocked, system_resolver
from recording_operator.egress.cookies import ChainCookies
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.framing import BodyEnd
from recording_operator.egress.http1.head import Head
from recording_operator.egress.http1.incoming import Incoming
from recording_operator.egress.http1.quiet import is_quiet
from recording_operator.egress.http1.request import request_head
from recording_operator.egress.http1.response import Response, read_response
from recording_operator.egress.policy import RateFloor, SourcePolicy
from recording_operator.egress.url import SourceUrl, follow, parse_source_url
from recording_operator.egress.watchdog import Interruption, SocketWatch
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What frames the request or chooses the bytes is the data path's own; a user's header must not change it.
_OWN_HEADERS: Final = re.compile(
    r"host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|range|if-.*|proxy-.*",
    re.IGNORECASE,
)
# Of the floor's window, however few bytes are read: pauses are the read time-out's matter.
_LEAST_SHARE: Final = 0.25
USER_AGENT: Final = f"recording-operator/{__version__} (+https://recordings.dev)"


class SourceResponse:
    """A response whose body is still to be read. Belongs to one thread; close it."""

    def __init__(
        self, response: Response, *, sock: socket.socket, host: str, watch: SocketWatch, floor: RateFloor
    ) -> None:
        self._response = response
        self._sock = sock
        self._watch = watch
        self._floor = floor
        self.host: Final = host
        self.status: Final = response.status

    @property
    def head(self) -> Head:
        """The status and all headers."""
        return self._response.head

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self._response.head.get(name.lower())

    @property
    def content_length(self) -> int | None:
        """The stated length of this body; None for chunked and for bodies that end with the connection."""
        return self._response.framing.length

    @property
    def chunked(self) -> bool:
        """Whether the body shows its own end."""
        return self._response.framing.end is BodyEnd.CHUNKED

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and up to `size`; b"" at the end.

        Raises TransferError (SourceReset where the body is cut, SourceTooSlow below the minimum rate) and Stopped.
        """
        window = bytearray(size)
        return bytes(memoryview(window)[: self.readinto(memoryview(window))])

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes and return how many; fewer only before the end or a cut, 0 at the end.

        Raises as `read`, which makes new memory for each window and copies into it: a tenth of a transfer.
        """
        # The floor as a deadline: whoever is faster always makes it, whoever is slower never does.
        share = max(_LEAST_SHARE, len(window) / self._floor.size_bytes)
        self._watch.deadline = time.monotonic() + self._floor.window_s * share
        try:
            count = self._response.readinto(window)
        except (MalformedResponse, OSError) as error:
            raise _translate(error, host=self.host, watch=self._watch) from None
        self._watch.deadline = None
        if count < len(window) and self._watch.interruption is not None:
            raise _translate(ConnectionResetError(), host=self.host, watch=self._watch)
        return count

    def close(self) -> None:
        """Drop the connection."""
        self._watch.release()
        self._sock.close()

    def __enter__(self) -> "SourceResponse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Dialer:
    """Opens GETs under a policy. Safe for many threads; one per process is enough."""

    def __init__(self, policy: SourcePolicy, *, resolver: Resolver = system_resolver) -> None:
        self.policy: Final = policy
        self._connector = Connector(Net(policy=policy, resolver=resolver))
        self._standing = {"User-Agent": policy.user_agent or USER_AGENT, "Accept": "*/*"}

    def open(
        self, url: str, *, user_headers: Mapping[str, str], own_headers: Mapping[str, str], stop: StopSignal
    ) -> SourceResponse:
        """GET `url`, following redirects by hand; any final status comes back as a response.

        `user_headers` go to the URL's own origin only. Raises TransferError and Stopped.
        """
        here = parse_source_url(url)
        extra = _checked_headers(user_headers)
        cookies = ChainCookies()
        for _ in range(self.policy.max_redirects + 1):
            self._check(here)
            response = self._get(here, self._headers(here, extra, own_headers, cookies), stop)
            location = next(iter(response.head.fields.get("location", ())), None)  # of several the first, as curl
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            cookies.keep(here, response.head)
            there = follow(here, location)
            if here.scheme == "https" and there.scheme != "https":
                raise blocked()
            if there.origin != here.origin:
                extra = {}
            here = there
        raise TransferError(
            Reason.SOURCE_REDIRECT_LIMIT, f"{here.host} redirects more than {self.policy.max_redirects} times."
        )

    def close(self) -> None:
        """Forget the TLS sessions; there are no idle connections."""
        self._connector.forget_sessions()

    def _check(self, url: SourceUrl) -> None:
        policy = self.policy
        if url.scheme not in policy.schemes or not policy.permits_port(url.port) or not policy.permits_host(url.host):
            raise blocked()

    def _headers(
        self, url: SourceUrl, extra: Mapping[str, str], own: Mapping[str, str], cookies: ChainCookies
    ) -> list[tuple[str, str]]:
        given = {name.lower() for name in extra}
        standing = {name: value for name, value in self._standing.items() if name.lower() not in given}
        kept = cookies.header(url)
        joined = {
            name: f"{value}; {kept}" if kept and name.lower() == "cookie" else value for name, value in extra.items()
        }
        if kept and "cookie" not in given:
            joined["Cookie"] = kept
        sent = {"Host": url.host_header, **standing, "Accept-Encoding": "identity", **joined, **own}
        return list(sent.items())

    def _get(self, url: SourceUrl, headers: list[tuple[str, str]], stop: StopSignal) -> SourceResponse:
        if stop.is_set():
            raise Stopped
        timeouts = self.policy.timeouts
        try:
            asked = request_head("GET", url.target, headers)
        except ValueError:
            raise _invalid_header() from None
        sock, watch = self._connector.connect(url, stop=stop)
        watch.deadline = time.monotonic() + timeouts.headers
        try:
            if not is_quiet(sock):
                raise MalformedResponse("sent something before it was asked")
            sock.sendall(asked)
            response = read_response(Incoming(sock), method="GET")
        except BaseException as error:
            watch.release()
            sock.close()
            if not isinstance(error, MalformedResponse | OSError):
                raise
            raise _translate(error, host=url.host, watch=watch) from None
        watch.deadline = None
        self._connector.keep_session(url, sock)
        return SourceResponse(response, sock=sock, host=url.host, watch=watch, floor=timeouts.min_throughput)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise _invalid_header()
    return {name: value for name, value in headers.items() if not _OWN_HEADERS.fullmatch(name)}


def _invalid_header() -> TransferError:
    return TransferError(Reason.SOURCE_INVALID, "A header for the source has a name or value that HTTP does not allow.")


def _translate(error: Exception, *, host: str, watch: SocketWatch) -> Exception:
    """What a failure after the connection was made means. Library texts go no further."""
    watch.release()
    if watch.interruption is Interruption.STOPPED:
        return Stopped()
    if watch.interruption is Interruption.DEADLINE:
        return TransferError(Reason.SOURCE_TOO_SLOW, f"{host} sends less than the policy's minimum.")
    if isinstance(error, TimeoutError):
        return TransferError(Reason.SOURCE_TOO_SLOW, f"{host} stopped sending.")
    if isinstance(error, MalformedResponse):
        return TransferError(
            Reason.SOURCE_PROTOCOL_ERROR, f"{host} {error}. Check the URL with its provider: a proxy may be in between."
        )
    return TransferError(Reason.SOURCE_RESET, f"The connection to {host} broke.")
