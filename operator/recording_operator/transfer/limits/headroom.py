"""Decides whether more connections would make a transfer faster.

They do if the connections wait for the network or a processor is idle. On a fully used machine, more threads move fewer
bytes, because they wait for each other and for the interpreter's lock.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
_IDLE_FIELD: Final = 4  # cpu user nice system idle; https://man7.org/linux/man-pages/man5/proc_stat.5.html
# Shares of one processor. A connection that uses less than the first waits for the network. If more than the second is
# idle, there is room for another connection.
_WAITING_SHARE: Final = 0.2
_IDLE_SHARE: Final = 0.5
# The kernel counts idle time in ticks of a hundredth of a second, so shorter periods are too inaccurate.
_IDLE_OVER_S: Final = 0.2


class Headroom:
    """Compares processor times between two calls. `idle_s` returns the idle time of all processors together."""

    def __init__(
        self,
        *,
        idle_s: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_s = idle_s or machine_idle_s
        self._monotonic = monotonic
        now_s = monotonic()
        self._busy_seen = (now_s, 0.0)
        self._idle_seen = (now_s, self._idle_s())

    def is_there(self, *, busy_s: float, connections: int) -> bool:
        """Whether there was headroom since the last call. `busy_s`: processor time of the transfer's threads so far."""
        now_s = self._monotonic()
        then_s, busy_before_s = self._busy_seen
        self._busy_seen = (now_s, busy_s)
        if busy_s - busy_before_s < _WAITING_SHARE * connections * (now_s - then_s):
            return True
        then_s, idle_before_s = self._idle_seen
        if now_s - then_s < _IDLE_OVER_S:
            return False
        idle_s = self._idle_s()
        self._idle_seen = (now_s, idle_s)
        return idle_s - idle_before_s > _IDLE_SHARE * (now_s - then_s)


def machine_idle_s() -> float:
    """Idle time of all processors since the machine started; 0 if it is not available."""
    try:
        with _STAT.open() as lines:
            return int(lines.readline().split()[_IDLE_FIELD]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def busy_s(threads: Iterable[int]) -> float:
    """Processor time of running threads, by `threading.get_ident`."""
    return sum(time.clock_gettime(time.pthread_getcpuclockid(thread)) for thread in threads)
