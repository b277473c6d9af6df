"""A TCP proxy that can fall silent: connections stay open and are acknowledged, but nothing comes through any more."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_WINDOW = 65536


class _Pair:
    """The two ends of one connection."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.swallowing = False

    def close(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class SwallowingProxy:
    """Passes bytes between its own port and another one on loopback, until told to swallow them."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[_Pair] = []
        self._threads: list[threading.Thread] = []

    def swallow(self) -> int:
        """What the open connections send gets lost from now on; new ones work. Returns how many are open."""
        for pair in self._pairs:
            pair.swallowing = True
        return len(self._pairs)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            pair = _Pair(near, socket.create_connection(("127.0.0.1", self._target)))
            self._pairs.append(pair)
            self._start(self._pass_on, pair, pair.near, pair.far)
            self._start(self._pass_on, pair, pair.far, pair.near)

    def _pass_on(self, pair: _Pair, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_WINDOW):
                if not pair.swallowing:
                    target.sendall(data)
        if not pair.swallowing:
            pair.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in self._pairs:
            pair.close()
        for thread in self._threads:
            thread.join()
