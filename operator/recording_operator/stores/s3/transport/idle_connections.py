"""Idle connections to a store, shared by all threads of a client.

The threads of a transfer end with it. If each thread had its own connection, every transfer would begin with TLS
handshakes.
"""

import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from recording_operator.egress.http1.quiet import is_quiet
from recording_operator.stores.s3.transport.messages import Origin

_MOST: Final = 64
_IDLE_S: Final = 15.0
"""Stores close connections that are idle for 20 s or more."""


class IdleConnections:
    """Keeps at most 64 connections, each for 15 s. Safe for many threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: deque[tuple[float, Origin, socket.socket]] = deque()
        self._closed = False

    def take(self, origin: Origin) -> socket.socket | None:
        """The connection to this origin that was used most recently and is still open; None if there is none."""
        self._close_old()
        while (found := self._newest(origin)) is not None:
            if is_quiet(found):
                return found
            found.close()
        return None

    def put(self, origin: Origin, connection: socket.socket) -> None:
        """Keep a connection whose last response was read completely."""
        with self._lock:
            self._kept.append((self._clock(), origin, connection))
        self._close_old()

    def close(self) -> None:
        """Close all idle connections, and all that are put later."""
        self._closed = True
        self._close_old()

    def _newest(self, origin: Origin) -> socket.socket | None:
        with self._lock:
            for position in range(len(self._kept) - 1, -1, -1):
                _, at, connection = self._kept[position]
                if at == origin:
                    del self._kept[position]
                    return connection
        return None

    def _close_old(self) -> None:
        old: list[socket.socket] = []
        with self._lock:
            before = math.inf if self._closed else self._clock() - _IDLE_S
            while self._kept and (len(self._kept) > _MOST or self._kept[0][0] < before):
                old.append(self._kept.popleft()[2])
        for connection in old:
            connection.close()
