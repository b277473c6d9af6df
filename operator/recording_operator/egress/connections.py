"""Connections that go only where the policy allows: each address of a name is checked, and a checked one is used.

The name is looked up once per connection and the connection is made to the address that was checked, so a name that
changes its mind in between (DNS rebinding) gains nothing. `host` stays the name: SNI and the certificate's check are as
ever.
"""

import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import certifi

from recording_operator.api.reasons import Reason
from recording_operator.egress.addresses import Address, parse_address
from recording_operator.egress.policy import SourcePolicy
from recording_operator.egress.url import Origin, SourceUrl
from recording_operator.egress.watchdog import Interruption, SocketWatch, SocketWatchdog
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal

Resolver = Callable[[str, int], Sequence[Address]]
# A name with a thousand addresses is no reason to try a thousand connections.
_MOST_ADDRESSES: Final = 16
# A session is some kilobytes, and a provider's tenants may have a host each.
_MOST_SESSIONS: Final = 64
_TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
BLOCKED_MESSAGE: Final = "The operator's source policy does not allow this URL or where it leads."


def blocked() -> TransferError:
    """The one answer to everything that the policy forbids."""
    return TransferError(Reason.SOURCE_BLOCKED, BLOCKED_MESSAGE)


def system_resolver(host: str, port: int) -> Sequence[Address]:
    """The addresses of a name by the system's own resolver. Raises OSError (`socket.gaierror`)."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [parse_address(str(answer[4][0])) for answer in answers]
    return [address for address in addresses if address is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Which address a name leads to, as far as the policy allows."""

    policy: SourcePolicy
    resolver: Resolver

    def lookup(self, host: str, port: int) -> Sequence[Address]:
        """The allowed addresses of `host`; others are skipped. Raises TransferError where none is allowed."""
        literal = parse_address(host)
        found = [literal] if literal else self._resolve_in_time(host, port)
        allowed = [address for address in found if self.policy.permits_address(address)]
        if not allowed:
            raise blocked()
        return allowed[:_MOST_ADDRESSES]

    def _resolve_in_time(self, host: str, port: int) -> list[Address]:
        answers: list[Address] = []
        failure: list[bool] = []

        def resolve() -> None:
            try:
                answers.extend(self.resolver(host, port))
            except (OSError, UnicodeError):
                failure.append(True)

        # getaddrinfo knows no deadline; a thread that hangs in it ends when the system's resolver gives up.
        thread = threading.Thread(target=resolve, name="egress-dns", daemon=True)
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


class TlsSessions:
    """A TLS session of each origin, so that the next connection there costs no signature. For many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[Origin, ssl.SSLSession] = OrderedDict()

    def get(self, origin: Origin) -> ssl.SSLSession | None:
        """The session to resume, if there is one."""
        with self._lock:
            return self._sessions.get(origin)

    def keep(self, origin: Origin, sock: socket.socket) -> None:
        """Remember the session of a connection that has received something: TLS 1.3 sends it after the handshake."""
        # A session that was resumed serves again; copying it costs a third of a millisecond.
        if not isinstance(sock, ssl.SSLSocket) or sock.session_reused or sock.session is None:
            return
        session = sock.session
        with self._lock:
            self._sessions[origin] = session
            self._sessions.move_to_end(origin)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)

    def forget(self, origin: Origin) -> None:
        """Drop the session of an origin."""
        with self._lock:
            self._sessions.pop(origin, None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._sessions.clear()


class _Refused(Exception):  # noqa: N818 - named as what happened
    """The other side ended the handshake; `error` is what that means."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Connector:
    """Makes connections for one request each. Safe for many threads."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._watchdog = SocketWatchdog()
        self._tls = _tls_context(net.policy)
        self._sessions = TlsSessions()

    def connect(self, url: SourceUrl, *, stop: StopSignal) -> tuple[socket.socket, SocketWatch]:
        """A connection to the URL's origin, TLS done, and the watch over it. Raises TransferError and Stopped."""
        session = self._sessions.get(url.origin)
        if session is not None:
            try:
                return self._connect(url, session, stop=stop)
            except _Refused:  # some servers end the handshake instead of ignoring a session that they do not know
                self._sessions.forget(url.origin)
        try:
            return self._connect(url, None, stop=stop)
        except _Refused as refused:
            raise refused.error from None

    def _connect(
        self, url: SourceUrl, session: ssl.SSLSession | None, *, stop: StopSignal
    ) -> tuple[socket.socket, SocketWatch]:
        plain = self._net.connect(url.host, url.port)
        sock = self._wrapped(plain, url, session) if url.scheme == "https" else plain
        watch = self._watchdog.watch(sock, stop=stop, within_s=self._net.policy.timeouts.connect)
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except OSError as error:
            watch.release()
            sock.close()
            if watch.interruption is None and not isinstance(error, TimeoutError):
                raise _Refused(_not_connected(error, url.host, watch)) from None
            raise _not_connected(error, url.host, watch) from None
        watch.deadline = None
        sock.settimeout(self._net.policy.timeouts.read)
        return sock, watch

    def keep_session(self, url: SourceUrl, sock: socket.socket) -> None:
        """Let later connections to the URL's origin resume the TLS session of this one."""
        self._sessions.keep(url.origin, sock)

    def forget_sessions(self) -> None:
        """Let later connections make full handshakes."""
        self._sessions.clear()

    def _wrapped(self, plain: socket.socket, url: SourceUrl, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        try:
            return self._tls.wrap_socket(
                plain, server_hostname=url.host, do_handshake_on_connect=False, session=session
            )
        except (OSError, ValueError) as error:  # a name that no certificate can have is a ValueError
            plain.close()
            raise _not_connected(error, url.host, None) from None


def _tls_context(policy: SourcePolicy) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    if policy.tls.ca_file is not None:
        context.load_verify_locations(cafile=policy.tls.ca_file)
    context.minimum_version = _TLS_VERSIONS[policy.tls.min_version]
    context.set_alpn_protocols(["http/1.1"])
    return context


def _not_connected(error: Exception, host: str, watch: SocketWatch | None) -> Exception:
    if watch is not None and watch.interruption is Interruption.STOPPED:
        return Stopped()
    cut = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | TimeoutError)
    timed_out = watch is not None and watch.interruption is Interruption.DEADLINE
    if isinstance(error, ssl.SSLError) and not cut and not timed_out:
        return TransferError(
            Reason.SOURCE_TLS_ERROR,
            f"{host} offers no acceptable TLS certificate or protocol; check the host name in the URL.",
        )
    return TransferError(Reason.SOURCE_UNREACHABLE, f"No connection to {host} could be made.")
