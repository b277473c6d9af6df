"""TCP ports on the loopback address."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO, Final

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 10_000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL_LOWEST: Final = 32_768


def free_port() -> int:
    """Return a port on which no server listens, below those that the kernel uses for outgoing connections.

    Otherwise an outgoing connection could take the port of a server while the server restarts.
    """
    candidates = random.SystemRandom()
    while True:
        port = candidates.randrange(_LOWEST, _lowest_ephemeral())
        if is_free(port):
            return port


class ReservedPort:
    """`preferred` if a server could listen on it now, else another port.

    Two clusters that start together on one machine do not take the same port: a locked file reserves it until
    `close` or the end of the process.
    """

    def __init__(self, preferred: int) -> None:
        self._lock = (_reservations() / str(preferred)).open("w")
        self.number = preferred if _lock(self._lock) and is_free(preferred) else free_port()

    def close(self) -> None:
        """Release the port."""
        self._lock.close()


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _reservations() -> Path:
    folder = Path(tempfile.gettempdir()) / f"recording-operator-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lowest_ephemeral() -> int:
    try:
        lowest = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        return _USUAL_EPHEMERAL_LOWEST
    return lowest if lowest > _LOWEST + 1000 else _USUAL_EPHEMERAL_LOWEST
