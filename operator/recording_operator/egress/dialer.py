"""The one door to servers that tenants name: no request leaves without the address policy.

Each request has a connection of its own, so a response can only be that request's: what a server sends too much, too
late or unasked ends with its connection (docs/decisions/http-responses.md). There is no session either: no cookies that
one tenant's source could set for another's, no `.netrc`, no proxy from the environment, no rewriting of a signed URL.
"""

import re
import time
from collections.abc import Mapping
from typing import Final

from recording_operator import __version__
from recording_operator.egress.connections import Connector
from recording_operator.egress.cookies import ChainCookies
from recording_operator.egress.errors import BlockedError, InvalidHeaderError, RedirectLimitError
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.incoming import Incoming
from recording_operator.egress.http1.quiet import is_quiet
from recording_operator.egress.http1.request import request_head
from recording_operator.egress.http1.response import read_response
from recording_operator.egress.policy import SourcePolicy
from recording_operator.egress.streaming import StreamedResponse, failure_of
from recording_operator.egress.tcp import Resolver, system_resolver
from recording_operator.egress.url import HttpUrl, follow, parse_url
from recording_operator.stopping import Stopped, StopSignal

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What frames the request or chooses the bytes is the data path's own; a user's header must not change it.
_OWN_HEADERS: Final = re.compile(
    r"host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|range|if-.*|proxy-.*",
    re.IGNORECASE,
)
USER_AGENT: Final = f"recording-operator/{__version__} (+https://recordings.dev)"


class Dialer:
    """Opens GETs under a policy. Safe for many threads; one per process is enough."""

    def __init__(self, policy: SourcePolicy, *, resolver: Resolver = system_resolver) -> None:
        self.policy: Final = policy
        self._connector = Connector(policy, resolver)
        self._standing = {"User-Agent": policy.user_agent or USER_AGENT, "Accept": "*/*"}

    def get(
        self, url: str, *, user_headers: Mapping[str, str], own_headers: Mapping[str, str], stop: StopSignal
    ) -> StreamedResponse:
        """GET `url`, following redirects by hand; any final status comes back as a response.

        `user_headers` go to the URL's own origin only. Raises EgressError and Stopped.
        """
        here = parse_url(url)
        extra = _checked_headers(user_headers)
        cookies = ChainCookies()
        for _ in range(self.policy.max_redirects + 1):
            if not self.policy.permits_url(here):
                raise BlockedError(here.host)
            response = self._get(here, self._headers(here, extra, own_headers, cookies), stop)
            location = next(iter(response.head.fields.get("location", ())), None)  # of several the first, as curl
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            cookies.keep(here, response.head)
            there = follow(here, location)
            if here.scheme == "https" and there.scheme != "https":
                raise BlockedError(here.host)
            if there.origin != here.origin:
                extra = {}
            here = there
        raise RedirectLimitError(here.host, self.policy.max_redirects)

    def close(self) -> None:
        """Forget the TLS sessions; there are no idle connections."""
        self._connector.forget_sessions()

    def _headers(
        self, url: HttpUrl, extra: Mapping[str, str], own: Mapping[str, str], cookies: ChainCookies
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

    def _get(self, url: HttpUrl, headers: list[tuple[str, str]], stop: StopSignal) -> StreamedResponse:
        if stop.is_set():
            raise Stopped
        timeouts = self.policy.timeouts
        try:
            asked = request_head("GET", url.target, headers)
        except ValueError:
            raise InvalidHeaderError from None
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
            raise failure_of(error, host=url.host, watch=watch) from None
        watch.deadline = None
        self._connector.keep_session(url, sock)
        return StreamedResponse(response, sock=sock, host=url.host, watch=watch, floor=timeouts.min_throughput)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidHeaderError
    return {name: value for name, value in headers.items() if not _OWN_HEADERS.fullmatch(name)}
