"""TCP ports on the loopback address."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free_port() -> int:
    """Return a port that was free a moment ago.

    Another process may take it before it is used; a component that cannot bind says so in its log and does not get
    ready.
    """
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def preferred_port(port: int) -> int:
    """Return `port` if a server could listen on it now, else another."""
    return port if is_free(port) else free_port()


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
