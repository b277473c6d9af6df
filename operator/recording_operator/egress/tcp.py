"""TCP connections to addresses that a policy allows. All connections to configured hosts are made here.

A name is resolved once for each connection, its addresses are checked, and the connection is made to a checked address.
This prevents DNS rebinding. TLS and the Host header use the name.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from recording_operator.egress.addresses import Address, parse_address
from recording_operator.egress.errors import BlockedError, UnreachableError, UnresolvableError
from recording_operator.stopping import Deadline, Stopped, StopSignal

Resolver = Callable[[str, int], Sequence[Address]]
# The most addresses of a name that are tried.
_MOST_ADDRESSES: Final = 16
# A socket with a timeout of 0 would not wait at all.
_LEAST_TIMEOUT_S: Final = 0.01


class AddressPolicy(Protocol):
    """Decides to which addresses connections may be made, like `SourcePolicy` and `EndpointPolicy`."""

    def permits_address(self, address: Address) -> bool:
        """Whether a connection to this address may be made."""


def system_resolver(host: str, port: int) -> Sequence[Address]:
    """The addresses of a name by the system's own resolver. Raises OSError (`socket.gaierror`) and UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [parse_address(str(entry[4][0])) for entry in found]
    return list(dict.fromkeys(address for address in addresses if address is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpConnector:
    """Makes connections under one policy. Safe for many threads."""

    policy: AddressPolicy
    dns_timeout_s: float
    connect_timeout_s: float
    resolver: Resolver = system_resolver

    def addresses(self, host: str, port: int, *, stop: StopSignal | None = None) -> Sequence[Address]:
        """The allowed addresses of `host`; others are skipped.

        Raises BlockedError if none is allowed, UnresolvableError if there is none, and Stopped.
        """
        literal = parse_address(host)
        found = [literal] if literal else self._resolve(host, port, stop)
        allowed = [address for address in found if self.policy.permits_address(address)]
        if not allowed:
            raise BlockedError(host)
        return allowed[:_MOST_ADDRESSES]

    def connect(self, host: str, port: int, *, stop: StopSignal | None = None) -> socket.socket:
        """A connection to the first allowed address that accepts one. Raises as `addresses`, and UnreachableError.

        `stop` is checked before each address. If it is a Deadline, nothing here takes longer.
        """
        for address in self.addresses(host, port, stop=stop):
            sock = self._connect_to(address, port, within_s=_bounded(self.connect_timeout_s, stop))
            if sock is not None:
                return sock
            _check(stop)
        raise UnreachableError(host)

    def _resolve(self, host: str, port: int, stop: StopSignal | None) -> Sequence[Address]:
        found: list[Address] = []

        def resolve() -> None:
            try:
                found.extend(self.resolver(host, port))
            except (OSError, UnicodeError):
                found.clear()

        # getaddrinfo has no timeout. A thread that hangs in it ends when the resolver of the system gives up.
        thread = threading.Thread(target=resolve, name="egress-dns", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads can be started: resolve without a timeout
            resolve()
        else:
            thread.join(_bounded(self.dns_timeout_s, stop))
        _check(stop)
        if thread.is_alive():
            raise UnresolvableError(host, timeout_s=self.dns_timeout_s)
        if not found:
            raise UnresolvableError(host)
        return found

    def _connect_to(self, address: Address, port: int, *, within_s: float) -> socket.socket | None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the version of IP
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(within_s)
            sock.connect((str(address), port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = parse_address(str(sock.getpeername()[0]))
        except OSError:
            sock.close()
            return None
        # Some load balancers of a cluster connect to a backend of the address, and show that one as the peer.
        if peer is None or (peer != address and not self.policy.permits_address(peer)):
            sock.close()
            raise BlockedError
        return sock


def _bounded(timeout_s: float, stop: StopSignal | None) -> float:
    return max(_LEAST_TIMEOUT_S, min(timeout_s, stop.left_s)) if isinstance(stop, Deadline) else timeout_s


def _check(stop: StopSignal | None) -> None:
    if stop is not None and stop.is_set():
        raise Stopped
