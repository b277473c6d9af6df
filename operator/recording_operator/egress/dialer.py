"""The only client for servers that tenants name: every request is checked against the address policy.

Each request has its own connection, so a response cannot belong to another request: bytes that a server sends too late
or without a request are discarded with the connection (docs/decisions/http-responses.md). Nothing else is shared
between requests either: cookies live for one chain of redirects. `.netrc` and proxies of the environment are ignored,
and a signed URL is sent unchanged.
"""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from recording_operator.egress.connections import Connector
from recording_operator.egress.cookies import ChainCookies
from recording_operator.egress.errors import BlockedError, InvalidHeaderError, RedirectLimitError
from recording_operator.egress.headers import USER_AGENT, checked_headers, joined_headers
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.head import Head
from recording_operator.egress.http1.quiet import is_quiet
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer
from recording_operator.egress.http1.request import request_head
from recording_operator.egress.http1.response import Response, read_response
from recording_operator.egress.policy import SourcePolicy
from recording_operator.egress.streaming import StreamedResponse, failure_of
from recording_operator.egress.tcp import Resolver, system_resolver
from recording_operator.egress.url import HttpUrl, follow, parse_url
from recording_operator.stopping import Stopped, StopSignal

MOST_REQUEST_BYTES: Final = 2**20
"""Largest body of a POST. It is kept in memory, because a redirect may need it again."""
MOST_RESPONSE_BYTES: Final = 64 * 2**10
"""Largest response to a POST, unless the caller sets another limit."""
_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})
# The others turn a POST into a GET, whose success would not mean that the body was received.
_REDIRECTS_THAT_KEEP_THE_METHOD: Final = frozenset({307, 308})
# A server may reject a body while it is still being sent.
_EARLY_RESPONSE_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostResponse:
    """The complete response to a POST."""

    status: int
    head: Head = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request that is sent to each URL of a chain of redirects; `user_headers` only to the first origin."""

    method: str
    user_headers: Mapping[str, str]
    own_headers: Mapping[str, str]
    body: bytes = b""
    redirects: frozenset[int]


class Dialer:
    """Sends requests under a policy. Thread-safe; one per process is enough."""

    def __init__(self, policy: SourcePolicy, *, resolver: Resolver = system_resolver) -> None:
        self.policy: Final = policy
        self._connector = Connector(policy, resolver)
        self._user_agent = policy.user_agent or USER_AGENT

    def get(
        self, url: str, *, user_headers: Mapping[str, str], own_headers: Mapping[str, str], stop: StopSignal
    ) -> StreamedResponse:
        """GET `url` and follow redirects. Returns the final response, whatever its status.

        `user_headers` are sent only to the origin of `url`. Raises EgressError and Stopped.
        """
        request = _Request(
            method="GET", user_headers=checked_headers(user_headers), own_headers=own_headers, redirects=_REDIRECTS
        )
        return self._follow_redirects(parse_url(url), request, stop)

    def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        user_headers: Mapping[str, str],
        stop: StopSignal,
        follow_redirects: bool = False,
        most_bytes: int = MOST_RESPONSE_BYTES,
    ) -> PostResponse:
        """POST `body` to `url` and read the response, at most `most_bytes`. Returns it whatever its status.

        A redirect is returned too. With `follow_redirects`, 307 and 308 are followed and the body is sent again,
        perhaps to another host; `user_headers` are sent only to the origin of `url`.
        Raises EgressError and Stopped, and ValueError for a body beyond MOST_REQUEST_BYTES.
        """
        if len(body) > MOST_REQUEST_BYTES:
            raise ValueError(f"a body of more than {MOST_REQUEST_BYTES} bytes")
        request = _Request(
            method="POST",
            user_headers=checked_headers(user_headers),
            own_headers={"Content-Type": content_type, "Content-Length": str(len(body))},
            body=body,
            redirects=_REDIRECTS_THAT_KEEP_THE_METHOD if follow_redirects else frozenset(),
        )
        with self._follow_redirects(parse_url(url), request, stop) as response:
            return PostResponse(status=response.status, head=response.head, body=response.read_all(at_most=most_bytes))

    def close(self) -> None:
        """Forget the TLS sessions; there are no idle connections."""
        self._connector.forget_sessions()

    def _follow_redirects(self, here: HttpUrl, request: _Request, stop: StopSignal) -> StreamedResponse:
        cookies, user_headers = ChainCookies(), request.user_headers
        for _ in range(self.policy.max_redirects + 1):
            if not self.policy.permits_url(here):
                raise BlockedError(here.host)
            headers = joined_headers(
                host=here.host_header,
                user_agent=self._user_agent,
                user=user_headers,
                own=request.own_headers,
                cookies=cookies.header(here),
            )
            response = self._send(here, request, headers, stop)
            location = next(
                iter(response.head.fields.get("location", ())), None
            )  # the first if there are several, like curl
            if response.status not in request.redirects or not location:
                return response
            response.close()
            cookies.keep(here, response.head)
            there = follow(here, location)
            if here.scheme == "https" and there.scheme != "https":
                raise BlockedError(here.host)
            if there.origin != here.origin:
                user_headers = {}
            here = there
        raise RedirectLimitError(here.host, self.policy.max_redirects)

    def _send(
        self, url: HttpUrl, request: _Request, headers: list[tuple[str, str]], stop: StopSignal
    ) -> StreamedResponse:
        if stop.is_set():
            raise Stopped
        timeouts = self.policy.timeouts
        try:
            head = request_head(request.method, self._connector.request_target(url), headers)
        except ValueError:
            raise InvalidHeaderError from None
        sock, watch = self._connector.connect(url, stop=stop)
        watch.deadline = time.monotonic() + timeouts.headers
        try:
            if not is_quiet(sock):
                raise MalformedResponse("sent data before it received a request")
            response = _exchange(sock, request.method, head + request.body)
        except BaseException as error:
            watch.release()
            sock.close()
            if not isinstance(error, MalformedResponse | OSError):
                raise
            raise failure_of(error, host=url.host, watch=watch) from None
        watch.deadline = None
        self._connector.keep_session(url, sock)
        return StreamedResponse(response, sock=sock, host=url.host, watch=watch, floor=timeouts.min_throughput)


def _exchange(sock: socket.socket, method: str, data: bytes) -> Response:
    try:
        sock.sendall(data)
    except ConnectionError as error:
        timeout_s = sock.gettimeout()
        sock.settimeout(_EARLY_RESPONSE_S)
        try:
            response = read_response(ReceiveBuffer(sock), method=method)
        except (MalformedResponse, OSError):
            raise error from None
        sock.settimeout(timeout_s)
        return response
    return read_response(ReceiveBuffer(sock), method=method)
