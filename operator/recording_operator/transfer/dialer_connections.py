"""Connections that go only where the policy allows: each address of a name is checked, and a checked one is used.

The name is looked up once per connection and the connection is made to the address that was checked, so a name that
changes its mind in between (DNS rebinding) gains nothing. `host` stays the name: SNI and the certificate's check are as
ever.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, SSLError
from urllib3.response import BaseHTTPResponse

from recording_operator.api.reasons import Reason
from recording_operator.transfer.addresses import Address, parse_address
from recording_operator.transfer.answer_head import PlainHeadResponse
from recording_operator.transfer.errors import Stopped, TransferError
from recording_operator.transfer.job import StopSignal
from recording_operator.transfer.policy import SourcePolicy
from recording_operator.transfer.socket_guard import Fired, SocketGuard, Watch
from recording_operator.transfer.source_url import SourceUrl

Resolver = Callable[[str, int], Sequence[Address]]
# A name with a thousand addresses is no reason to try a thousand connections.
_MOST_ADDRESSES: Final = 16
# What the libraries get to see in place of a path and query, which are secret.
NO_TARGET: Final = "/"
BLOCKED_MESSAGE: Final = "The operator's source policy does not allow this URL or where it leads."


def blocked() -> TransferError:
    """The one answer to everything that the policy forbids."""
    return TransferError(Reason.SOURCE_BLOCKED, BLOCKED_MESSAGE)


def system_resolver(host: str, port: int) -> Sequence[Address]:
    """The addresses of a name by the system's own resolver. Raises OSError (`socket.gaierror`)."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [parse_address(str(answer[4][0])) for answer in answers]
    return [address for address in addresses if address is not None]


class RequestContext(threading.local):
    """What the connection classes need from the request that this thread makes, and what they hand back."""

    url: SourceUrl  # no default: whoever asks for nothing must not get something else
    stop: StopSignal | None = None
    watch: Watch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Everything that a pinned connection asks."""

    policy: SourcePolicy
    resolver: Resolver
    guard: SocketGuard
    context: RequestContext

    def lookup(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of `host`, all of them allowed. Raises TransferError."""
        literal = parse_address(host)
        found = [literal] if literal else self._resolve_in_time(host, port)
        if not all(self.policy.permits_address(address) for address in found):
            raise blocked()
        return found[:_MOST_ADDRESSES]

    def _resolve_in_time(self, host: str, port: int) -> list[Address]:
        answers: list[Address] = []
        failure: list[bool] = []

        def resolve() -> None:
            try:
                answers.extend(self.resolver(host, port))
            except (OSError, UnicodeError):
                failure.append(True)

        # getaddrinfo knows no deadline; a thread that hangs in it ends when the system's resolver gives up.
        thread = threading.Thread(target=resolve, name="source-dns", daemon=True)
        thread.start()
        thread.join(self.policy.timeouts.dns)
        if thread.is_alive():
            limit_s = self.policy.timeouts.dns
            raise TransferError(Reason.SOURCE_UNRESOLVABLE, f"{host} did not resolve in {limit_s:g} s.")
        if failure or not answers:
            raise TransferError(Reason.SOURCE_UNRESOLVABLE, f"{host} does not resolve.")
        return list(answers)

    def connect(self, host: str, port: int) -> socket.socket:
        """A TCP connection to the first allowed address that answers. Raises TransferError."""
        for address in self.lookup(host, port):
            sock = self._connect_to(address, port)
            if sock is not None:
                return sock
        raise TransferError(Reason.SOURCE_UNREACHABLE, f"No connection to {host} could be made.")

    def _connect_to(self, address: Address, port: int) -> socket.socket | None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the version of IP
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.policy.timeouts.connect)
            sock.connect((str(address), port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = parse_address(str(sock.getpeername()[0]))
        except OSError:
            sock.close()
            return None
        if peer != address:
            sock.close()
            raise blocked()
        return sock


class _Pinned(HTTPConnection):
    """The parts of a connection that both schemes share; `net` is set on the subclass that a Dialer makes."""

    response_class = PlainHeadResponse
    net: Net
    _connecting: Watch | None = None

    def _new_conn(self) -> socket.socket:
        sock = self.net.connect(self.host.strip("[]"), self.port or self.default_port)
        stop = self.net.context.stop
        if stop is not None:
            self._connecting = self.net.guard.watch(sock, stop=stop, within_s=self.net.policy.timeouts.connect)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except (HTTPError, OSError) as error:
            raise self._connect_failed(error) from None
        finally:
            if self._connecting is not None:
                self._connecting.release()
                self._connecting = None

    def _connect_failed(self, error: Exception) -> Exception:
        with suppress(OSError):
            self.close()
        if self._connecting is not None and self._connecting.fired is Fired.STOPPED:
            return Stopped()
        cut = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | TimeoutError)
        if isinstance(error, ssl.SSLError | SSLError) and not cut:
            return TransferError(
                Reason.SOURCE_TLS_ERROR,
                f"{self.host} offers no acceptable TLS certificate or protocol; check the host name in the URL.",
            )
        return TransferError(Reason.SOURCE_UNREACHABLE, f"No connection to {self.host} could be made.")

    def putrequest(self, method: str, url: str, *args: Any, **options: Any) -> None:  # noqa: ARG002 - a placeholder
        # urllib3 rewrites targets (%2f to %2F, | to %7C), which breaks a signature, and tells them in its log. Only
        # here, where nothing looks at it any more, the target comes in as it was signed.
        super().putrequest(method, self.net.context.url.target, *args, **options)

    def getresponse(self) -> Any:
        stop = self.net.context.stop
        if stop is None or self.sock is None:
            return super().getresponse()
        watch = self.net.guard.watch(self.sock, stop=stop, within_s=self.net.policy.timeouts.headers)
        self.net.context.watch = watch
        response: BaseHTTPResponse = super().getresponse()
        watch.deadline = None
        return response


class _PinnedTls(_Pinned, HTTPSConnection):
    """The same over TLS."""


def pinned_pools(net: Net) -> dict[str, type[HTTPConnectionPool]]:
    """Pool classes for a `PoolManager` whose every connection is pinned by `net`."""
    plain = type("PinnedHTTPConnection", (_Pinned,), {"net": net})
    tls = type("PinnedHTTPSConnection", (_PinnedTls,), {"net": net})
    return {
        "http": type("PinnedHTTPConnectionPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("PinnedHTTPSConnectionPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }
