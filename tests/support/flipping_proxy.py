"""A TCP proxy on the loopback address that changes the data once: flips a bit, repeats bytes or omits bytes.

with FlippingProxy(port) as proxy:
    proxy.change("flip", direction="to server", after_bytes=5000)
    ... connect to proxy.port instead ...
    assert proxy.changed
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self, get_args

from tests.support.garble import flipped

Direction = Literal["to server", "to client"]
Change = Literal["flip", "repeat", "leave out"]
CHANGES: tuple[Change, ...] = get_args(Change)
_WINDOW = 16 * 2**10
_STRETCH = 200


class FlippingProxy:
    """Passes everything on. `change` requests one change, counted over all connections since the call."""

    def __init__(self, port: int) -> None:
        self._usual_target = self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._order: tuple[Change, Direction, int] | None = None
        self._passed = 0
        self.changed = False

    def change(self, change: Change, *, direction: Direction, after_bytes: int) -> None:
        """Change the bytes after this many bytes in this direction."""
        with self._lock:
            self._order, self._passed, self.changed = (change, direction, after_bytes), 0, False

    def lead_to(self, port: int) -> None:
        """Connect to another port from now on, until `heal`."""
        self._target = port

    def heal(self) -> None:
        """Stop changing bytes, and end connections that may be corrupted."""
        self._target = self._usual_target
        with self._lock:
            self._order = None
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {near, far}
            left = [2]
            for here, there, direction in ((near, far, "to server"), (far, near, "to client")):
                threading.Thread(target=self._pass_on, args=(here, there, direction, left), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket, direction: Direction, left: list[int]) -> None:
        with suppress(OSError):
            while data := here.recv(_WINDOW):
                there.sendall(self._changed(data, direction))
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            left[0] -= 1
            if left[0] == 0:
                self._open -= {here, there}
                here.close()
                there.close()

    def _changed(self, data: bytes, direction: Direction) -> bytes:
        with self._lock:
            if self._order is None or self._order[1] != direction:
                return data
            change, _, after = self._order
            place = after - self._passed
            self._passed += len(data)
            if place >= len(data):
                return data
            self._order, self.changed = None, True
        stretch = data[place : place + _STRETCH]
        match change:
            case "flip":
                return flipped(data, place, 1 << (after % 8))
            case "repeat":
                return data[:place] + stretch + data[place:]
            case "leave out":
                return data[:place] + data[place + _STRETCH :]
