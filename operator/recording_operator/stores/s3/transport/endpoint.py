"""Connections to endpoints, direct or through the proxy of the environment, under the address policy of endpoints.

Never connects to metadata services, even if a name resolves to one later or the environment names one as the proxy.
"""

import base64
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from botocore.utils import get_environ_proxies

from recording_operator.egress.errors import BlockedError, UnreachableError
from recording_operator.egress.policy import EndpointPolicy
from recording_operator.egress.proxy import open_tunnel
from recording_operator.egress.tcp import TcpConnector
from recording_operator.stores.s3.transport.messages import Origin

CONNECT_TIMEOUT_S: Final = 10.0
_PROXY_PORT: Final = 80


def endpoint_tcp(timeout_s: float = CONNECT_TIMEOUT_S) -> TcpConnector:
    """TCP to endpoints. The timeout applies to name resolution and to each connection."""
    return TcpConnector(policy=EndpointPolicy(), dns_timeout_s=timeout_s, connect_timeout_s=timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentProxy:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for a URL."""

    host: str
    port: int
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, scheme: str, authority: str) -> "EnvironmentProxy | None":
        """None for direct connections. Raises ValueError for an invalid proxy."""
        named = get_environ_proxies(f"{scheme}://{authority}").get(scheme)
        if named is None:
            return None
        parts = urlsplit(named if "://" in named else f"http://{named.removeprefix('//')}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"The proxy that {scheme}_proxy names cannot be used. Write http://HOST:PORT.")
        headers = {}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        return cls(host=parts.hostname, port=parts.port or _PROXY_PORT, headers=headers)


class EndpointConnector:
    """Connects to endpoints, with TLS if the scheme is https. Safe for many threads."""

    def __init__(self, *, tls: ssl.SSLContext, timeout_s: float) -> None:
        self._tls = tls
        self._tcp = endpoint_tcp(timeout_s)

    def connect(self, origin: Origin, proxy: EnvironmentProxy | None) -> socket.socket:
        """A connection for requests to the origin. Raises EgressError, OSError, and ValueError for an invalid name."""
        via = origin if proxy is None else proxy
        sock = self._tcp.connect(via.host, via.port)
        try:
            if origin.scheme != "https":
                return sock
            if proxy is not None:
                _tunnel(sock, origin, proxy)
            return self._tls.wrap_socket(sock, server_hostname=origin.host)
        except BaseException:
            sock.close()
            raise


def _tunnel(sock: socket.socket, origin: Origin, proxy: EnvironmentProxy) -> None:
    try:
        open_tunnel(sock, host=origin.host, port=origin.port, headers=proxy.headers)
    except BlockedError:  # The proxy rejected the tunnel. EndpointBlocked would point to the address instead.
        raise UnreachableError(origin.host) from None
