"""Ends socket operations that take too long, or whose transfer was stopped.

The timeout of a socket restarts with each byte, so a server that sends one byte per second never exceeds it. So one
thread watches the sockets that are in use and shuts down those whose deadline has passed or whose transfer was stopped;
the blocked call then returns.
"""

import socket
import threading
import time
from contextlib import suppress
from enum import Enum
from typing import Final

from recording_operator.stopping import StopSignal

_TICK_S: Final = 0.2


class Interruption(Enum):
    """Why a watch shut its socket down."""

    DEADLINE = "deadline"
    STOPPED = "stopped"


class SocketWatch:
    """One watched socket. `deadline` (monotonic seconds or None) may be set at any time by the thread that uses it."""

    def __init__(self, sock: socket.socket, stop: StopSignal) -> None:
        self.deadline: float | None = None
        self.interruption: Interruption | None = None
        self.stop: Final = stop
        self._sock: socket.socket | None = sock
        self._lock = threading.Lock()

    def check(self, now: float) -> None:
        """Shut the socket down if it is due."""
        deadline = self.deadline
        if self.interruption is not None:
            return
        if self.stop.is_set():
            self._interrupt(Interruption.STOPPED)
        elif deadline is not None and now > deadline:
            self._interrupt(Interruption.DEADLINE)

    def release(self) -> None:
        """Stop watching the socket."""
        with self._lock:
            self._sock = None

    def _interrupt(self, why: Interruption) -> None:
        with self._lock:
            if self._sock is None:
                return
            self.interruption = why
            with suppress(OSError):
                # Not SSLSocket.shutdown: that one drops the TLS state while the other thread is reading.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    @property
    def released(self) -> bool:
        """Whether the watch was released."""
        return self._sock is None


class SocketWatchdog:
    """Watches sockets from one thread that lives while there is something to watch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: list[SocketWatch] = []
        self._running = False

    def watch(self, sock: socket.socket, *, stop: StopSignal, within_s: float | None) -> SocketWatch:
        """Begin to watch; `within_s` sets the first deadline. The caller calls `release`.

        Raises RuntimeError if no thread can be started.
        """
        watch = SocketWatch(sock, stop)
        watch.deadline = None if within_s is None else time.monotonic() + within_s
        with self._lock:
            if not self._running:
                threading.Thread(target=self._run, name="socket-watchdog", daemon=True).start()
                self._running = True  # only now: there may be no more threads
            self._watches.append(watch)
        return watch

    def _run(self) -> None:
        while True:
            with self._lock:
                self._watches = [watch for watch in self._watches if not watch.released]
                watches = list(self._watches)
                if not watches:
                    self._running = False
                    return
            now = time.monotonic()
            for watch in watches:
                watch.check(now)
            time.sleep(_TICK_S)
