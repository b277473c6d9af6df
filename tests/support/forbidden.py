"""An address that no operator under test may connect to (invariant I9)."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

FORBIDDEN_HOST: Final = "127.0.0.66"  # denied by the settings of every operator under test


class ForbiddenListener:
    """Counts TCP connections to it; there should be none."""

    def __init__(self) -> None:
        self._listener = socket.create_server((FORBIDDEN_HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, name="forbidden", daemon=True)

    @property
    def address(self) -> str:
        """URL of the address, without a path."""
        return f"http://{FORBIDDEN_HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()
