"""An audit hook that records every connection of this process, and listeners that no connection may reach."""

import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network, ip_address
from types import TracebackType
from typing import Any, Final, Self

from recording_operator.egress.addresses import Address, parse_address

_HOSTS: Final = ("127.0.0.1", "::1")
ALLOWED: Final = "127.0.0.2"  # stands for a public address: the only one that the tests' policy lets through


class Connects:
    """The addresses of all connects of this process while it is entered, except those of threads that ran before.

    The hook itself cannot be removed.

    With `within`, a connect to any other address is noted and then refused, so that nothing leaves the machine.
    """

    installed: list["Connects"] = []  # noqa: RUF012 - of the process, as audit hooks are

    def __init__(self, *, within: IPv4Network | None = None) -> None:
        self.addresses: list[tuple[str, int]] = []
        self._within = within
        self._active = False
        self._others: frozenset[int | None] = frozenset()
        if not self.installed:
            sys.addaudithook(_hook)
        self.installed.append(self)

    def see(self, address: Any) -> None:
        """Note a connect. Raises ConnectionRefusedError for one that leads too far."""
        if self._active and isinstance(address, tuple) and threading.get_ident() not in self._others:
            self.addresses.append((str(address[0]), int(address[1])))
            if self._within is not None and parse_address(str(address[0])) not in self._within:
                raise ConnectionRefusedError

    def __enter__(self) -> Self:
        self._others = frozenset(one.ident for one in threading.enumerate()) - {threading.get_ident()}
        self._active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._active = False
        self.installed.remove(self)
        self.installed.append(self)  # the hook stays; a removed observer sees nothing


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for observer in list(Connects.installed):
            observer.see(arguments[1])


class Canary:
    """One port on all loopback addresses. It never responds, and counts connections."""

    def __init__(self) -> None:
        self.visits = 0
        self._stack = ExitStack()
        first = self._stack.enter_context(socket.create_server((_HOSTS[0], 0)))
        self.port: int = first.getsockname()[1]
        self._listeners = [first]
        with suppress(OSError):  # a machine without IPv6
            second = socket.create_server((_HOSTS[1], self.port), family=socket.AF_INET6)
            self._listeners.append(self._stack.enter_context(second))

    def __enter__(self) -> Self:
        for listener in self._listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        self._stack.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                self.visits += 1
                visitor.close()


class Door:
    """A server on the allowed address that redirects to a given URL, or behaves as an empty bucket."""

    def __init__(self) -> None:
        self.location: str | None = None
        self.asked: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.asked.append(self.path)
                self.send_response(307 if door.location else 200)
                if door.location:
                    self.send_header("Location", door.location.encode("utf-8").decode("latin-1"))
                body = b"" if door.location or self.command != "GET" else b"<ListBucketResult/>"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Be quiet."""

        self._server = ThreadingHTTPServer((ALLOWED, 0), Handler)
        self.url = f"http://{ALLOWED}:{self._server.server_port}"
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class Resolver:
    """A resolver for tests: as lenient with numbers as the system's, with its own names, and without a network."""

    def __init__(self, names: dict[str, Sequence[str]]) -> None:
        self._names = {name: list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        """As the dialer's. A name with a `rebind:` list resolves to the next address at each query."""
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is not None:
            if answers[0] == "rebind:":
                return [ip_address(answers.pop(1) if len(answers) > 2 else answers[1])]
            return [ip_address(answer) for answer in answers]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        addresses = [parse_address(str(entry[4][0])) for entry in found]
        return [address for address in addresses if address is not None]


def answer_names(names: Mapping[str, Sequence[str]], ask: Callable[..., Any]) -> Callable[..., Any]:
    """A replacement for the system's resolver `ask`. It resolves `names` and numeric addresses, without a network.

    Each query of a name returns its next addresses. The last ones are repeated.
    """
    left = {name: list(answers) for name, answers in names.items()}

    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> Any:
        answers = left.get(host)
        if answers is not None:
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return ask(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    return getaddrinfo
