"""Limits of bodies: size, however it is stated, time and memory."""

import time

import pytest

from recording_operator.receiver.bodies import BodyLimits
from recording_operator.webserver.connections import ConnectionLimits
from tests.receiver.served import seconds_until_closed, served, status_of
from tests.support.waiting import eventually

_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
_LIMIT = 4096


def plain(size: int, *, stated: int | None = None, namespace: bytes = b"") -> bytes:
    """A request with Content-Length."""
    return (
        _HEAD.replace(b"/", b"/" + namespace, 1)
        + f"Content-Length: {size if stated is None else stated}\r\n\r\n".encode()
        + b"a" * size
    )


def chunked(size: int, *, chunk: int = 1000) -> bytes:
    """A request in chunks."""
    whole, rest = divmod(size, chunk)
    sizes = [chunk] * whole + ([rest] if rest else [])
    chunks = b"".join(f"{one:x}\r\n".encode() + b"a" * one + b"\r\n" for one in sizes)
    return _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize("request_of", [plain, chunked])
@pytest.mark.parametrize(("size", "status"), [(0, 200), (_LIMIT, 200), (_LIMIT + 1, 413), (_LIMIT * 3, 413)])
def test_a_body_above_the_limit_is_rejected(request_of: object, size: int, status: int) -> None:
    assert callable(request_of)
    with served(bodies=BodyLimits(size_bytes=_LIMIT)) as running:
        assert running.status_of(request_of(size)) == status
        assert running.echo.bodies.held_bytes.total() == 0


def test_a_body_of_1_mib_is_accepted_and_one_byte_more_is_not() -> None:
    with served() as running:
        assert running.status_of(plain(2**20)) == 200
        assert running.status_of(plain(2**20 + 1)) == 413


def test_a_length_that_is_larger_than_the_body_ends_with_the_deadline() -> None:
    with served(bodies=BodyLimits(timeout_s=0.3)) as running:
        assert running.status_of(plain(10, stated=100)) == 408
        assert running.echo.bodies.held_bytes.total() == 0


def test_a_length_that_is_smaller_than_the_body_ends_the_request_there() -> None:
    """What follows is the beginning of another request, for which the deadline applies."""
    with served(ConnectionLimits(header_timeout_s=0.3)) as running, running.connect() as connection:
        connection.sendall(plain(10, stated=5))
        assert status_of(connection) == 200
        assert seconds_until_closed(connection) < 5
        assert running.closed == ["header_timeout"]


@pytest.mark.parametrize("stated", ["Content-Length: -1", "Content-Length: 5, 6", "Content-Length: x"])
def test_a_length_that_is_no_number_is_rejected(stated: str) -> None:
    with served() as running:
        assert running.status_of(_HEAD + stated.encode() + b"\r\n\r\nhello") == 400


def test_a_length_beside_chunks_is_rejected() -> None:
    """One of two servers in a row would believe the other one of the two statements."""
    with served() as running:
        request = chunked(5).replace(b"Transfer", b"Content-Length: 3\r\nTransfer")
        assert running.status_of(request) == 400


def test_w7_a_body_that_arrives_slowly_is_given_up() -> None:
    with served(bodies=BodyLimits(timeout_s=0.5)) as running, running.connect() as connection:
        started_s = time.monotonic()
        connection.sendall(_HEAD + b"Content-Length: 1000\r\n\r\n")
        connection.settimeout(0.05)
        status = 0
        while not status:
            connection.sendall(b"a")
            try:
                status = status_of(connection)
            except TimeoutError:
                continue
        assert status == 408
        assert 0.3 < time.monotonic() - started_s < 5


def test_all_bodies_together_have_a_limit_and_one_namespace_takes_half_of_it_at_most() -> None:
    with (
        served(bodies=BodyLimits(together_bytes=2 * _LIMIT)) as running,
        running.connect() as of_a,
        running.connect() as of_b,
    ):
        of_a.sendall(plain(_LIMIT - 10, stated=_LIMIT, namespace=b"a"))
        eventually(lambda: running.echo.bodies.held_bytes.total() == _LIMIT - 10, what="the first body is read")
        assert running.status_of(plain(11, namespace=b"a")) == 429
        assert running.status_of(plain(10, namespace=b"a")) == 200
        of_b.sendall(plain(_LIMIT - 10, stated=_LIMIT, namespace=b"b"))
        eventually(lambda: running.echo.bodies.held_bytes.total() == 2 * _LIMIT - 20, what="the second body is read")
        assert running.status_of(plain(21, namespace=b"c")) == 429
        assert running.status_of(plain(20, namespace=b"c")) == 200
        of_a.sendall(b"a" * 10)
        of_b.sendall(b"a" * 10)
        assert (status_of(of_a), status_of(of_b)) == (200, 200)
        assert not running.echo.bodies.held_bytes


def test_a_client_that_goes_away_leaves_nothing_in_memory() -> None:
    with served() as running:
        with running.connect() as connection:
            connection.sendall(plain(100, stated=1000))
            eventually(lambda: running.echo.bodies.held_bytes.total() == 100, what="the body is read")
        eventually(lambda: running.echo.bodies.held_bytes.total() == 0, what="the body is dropped")
