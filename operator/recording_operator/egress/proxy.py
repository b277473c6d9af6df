"""Tunnels through the proxy that the administrator configured (RFC 9110, section 9.3.6)."""

import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from recording_operator.egress.errors import BlockedError, InvalidUrlError, UnreachableError
from recording_operator.egress.http1.errors import MalformedResponse
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer
from recording_operator.egress.http1.request import request_head
from recording_operator.egress.http1.response import read_response
from recording_operator.egress.url import HttpUrl, parse_url

# Statuses with which proxies reject a destination: 403 (Squid), 407 (smokescreen).
_REFUSALS: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})


def parse_proxy(text: str) -> HttpUrl:
    """Read `http://HOST:PORT`. Raises ValueError."""
    try:
        proxy = parse_url(text)
    except InvalidUrlError:
        proxy = None
    if proxy is None or proxy.scheme != "http" or proxy.target != "/":
        raise ValueError("write a proxy as http://HOST:PORT, without user name and path")
    return proxy


def open_tunnel(sock: socket.socket, *, host: str, port: int, headers: Mapping[str, str] | None = None) -> None:
    """Open a tunnel to `host` through the proxy at the other end of `sock`.

    Raises BlockedError if the proxy rejects it, UnreachableError if it fails, and OSError of the socket.
    """
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    sock.sendall(request_head("CONNECT", authority, {"Host": authority, **(headers or {})}.items()))
    incoming = ReceiveBuffer(sock)
    try:
        status = read_response(incoming, method="CONNECT").status
    except MalformedResponse:
        raise UnreachableError(host) from None
    if status in _REFUSALS:
        raise BlockedError(host)
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or incoming.has_more:
        raise UnreachableError(host)
