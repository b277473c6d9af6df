"""Connections to the origins of URLs, for one request each: with a checked address, TLS, and a watchdog."""

import socket
import ssl

from recording_operator.egress.errors import EgressError, TlsError, UnreachableError
from recording_operator.egress.policy import EndpointPolicy, SourcePolicy
from recording_operator.egress.proxy import open_tunnel
from recording_operator.egress.tcp import Resolver, TcpConnector
from recording_operator.egress.tls import TlsSessions, tls_context
from recording_operator.egress.url import HttpUrl
from recording_operator.egress.watchdog import Interruption, SocketWatch, SocketWatchdog
from recording_operator.stopping import Stopped, StopSignal


class _HandshakeEndedError(Exception):
    """The server closed the connection during the handshake; `error` is the translated error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Connector:
    """Makes connections. Safe for many threads."""

    def __init__(self, policy: SourcePolicy, resolver: Resolver) -> None:
        self._timeouts = policy.timeouts
        self._proxy = policy.proxy_url
        self._tcp = TcpConnector(
            # With a proxy, connections go to an address of the administrator.
            policy=policy if self._proxy is None else EndpointPolicy(nat64_prefixes=policy.nat64_prefixes),
            resolver=resolver,
            dns_timeout_s=policy.timeouts.dns,
            connect_timeout_s=policy.timeouts.connect,
        )
        self._watchdog = SocketWatchdog()
        self._tls = tls_context(policy.tls)
        self._sessions = TlsSessions()

    def connect(self, url: HttpUrl, *, stop: StopSignal) -> tuple[socket.socket, SocketWatch]:
        """A connection to the URL's origin, and its watch. Raises EgressError and Stopped."""
        session = self._sessions.get(url.origin)
        if session is not None:
            try:
                return self._connect(url, session, stop=stop)
            except _HandshakeEndedError:  # some servers do so if they have forgotten the session
                self._sessions.forget(url.origin)
        try:
            return self._connect(url, None, stop=stop)
        except _HandshakeEndedError as ended:
            raise ended.error from None

    def request_target(self, url: HttpUrl) -> str:
        """The target in the request line. A proxy without a tunnel needs the whole URL."""
        if self._proxy is None or url.scheme == "https":
            return url.target
        return f"{url.scheme}://{url.host_header}{url.target}"

    def keep_session(self, url: HttpUrl, sock: socket.socket) -> None:
        """Let later connections to the URL's origin resume the TLS session of this one."""
        self._sessions.keep(url.origin, sock)

    def forget_sessions(self) -> None:
        """Let later connections make full handshakes."""
        self._sessions.clear()

    def _connect(
        self, url: HttpUrl, session: ssl.SSLSession | None, *, stop: StopSignal
    ) -> tuple[socket.socket, SocketWatch]:
        if self._proxy is None:
            plain = self._tcp.connect(url.host, url.port, stop=stop)
        else:
            plain = self._proxied(url, self._proxy, stop)
        sock = self._wrapped(plain, url, session) if url.scheme == "https" else plain
        watch = self._watchdog.watch(sock, stop=stop, within_s=self._timeouts.connect)
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except OSError as error:
            watch.release()
            sock.close()
            if watch.interruption is Interruption.STOPPED:
                raise Stopped from None
            if watch.interruption is Interruption.DEADLINE or isinstance(error, TimeoutError):
                raise UnreachableError(url.host) from None
            raise _HandshakeEndedError(_handshake_failure(error, url.host)) from None
        watch.deadline = None
        sock.settimeout(self._timeouts.read)
        return sock, watch

    def _proxied(self, url: HttpUrl, proxy: HttpUrl, stop: StopSignal) -> socket.socket:
        try:
            sock = self._tcp.connect(proxy.host, proxy.port, stop=stop)
        except EgressError:  # do not reveal the address of the proxy to the tenant
            raise UnreachableError(url.host) from None
        if url.scheme != "https":
            return sock
        watch = self._watchdog.watch(sock, stop=stop, within_s=self._timeouts.connect)
        try:
            open_tunnel(sock, host=url.host, port=url.port)
        except BaseException as error:
            watch.release()
            sock.close()
            if watch.interruption is Interruption.STOPPED:
                raise Stopped from None
            if isinstance(error, OSError):
                raise UnreachableError(url.host) from None
            raise
        watch.release()
        return sock

    def _wrapped(self, plain: socket.socket, url: HttpUrl, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        try:
            return self._tls.wrap_socket(
                plain, server_hostname=url.host, do_handshake_on_connect=False, session=session
            )
        except (OSError, ValueError) as error:  # a name that no certificate can have is a ValueError
            plain.close()
            raise _handshake_failure(error, url.host) from None


def _handshake_failure(error: Exception, host: str) -> EgressError:
    cut = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return TlsError(host) if isinstance(error, ssl.SSLError) and not cut else UnreachableError(host)
