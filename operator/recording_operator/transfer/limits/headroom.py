"""Whether one more connection of a transfer could bring more bytes.

It does if connections wait for the network, and if a processor is idle. On a fully used machine more threads move fewer
bytes: they wait for each other and for the interpreter's lock.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
_IDLE_FIELD: Final = 4  # cpu user nice system idle; https://man7.org/linux/man-pages/man5/proc_stat.5.html
# Of one processor, each: below, a connection waits for the network; above, there is room for another.
_WAITING_SHARE: Final = 0.2
_IDLE_SHARE: Final = 0.5
# The machine counts its idle time in ticks of a hundredth of a second.
_IDLE_OVER_S: Final = 0.2


class Headroom:
    """Compares what was used between two calls. `idle_s` is the machine's idle time, of all processors together."""

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
        """Whether there was any since the last call. `busy_s`: processor time of the connections' threads so far."""
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
    """Idle time of all processors since the machine started; 0 if the system does not say."""
    try:
        with _STAT.open() as lines:
            return int(lines.readline().split()[_IDLE_FIELD]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def busy_s(threads: Iterable[int]) -> float:
    """Processor time of running threads, by `threading.get_ident`."""
    return sum(time.clock_gettime(time.pthread_getcpuclockid(thread)) for thread in threads)
