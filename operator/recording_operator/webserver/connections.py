"""HTTP/1.1 connections with a deadline for the headers and a limit on their number.

uvicorn has neither. Its class for connections is extended here by a timer and a list: `uvicorn.Config(http=…)` accepts
a class, and `tests/receiver/test_connections.py` checks what this one relies on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections may be open, and how long they may take for the headers of a request."""

    connections: int = 1000
    header_timeout_s: float = 10.0


class Connections:
    """All open connections of one server. Used by its event loop only."""

    def __init__(self, limits: ConnectionLimits, *, on_closed: Callable[[str], None] = lambda _: None) -> None:
        """`on_closed` is called with why a connection was closed: `header_timeout` or `limit`."""
        self.limits = limits
        self.on_closed = on_closed
        self._open: set[TimedProtocol] = set()
        # Without a request: the oldest first.
        self._idle: dict[TimedProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: "TimedProtocol") -> None:
        """Make room by closing the connection that has been idle for longest, or the new one if all are at work.

        A client that has a request sends it at once. Connections that only keep others out are therefore closed first.
        """
        self._open.add(connection)
        self._idle[connection] = None
        if len(self._open) > self.limits.connections:
            self.on_closed("limit")
            next(iter(self._idle)).abort()

    def is_idle(self, connection: "TimedProtocol", *, idle: bool) -> None:
        """The connection waits for a request, or works on one."""
        if not idle:
            self._idle.pop(connection, None)
        elif connection in self._open:
            self._idle.setdefault(connection)

    def closed(self, connection: "TimedProtocol") -> None:
        """The connection has ended."""
        self._open.discard(connection)
        self._idle.pop(connection, None)


class TimedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, registry: Connections, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._registry = registry
        self._deadline: asyncio.TimerHandle | None = None

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

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._disarm()
        self._registry.closed(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection without a response."""
        self._registry.closed(self)
        self.transport.abort()

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self._registry.limits.header_timeout_s, self._late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        self._registry.on_closed("header_timeout")
        self.abort()


def protocol_class(registry: Connections) -> type[asyncio.Protocol]:
    """The class of connections for `uvicorn.Config(http=…)`."""

    class ServerConnection(TimedProtocol):
        """One connection of this server."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(registry, *arguments, **options)

    return ServerConnection
