"""Connections go only to allowed addresses, even behind a load balancer that connects to another address."""

import socket
from collections.abc import Iterator

import pytest

from recording_operator.egress.errors import BlockedError
from recording_operator.egress.policy import EndpointPolicy
from recording_operator.egress.tcp import TcpConnector
from tests.support.no_threads import no_more_threads


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def connector() -> TcpConnector:
    return TcpConnector(policy=EndpointPolicy(), dns_timeout_s=1, connect_timeout_s=1)


def test_a_backend_of_the_address_that_the_policy_allows_is_fine(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kernels with a load balancer in the socket layer show the pod behind the address of a Service."""
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("10.244.0.7", port))
    connector().connect("127.0.0.1", port).close()


@pytest.mark.parametrize("peer", ["169.254.169.254", "no address"])
def test_a_peer_that_the_policy_does_not_allow_is_blocked(
    peer: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: (peer, port))
    with pytest.raises(BlockedError):
        connector().connect("127.0.0.1", port)


def test_a_name_resolves_without_a_thread_where_none_can_be_started(port: int) -> None:
    with no_more_threads():
        connector().connect("localhost", port).close()
