"""An HTTP proxy on the loopback address: tunnels by CONNECT, and requests with a whole URL.

with ConnectProxy({"media.test": server_port}) as proxy:
    ... requests by way of proxy.url reach 127.0.0.1:server_port ...
    assert proxy.asked == ["CONNECT media.test:443"]
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

_WINDOW = 64 * 2**10


class ConnectProxy:
    """Resolves names by its own table. A `status` other than 200 rejects requests; if `silent`, it never responds."""

    def __init__(
        self, names: Mapping[str, int], *, status: int = 200, silent: bool = False, extra: bytes = b""
    ) -> None:
        self._names = names
        self._status = status
        self._silent = silent
        self._extra = extra
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                received = near.recv(_WINDOW)
                if not received:
                    return
                head += received
            self.heads.append(head)
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{method} {target}")
            if self._silent:
                self._ended.wait(20)
                return
            if self._status != 200:
                near.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self._status)
                return
            authority = target if method == "CONNECT" else target.removeprefix("http://").partition("/")[0]
            with socket.create_connection(("127.0.0.1", self._names[authority.partition(":")[0]])) as far:
                if method == "CONNECT":
                    near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n" + self._extra)
                else:
                    path = target.removeprefix(f"http://{authority}")
                    far.sendall(head.replace(target.encode(), path.encode(), 1))
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join(20)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_WINDOW):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
