"""Connections to a store that are open and unused."""

import socket

from recording_operator.stores.s3.transport.idle_connections import IdleConnections
from recording_operator.stores.s3.transport.messages import origin_of

_HERE = origin_of("https", "store.example")
_THERE = origin_of("https", "other.example")


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _open() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def _is_closed(connection: socket.socket) -> bool:
    return connection.fileno() < 0


def test_the_one_that_was_used_last_is_used_again_and_only_for_its_place() -> None:
    idle, (first, peer), (second, other) = IdleConnections(), _open(), _open()
    idle.put(_HERE, first)
    idle.put(_HERE, second)
    with peer, other:
        assert idle.take(_THERE) is None
        assert idle.take(_HERE) is second
        assert idle.take(_HERE) is first
        assert idle.take(_HERE) is None


def test_a_connection_closed_by_the_store_is_skipped() -> None:
    idle, (good, peer), (closed, gone) = IdleConnections(), _open(), _open()
    idle.put(_HERE, good)
    idle.put(_HERE, closed)
    gone.close()
    with peer:
        assert idle.take(_HERE) is good
        assert _is_closed(closed)


def test_a_connection_with_unsolicited_bytes_is_not_used() -> None:
    idle, (connection, peer) = IdleConnections(), _open()
    idle.put(_HERE, connection)
    with peer:
        peer.sendall(b"HTTP/1.1 408 Request Timeout")
        assert idle.take(_HERE) is None
        assert _is_closed(connection)


def test_a_connection_that_is_idle_for_too_long_is_closed() -> None:
    clock = _Clock()
    idle, (connection, peer) = IdleConnections(clock=clock), _open()
    idle.put(_HERE, connection)
    clock.now_s += 15.1
    with peer:
        assert idle.take(_HERE) is None
        assert _is_closed(connection)


def test_their_number_is_bounded() -> None:
    idle, pairs = IdleConnections(), [_open() for _ in range(70)]
    for connection, _ in pairs:
        idle.put(_HERE, connection)
    assert sum(not _is_closed(connection) for connection, _ in pairs) == 64
    for connection, peer in pairs:
        connection.close()
        peer.close()


def test_once_closed_nothing_is_kept() -> None:
    idle, (kept, peer), (late, other) = IdleConnections(), _open(), _open()
    idle.put(_HERE, kept)
    idle.close()
    idle.put(_HERE, late)
    with peer, other:
        assert _is_closed(kept)
        assert _is_closed(late)
        assert idle.take(_HERE) is None
