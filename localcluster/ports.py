"""TCP ports on the loopback address."""

import random
import socket
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 10_000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL_LOWEST: Final = 32_768


def free_port() -> int:
    """Return a port that nobody listens on now, below those that the kernel gives to outgoing connections.

    A server that comes back on "its" port would else find it taken, now and then, by somebody's connection.
    """
    candidates = random.SystemRandom()
    while True:
        port = candidates.randrange(_LOWEST, _lowest_ephemeral())
        if is_free(port):
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


def _lowest_ephemeral() -> int:
    try:
        lowest = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        return _USUAL_EPHEMERAL_LOWEST
    return lowest if lowest > _LOWEST + 1000 else _USUAL_EPHEMERAL_LOWEST
