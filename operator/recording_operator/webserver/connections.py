"""HTTP/1.1 connections with deadlines for the headers and for clients that do not read, and a limit on their number.

uvicorn has none of them. Its class for connections is extended here by timers and lists: `uvicorn.Config(http=…)`
accepts a class, and `tests/receiver/test_connections.py` checks what this one relies on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections may be open, and how long they may take for the headers of a request."""

    connections: int = 1000
    header_timeout_s: float = 10.0
    stalled_timeout_s: float = 60.0
    """How long a client may leave what was sent to it unread."""


class Connections:
    """All open connections of one server. Used by its event loop only."""

    def __init__(self, limits: ConnectionLimits, *, on_closed: Callable[[str], None] = lambda _: None) -> None:
        """`on_closed` is called with why a connection was closed: `header_timeout`, `stalled` or `limit`."""
        self.limits = limits
        self.on_closed = on_closed
        self._open: set[TimedProtocol] = set()
        # Without a request: the oldest first.
        self._idle: dict[TimedProtocol, None] = {}
        # Whose client does not read the response: the oldest first.
        self._stalled: dict[TimedProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: "TimedProtocol") -> None:
        """Make room by closing another connection, or the new one if all are at work.

        It is the one that has been idle for longest, otherwise the one whose client has not read for longest: a client
        that has a request sends it at once. Connections that only keep others out are therefore closed first.
        """
        self._open.add(connection)
        if len(self._open) > self.limits.connections:
            self.on_closed("limit")
            next(chain(self._idle, self._stalled, (connection,))).abort()
        if connection in self._open:
            self._idle[connection] = None

    def is_idle(self, connection: "TimedProtocol", *, idle: bool) -> None:
        """The connection waits for a request, or works on one."""
        if not idle:
            self._idle.pop(connection, None)
        elif connection in self._open:
            self._idle.setdefault(connection)

    def is_stalled(self, connection: "TimedProtocol", *, stalled: bool) -> None:
        """The client does not read the response, or reads again."""
        if not stalled:
            self._stalled.pop(connection, None)
        elif connection in self._open:
            self._stalled.setdefault(connection)

    def closed(self, connection: "TimedProtocol") -> None:
        """The connection has ended."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._stalled.pop(connection, None)


class TimedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, registry: Connections, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._registry = registry
        self._deadline: asyncio.TimerHandle | None = None
        self._reading_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client has connected: its first request is due."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._arm()
        self._registry.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request have arrived."""
        super().data_received(data)
        waiting = self.conn.their_state is h11.IDLE
        self._registry.is_idle(self, idle=waiting)
        if not waiting:
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def on_response_complete(self) -> None:
        """The response was written. uvicorn closes the connection if no other request follows soon."""
        self._registry.is_idle(self, idle=True)
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] and self._deadline is None:
            self._arm()  # the next request has begun already

    def pause_writing(self) -> None:
        """The client has not read what was sent, or reads slowly."""
        super().pause_writing()
        self._registry.is_stalled(self, stalled=True)
        timeout_s = self._registry.limits.stalled_timeout_s
        self._reading_deadline = self.loop.call_later(timeout_s, self._give_up, "stalled")

    def resume_writing(self) -> None:
        """The client has read most of it."""
        self._reads()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._disarm()
        self._reads()
        self._registry.closed(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection without a response."""
        self._registry.closed(self)
        self.transport.abort()

    def _arm(self) -> None:
        timeout_s = self._registry.limits.header_timeout_s
        self._deadline = self.loop.call_later(timeout_s, self._give_up, "header_timeout")

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _reads(self) -> None:
        self._registry.is_stalled(self, stalled=False)
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def _give_up(self, reason: str) -> None:
        self._registry.on_closed(reason)
        self.abort()


def protocol_class(registry: Connections) -> type[asyncio.Protocol]:
    """The class of connections for `uvicorn.Config(http=…)`."""

    class ServerConnection(TimedProtocol):
        """One connection of this server."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(registry, *arguments, **options)

    return ServerConnection
