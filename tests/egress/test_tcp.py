"""Connections go only to allowed addresses, even behind a load balancer that connects to another address."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from recording_operator.egress.addresses import Address
from recording_operator.egress.errors import BlockedError
from recording_operator.egress.policy import EndpointPolicy
from recording_operator.egress.tcp import Resolver, TcpConnector, system_resolver
from recording_operator.stopping import Deadline, Stopped
from tests.support.no_threads import no_more_threads


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that answers no new connection: its queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def connector(resolver: Resolver = system_resolver) -> TcpConnector:
    return TcpConnector(policy=EndpointPolicy(), dns_timeout_s=1, connect_timeout_s=1, resolver=resolver)


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


def test_a_deadline_covers_all_addresses_of_a_name(silent_port: int) -> None:
    addresses = [ip_address("127.0.0.1")] * 6
    begun = time.monotonic()
    with pytest.raises(Stopped):
        connector(lambda *_: addresses).connect("app.test", silent_port, stop=Deadline(threading.Event(), within_s=0.3))
    assert time.monotonic() - begun < 0.9


def test_a_deadline_covers_the_lookup_of_a_name(port: int) -> None:
    answered, begun = threading.Event(), time.monotonic()

    def slow(*_: object) -> list[Address]:
        answered.wait(5)
        return []

    try:
        with pytest.raises(Stopped):
            connector(slow).connect("app.test", port, stop=Deadline(threading.Event(), within_s=0.2))
        assert time.monotonic() - begun < 0.9
    finally:
        answered.set()


def test_no_other_address_is_tried_after_a_stop(silent_port: int) -> None:
    stop, begun = threading.Event(), time.monotonic()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Stopped):
        connector(lambda *_: [ip_address("127.0.0.1")] * 6).connect("app.test", silent_port, stop=stop)
    assert time.monotonic() - begun < 1.9
