"""Probes are served over IPv4 and IPv6."""

import errno
import http.client
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from recording_operator.controller.health import Checks, HealthServer
from recording_operator.metrics import Metrics

HAS_IPV6 = socket.has_dualstack_ipv6()
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6 loopback address")
Listen = Callable[[str], int]
_OURS = f"not ready: {uuid.uuid4()}"
"""What no other server of this machine says: its port may be that of another on the other IP version."""


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts a server on a host, and returns its port."""
    with ExitStack() as stack:

        def start(host: str) -> int:
            checks = Checks(alive=lambda: None, ready=lambda: _OURS)
            server = HealthServer(host=host, port=0, checks=checks, metrics=Metrics(version="test"))
            server.start()
            stack.callback(server.stop)
            return server.port

        yield start


def ask(host: str, port: int, path: str) -> tuple[int, bytes]:
    """The HTTP status and the body."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def answer(host: str, port: int, path: str = "/healthz") -> int:
    """The HTTP status."""
    return ask(host, port, path)[0]


def is_ours(host: str, port: int) -> bool:
    """Whether the server of this test answers there, not that of another process, or none."""
    try:
        return ask(host, port, "/readyz") == (503, f"{_OURS}\n".encode())
    except (OSError, http.client.HTTPException):
        return False


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::", "[::]"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "::1"])
def test_every_address_is_of_both_versions(listen: Listen, host: str, asked: str) -> None:
    port = listen(host)
    assert [answer(asked, port, path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 200]


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_one_ipv6_address_is_only_that(listen: Listen, host: str) -> None:
    port = listen(host)
    assert (is_ours("::1", port), is_ours("127.0.0.1", port)) == (True, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - what is tested
def test_ipv4_addresses_are_ipv4(listen: Listen, host: str) -> None:
    port = listen(host)
    assert is_ours("127.0.0.1", port)
    if HAS_IPV6:
        assert not is_ours("::1", port)


def test_a_name_is_looked_up(listen: Listen) -> None:
    assert answer("localhost", listen("localhost")) == 200


def test_without_ipv6_in_the_kernel_ipv4_is_enough(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    assert answer("127.0.0.1", listen("")) == 200


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_without_ipv6_ipv4_is_enough(listen: Listen, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    bind = socket.socket.bind

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family is socket.AF_INET6:
            raise OSError(number, "no IPv6")
        bind(self, address)

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert answer("127.0.0.1", listen("")) == 200


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        checks = Checks(alive=lambda: None, ready=lambda: None)
        for host in ("127.0.0.1", ""):
            with pytest.raises(OSError, match="in use"):
                HealthServer(host=host, port=taken.getsockname()[1], checks=checks, metrics=Metrics(version="test"))


def test_a_star_is_every_address(listen: Listen) -> None:
    assert answer("127.0.0.1", listen("*")) == 200


@pytest.mark.parametrize("host", ["a..b", "b" * 64, "no such host", "fe80::1", "\ud800"])
def test_a_host_that_cannot_be_had_is_an_error_at_once(host: str) -> None:
    checks = Checks(alive=lambda: None, ready=lambda: None)
    with pytest.raises(OSError, match=r"."):
        HealthServer(host=host, port=0, checks=checks, metrics=Metrics(version="test"))
