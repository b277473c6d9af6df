"""A store at the level of bytes: each connection follows a script, and received requests are recorded."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request: its head, in lower case, and its body."""

    head: str
    body: bytes


@dataclass(slots=True)
class Connection:
    """The store's end of one connection."""

    sock: socket.socket
    number: int
    requests: list[tuple[int, ReceivedRequest]]

    def take(self) -> ReceivedRequest:
        """The next request, read whole. Raises ConnectionError at the end."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                raise ConnectionResetError
            head += byte
        text = head.decode("latin-1").lower()
        stated = [line.partition(":")[2] for line in text.split("\r\n") if line.startswith("content-length:")]
        body = b""
        while stated and len(body) < int(stated[0]):
            body += self.sock.recv(2**16)
        arrived = ReceivedRequest(text, body)
        self.requests.append((self.number, arrived))
        return arrived

    def answer(self, data: bytes) -> None:
        """Read a request and send this response."""
        self.take()
        self.sock.sendall(data)


Conduct = Callable[[Connection], None]


@dataclass(slots=True)
class ScriptedStore:
    """Where it listens, and what arrived: the number of the connection, from 0, and the request."""

    port: int
    requests: list[tuple[int, ReceivedRequest]] = field(default_factory=list)


@contextmanager
def a_scripted_store(conducts: Sequence[Conduct], *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedStore]:
    """Serves connections in order. Each is closed when its script has returned."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        store = ScriptedStore(int(server.getsockname()[1]))

        def serve() -> None:
            with suppress(OSError):
                for number, conduct in enumerate(conducts):
                    plain, _ = server.accept()
                    with suppress(OSError), tls.wrap_socket(plain, server_side=True) if tls else plain as sock:
                        conduct(Connection(sock, number, store.requests))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield store
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
