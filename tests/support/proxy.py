"""A TCP proxy on the loopback address that cuts, swallows or refuses connections. It does not decrypt TLS.

with TcpProxy(port) as proxy:
    ... connect to proxy.port instead ...
    proxy.cut()       # every open connection ends, new ones work
    proxy.swallow()   # every open connection stays open, and nothing comes through it any more; new ones work
    proxy.block()     # as swallow, for new connections too
    proxy.refuse()    # every open connection ends, and the port is closed
    proxy.heal()      # new connections work again
    proxy.bytes_per_s = 1_000_000    # each connection is as slow as that, in each direction
"""

import contextlib
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from localcluster.ports import LOOPBACK

_WINDOW: Final = 65536


class _Pair:
    """The two ends of one connection."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.swallowing = False

    def end(self) -> None:
        """Wake both threads; they close what is theirs."""
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.near.close()
        self.far.close()


class TcpProxy:
    """Passes bytes between its own port and another one. Its port stays the same."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._pairs: set[_Pair] = set()
        self._lock = threading.Lock()
        self._blocking = False
        self.bytes_per_s: float | None = None
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        """Connections so far."""

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._pairs)

    def cut(self) -> int:
        """End every open connection; new ones work. Returns how many were open."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.end()
        return len(pairs)

    def swallow(self) -> int:
        """Drop everything that open connections send from now on; new ones work. Returns how many are open."""
        with self._lock:
            for pair in self._pairs:
                pair.swallowing = True
            return len(self._pairs)

    def block(self) -> None:
        """Deliver nothing from now on. Connections can still be made."""
        self._blocking = True
        self.swallow()

    def refuse(self) -> None:
        """Close the port and every open connection."""
        self._close_listener()
        self.cut()

    def heal(self) -> None:
        """New connections work again; those whose bytes were dropped are ended."""
        self._blocking = False
        self.cut()
        if self._listener.fileno() < 0:
            self._listener = socket.create_server((LOOPBACK, self.port))
            self._accept_from(self._listener)

    def _accept_from(self, listener: socket.socket) -> None:
        threading.Thread(target=self._accept, args=(listener,), name="proxy", daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                far = socket.create_connection((LOOPBACK, self._target))
            except OSError:  # the server does not accept connections: neither does the proxy
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(near, far)
            pair.swallowing = self._blocking
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._serve, args=(pair,), name="proxy", daemon=True).start()

    def _serve(self, pair: _Pair) -> None:
        back = threading.Thread(target=self._pass_on, args=(pair, pair.far, pair.near), name="proxy", daemon=True)
        back.start()
        self._pass_on(pair, pair.near, pair.far)
        back.join()
        pair.close()
        with self._lock:
            self._pairs.discard(pair)

    def _pass_on(self, pair: _Pair, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_WINDOW):
                if not pair.swallowing:
                    target.sendall(data)
                if self.bytes_per_s is not None:
                    time.sleep(len(data) / self.bytes_per_s)
        if not pair.swallowing:  # a swallowed connection stays open on the other side, even if this side closes
            pair.end()

    def _close_listener(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        self._accept_from(self._listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_listener()
        self.cut()


def kubeconfig_through(proxy: TcpProxy, kubeconfig: Path, *, server: str, to: Path) -> Path:
    """Write a copy of a kubeconfig that reaches the API server at `server` through the proxy, and return its path."""
    to.write_text(kubeconfig.read_text().replace(server, f"https://{LOOPBACK}:{proxy.port}"))
    return to


def port_of(url: str) -> int:
    """The port in a URL that names one."""
    return int(url.rpartition(":")[2])
