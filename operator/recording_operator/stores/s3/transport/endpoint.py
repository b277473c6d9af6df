"""The wall around endpoints: what no StorageLocation may lead to is not connected to, whatever a name answers later.

A name is looked up once for each connection, all of its addresses are checked, and one that was checked is connected
to. So a name that changed its mind after the probe (DNS rebinding), or a store that redirects, gains nothing. TLS and
the Host header keep the name.
"""

import socket
from collections.abc import Sequence
from typing import Any, Final

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from recording_operator.egress.addresses import Address, may_be_endpoint, parse_address

_MOST_ADDRESSES: Final = 16


class EndpointBlocked(Exception):  # noqa: N818 - named as its reason
    """The endpoint has an address that no endpoint may have; no connection was made."""

    def __init__(self) -> None:
        super().__init__("the endpoint's address is not allowed")


def endpoint_addresses(host: str, port: int) -> Sequence[Address]:
    """The allowed addresses of an endpoint; others are skipped.

    Raises EndpointBlocked where none is allowed, and OSError where it has none.
    """
    try:
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except ValueError:  # no name at all
        raise OSError from None
    addresses = [address for answer in answers if (address := parse_address(str(answer[4][0]))) is not None]
    allowed = [address for address in dict.fromkeys(addresses) if may_be_endpoint(address)]
    if addresses and not allowed:
        raise EndpointBlocked
    return allowed[:_MOST_ADDRESSES]


def connect_endpoint(address: tuple[str, int], timeout: Any = None, source_address: Any = None) -> socket.socket:
    """As `socket.create_connection`, behind the wall. Raises EndpointBlocked and OSError."""
    host, port = address
    failure: OSError | None = None
    for found in endpoint_addresses(host, port):
        try:
            return socket.create_connection((str(found), port), timeout, source_address)
        except OSError as error:
            failure = error
    raise failure or OSError("no address")


def wall_off(client: Any) -> None:
    """Put the wall around every connection of a boto3 client, those of proxies and of redirects too."""
    # botocore has no door for this; its version is pinned, and tests/security would see a wall that is gone.
    client._endpoint.http_session._pool_classes_by_scheme.update(_POOLS)


class _Walled(AWSHTTPConnection):  # type: ignore[misc]  # botocore has no types
    """What both schemes share: one name, each of its checked addresses in turn."""

    _dns_host: str

    def _new_conn(self) -> Any:
        name = self._dns_host
        try:
            addresses = endpoint_addresses(name, self.port)
        except OSError as error:
            raise NameResolutionError(name, self, socket.gaierror(error.errno)) from None
        failure: Exception | None = None
        try:
            for address in addresses:
                self._dns_host = str(address)
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
        finally:
            self._dns_host = name
        raise failure or NewConnectionError(self, "no address")


class _WalledTls(_Walled, AWSHTTPSConnection):  # type: ignore[misc]  # botocore has no types
    """The same over TLS."""


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # botocore has no types
    ConnectionCls = _Walled


class _TlsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # botocore has no types
    ConnectionCls = _WalledTls


_POOLS: Final = {"http": _Pool, "https": _TlsPool}
