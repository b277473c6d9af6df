"""The one door to sources: no request leaves without the address policy.

`requests` is used without its sessions: no cookies that one tenant's source could set for another's, no `.netrc`, no
proxy from the environment, no rewriting of a signed URL.
"""

import http.client
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import certifi
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidHeader, ProtocolError, ReadTimeoutError

from recording_operator.api.reasons import Reason
from recording_operator.transfer.dialer_adapter import SourceAdapter, cause_of
from recording_operator.transfer.dialer_connections import Net, RequestContext, Resolver, blocked, system_resolver
from recording_operator.transfer.errors import Stopped, TransferError
from recording_operator.transfer.job import StopSignal
from recording_operator.transfer.policy import RateFloor, SourcePolicy
from recording_operator.transfer.socket_guard import Fired, SocketGuard, Watch
from recording_operator.transfer.source_url import SourceUrl, follow, parse_source_url

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What frames the request or chooses the bytes is the data path's own; a user's header must not change it.
_OWN_HEADERS: Final = re.compile(
    r"host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|range|if-.*|proxy-.*",
    re.IGNORECASE,
)
# Of the floor's window, however few bytes are read: pauses are the read time-out's matter.
_LEAST_SHARE: Final = 0.25
_USER_AGENT: Final = "recording-operator"


class SourceResponse:
    """An answer whose body is still to be read. Belongs to one thread; close it."""

    def __init__(self, raw: HTTPResponse, *, host: str, watch: Watch, floor: RateFloor) -> None:
        self._raw = raw
        self._watch = watch
        self._floor = floor
        self.host: Final = host
        self.status: Final = raw.status

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self._raw.headers.get(name)

    @property
    def content_length(self) -> int | None:
        """The stated length of this body; None for chunked and for bodies that end with the connection."""
        stated = self.header("Content-Length")
        if self.chunked or stated is None or not stated.strip().isdecimal():
            return None
        return int(stated)

    @property
    def chunked(self) -> bool:
        """Whether the body shows its own end."""
        return "chunked" in (self.header("Transfer-Encoding") or "").lower()

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and up to `size`; b"" at the end.

        Raises TransferError (SourceReset where the body is cut, SourceTooSlow below the minimum rate) and Stopped.
        """
        self._set_deadline(size)
        try:
            data: bytes = self._raw.read(size)
        except (HTTPError, OSError, ValueError) as error:
            raise _translate(error, host=self.host, watch=self._watch) from None
        self._was_read(len(data), size)
        return data

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes and return how many; fewer only at the end, which may come too early.

        Raises as `read`, but a body that is cut just ends: whoever calls knows its length. `read` makes new memory for
        each window and copies into it, which costs a tenth of a transfer.
        """
        self._set_deadline(len(window))
        try:
            count: int = self._body.readinto(window)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _translate(error, host=self.host, watch=self._watch) from None
        self._was_read(count, len(window))
        return count

    @property
    def _body(self) -> Any:
        """The answer below urllib3's, which knows no buffers of others; `requests` takes cookies from it."""
        return self._raw._original_response

    def _set_deadline(self, size: int) -> None:
        # The floor as a deadline: whoever is faster always makes it, whoever is slower never does.
        share = max(_LEAST_SHARE, size / self._floor.size_bytes)
        self._watch.deadline = time.monotonic() + self._floor.window_s * share

    def _was_read(self, count: int, size: int) -> None:
        self._watch.deadline = None
        if count < size and self._watch.fired is not None:
            raise _translate(ConnectionResetError(), host=self.host, watch=self._watch)

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else drop it."""
        self._watch.release()
        if self._raw.length_remaining == 0 or self._body.length == 0:
            self._raw.drain_conn()  # an empty body is at its end, but the connection does not know it before a read
            self._raw.release_conn()
        else:
            self._raw.close()

    def __enter__(self) -> "SourceResponse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


KEEP_IDLE_S: Final = 60.0


class Dialer:
    """Opens GETs under a policy. Safe for many threads; one per process is enough."""

    def __init__(self, policy: SourcePolicy, *, resolver: Resolver = system_resolver, connections: int = 64) -> None:
        self.policy: Final = policy
        self._context = RequestContext()
        net = Net(policy=policy, resolver=resolver, guard=SocketGuard(), context=self._context)
        self._adapter = SourceAdapter(net, tls=_tls_context(policy), connections=connections)

    def open(
        self, url: str, *, user_headers: Mapping[str, str], own_headers: Mapping[str, str], stop: StopSignal
    ) -> SourceResponse:
        """GET `url`, following redirects by hand; any final status comes back as a response.

        `user_headers` go to the URL's own origin only. Raises TransferError and Stopped.
        """
        here = parse_source_url(url)
        extra = _checked_headers(user_headers)
        for _ in range(self.policy.max_redirects + 1):
            self._check(here)
            response = self._get(here, {**extra, **own_headers}, stop)
            location = response.header("Location")
            if response.status not in _REDIRECTS or location is None:
                return response
            response.close()
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
        """Drop idle connections."""
        self._adapter.close()

    def drop_idle(self, *, idle_s: float = KEEP_IDLE_S) -> None:
        """Drop the connections to hosts that nobody has asked for so long: a provider's tenants may have one each."""
        self._adapter.drop_idle(idle_s=idle_s)

    def _check(self, url: SourceUrl) -> None:
        policy = self.policy
        if url.scheme not in policy.schemes or not policy.permits_port(url.port) or not policy.permits_host(url.host):
            raise blocked()

    def _get(self, url: SourceUrl, headers: Mapping[str, str], stop: StopSignal) -> SourceResponse:
        if stop.is_set():
            raise Stopped
        self._context.url, self._context.stop, self._context.watch = url, stop, None
        try:
            raw = self._adapter.get(
                {"User-Agent": _USER_AGENT, **headers, "Host": url.host_header, "Accept-Encoding": "identity"}
            )
        except (HTTPError, OSError, ValueError) as error:
            raise _translate(error, host=url.host, watch=self._context.watch) from None
        watch = self._context.watch
        if watch is None or not isinstance(raw, HTTPResponse):
            raise TransferError(Reason.INTERNAL_ERROR, "A source was asked outside of the guarded connections.")
        return SourceResponse(raw, host=url.host, watch=watch, floor=self.policy.timeouts.min_throughput)


def _tls_context(policy: SourcePolicy) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    if policy.tls.ca_file is not None:
        context.load_verify_locations(cafile=policy.tls.ca_file)
    context.minimum_version = _TLS_VERSIONS[policy.tls.min_version]
    return context


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise TransferError(
                Reason.SOURCE_INVALID, "A header for the source has a name or value that HTTP does not allow."
            )
    return {name: value for name, value in headers.items() if not _OWN_HEADERS.fullmatch(name)}


def _translate(error: Exception, *, host: str, watch: Watch | None) -> Exception:
    """What a failure after the connection was made means. Library texts hold the URL and go no further."""
    if watch is not None:
        watch.release()
        if watch.fired is Fired.STOPPED:
            return Stopped()
        if watch.fired is Fired.DEADLINE:
            return TransferError(Reason.SOURCE_TOO_SLOW, f"{host} sends less than the policy's minimum.")
    error = cause_of(error)
    if isinstance(error, ReadTimeoutError | TimeoutError):
        return TransferError(Reason.SOURCE_TOO_SLOW, f"{host} stopped sending.")
    if isinstance(error, InvalidHeader):
        return TransferError(Reason.SOURCE_PROTOCOL_ERROR, f"{host} answered with headers that HTTP does not allow.")
    cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
    if isinstance(error, IncompleteRead) or isinstance(cause, OSError | IncompleteRead) or _is_cut(cause):
        return TransferError(Reason.SOURCE_RESET, f"The connection to {host} broke.")
    return TransferError(Reason.SOURCE_PROTOCOL_ERROR, f"{host} answered in a way that is not HTTP.")


def _is_cut(cause: object) -> bool:
    # http.client's own IncompleteRead and RemoteDisconnected; the latter is a ConnectionResetError too.
    return type(cause).__name__ in {"IncompleteRead", "RemoteDisconnected"}
