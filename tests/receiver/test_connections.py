"""Deadline of headers and limit of connections (fault W7), with the real server."""

import socket
import threading
import time

import pytest

from recording_operator.webserver.connections import ConnectionLimits
from tests.receiver.served import ENDLESS, GET, Served, seconds_until_closed, served, status_of
from tests.support.waiting import eventually


def test_a_request_gets_a_response() -> None:
    with served() as running:
        assert running.status_of(GET) == 200


def test_the_body_of_a_response_does_not_wait_for_the_client_to_acknowledge_the_headers() -> None:
    with served() as running, running.connect() as connection:
        began_s = time.monotonic()
        for _ in range(30):
            connection.sendall(GET)
            received = b""
            while not received.endswith(b"\r\n\r\n0"):
                received += connection.recv(65536)
        assert time.monotonic() - began_s < 30 * 0.03  # 40 ms each, if it waits


@pytest.mark.parametrize("sent", [b"", b"P", b"POST / HTTP/1.1\r\nHost: a\r\n"])
def test_w7_a_connection_without_complete_headers_is_closed(sent: bytes) -> None:
    with served(ConnectionLimits(header_timeout_s=0.3)) as running, running.connect() as connection:
        connection.sendall(sent)
        assert 0.2 < seconds_until_closed(connection) < 5
        assert running.closed == ["header_timeout"]
        assert running.open_connections(0)


def test_w7_bytes_that_arrive_one_by_one_do_not_extend_the_deadline() -> None:
    with served(ConnectionLimits(header_timeout_s=0.5)) as running, running.connect() as connection:
        stop = threading.Event()
        thread = threading.Thread(target=_trickle, args=(connection, stop))
        thread.start()
        assert 0.3 < seconds_until_closed(connection) < 5
        stop.set()
        thread.join()
        assert running.closed == ["header_timeout"]


def _trickle(connection: socket.socket, stop: threading.Event) -> None:
    for byte in b"POST / HTTP/1.1\r\nX-Long: " + b"a" * 10_000:
        if stop.wait(0.05):
            return
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return


def test_the_deadline_applies_to_each_request_of_a_connection() -> None:
    with served(ConnectionLimits(header_timeout_s=0.3)) as running, running.connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            received = b""
            while not received.endswith(b"\r\n\r\n0"):
                received += connection.recv(65536)
        connection.sendall(GET[:10])
        assert seconds_until_closed(connection) < 5
        assert running.closed == ["header_timeout"]


def test_w7_1000_idle_connections_keep_nobody_out() -> None:
    """The server accepts 100: the oldest idle ones are closed for new ones."""
    with served(ConnectionLimits(connections=100)) as running:
        idle = [running.connect() for _ in range(1000)]
        assert running.status_of(GET) == 200
        assert len(running.connections) <= 100
        assert running.closed.count("limit") >= 900
        for connection in idle:
            connection.close()
        assert running.open_connections(0)


def test_a_connection_at_work_is_not_closed_for_a_new_one() -> None:
    with served(ConnectionLimits(connections=2)) as running, running.connect() as working:
        working.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        _has_begun(running)
        others = [running.connect() for _ in range(5)]
        assert running.status_of(GET) == 200
        working.sendall(b"cd")
        assert status_of(working) == 200
        for connection in others:
            connection.close()


def test_if_all_connections_are_at_work_a_new_one_is_closed() -> None:
    with served(ConnectionLimits(connections=1)) as running, running.connect() as working:
        working.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        _has_begun(running)
        with running.connect() as other:
            assert seconds_until_closed(other) < 5
        working.sendall(b"cd")
        assert status_of(working) == 200


def test_clients_that_do_not_read_keep_nobody_out() -> None:
    with served(ConnectionLimits(connections=5)) as running:
        stalled = [running.connect() for _ in range(5)]
        for connection in stalled:
            connection.sendall(ENDLESS)
            assert connection.recv(1)
        eventually(lambda: running.status_of(GET) == 200)
        assert set(running.closed) == {"limit"}
        for connection in stalled:
            connection.close()


def test_a_client_that_does_not_read_is_given_up() -> None:
    with served(ConnectionLimits(stalled_timeout_s=0.3)) as running, running.connect() as connection:
        connection.sendall(ENDLESS)
        eventually(lambda: running.closed == ["stalled"])
        assert running.open_connections(0)


def test_a_client_that_reads_slowly_is_not_given_up() -> None:
    with served(ConnectionLimits(stalled_timeout_s=0.3)) as running, running.connect() as connection:
        connection.sendall(ENDLESS)
        until_s = time.monotonic() + 1
        while time.monotonic() < until_s:
            assert connection.recv(65536)
        assert running.closed == []


def _has_begun(running: Served) -> None:
    """Wait until the server reads a body."""
    eventually(lambda: running.echo.bodies.held_bytes.total() == 2, what="the body is read")
