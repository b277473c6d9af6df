"""TCP ports on the loopback address."""

import fcntl
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 10_000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL_LOWEST: Final = 32_768
_CLAIM_S: Final = 120.0
"""Until a server that was given a port listens on it."""


def free_port(candidates: Iterator[int] | None = None) -> int:
    """Return a port on which no server listens, below those that the kernel uses for outgoing connections.

    Otherwise an outgoing connection could take the port of a server while the server restarts. No other process gets
    the port from this function for two minutes, so that the server has time to start. `candidates` are random unless
    given.
    """
    return next(port for port in candidates or _random_ports() if is_free(port) and _claim(port))


def _random_ports() -> Iterator[int]:
    choice = random.SystemRandom()
    while True:
        yield choice.randrange(_LOWEST, _lowest_ephemeral())


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


def _claim(port: int) -> bool:
    with (_reservations() / str(port)).open("ab") as file:
        if not _lock(file) or (file.tell() and time.time() - os.fstat(file.fileno()).st_mtime < _CLAIM_S):
            return False
        file.truncate(0)
        file.write(b"claimed")
    return True


def _lock(file: IO[str] | IO[bytes]) -> bool:
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
