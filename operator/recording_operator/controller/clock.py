"""The clock for all deadlines of the operator. It never jumps, and it is late rather than early.

The clock of a node may be changed by hours, wrongly for a moment or to correct it. Therefore the process measures time
with the uptime of the machine. The wall clock of the node is compared with that of the API server (the `Date` of its
responses). If they differ, the earlier one is used: a late retry does no harm, but a grace period or a
`ttlAfterFinished` that ends early does. A jump is adopted after it has lasted for a minute; running waits are then
shifted (`take_step`).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.kube.lease import boot_time_s

SETTLED_S: Final = 60.0
"""A jump is adopted after it has lasted for this long."""
SLEW_S: Final = 1.0
"""Largest difference between two readings that counts as an adjustment instead of a jump."""
AGREE_S: Final = 5.0
"""Clocks that differ by less count as equal: `Date` has whole seconds, and a response takes some time."""


_BOOT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def uptime() -> datetime:
    """The uptime of the machine, as a time: for internal waits that must not depend on the clock."""
    return _BOOT + timedelta(seconds=boot_time_s())


@dataclass(frozen=True, slots=True)
class _Jump:
    """An offset that differs from the current one, and since when it is observed."""

    offset_s: float
    since_s: float


class Clock:
    """The clock. Thread-safe. Offsets are the seconds from the Unix epoch to the start of the machine."""

    def __init__(self, *, wall_s: Callable[[], float] = time.time, steady_s: Callable[[], float] = boot_time_s) -> None:
        self._wall_s = wall_s
        self._steady_s = steady_s
        self._server_offset_s: float | None = None
        self._offset_s: float | None = None
        self._jump: _Jump | None = None
        self._step_s = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time, in UTC."""
        with self._lock:
            steady_s = self._steady_s()
            return datetime.fromtimestamp(steady_s + self._follow(steady_s), tz=UTC)

    def note_server_time(self, server_time: datetime) -> None:
        """Note the current time of the API server."""
        with self._lock:
            self._server_offset_s = server_time.timestamp() - self._steady_s()

    def take_step(self) -> timedelta:
        """The sum of the jumps that were adopted since the last call."""
        with self._lock:
            step_s, self._step_s = self._step_s, 0.0
        return timedelta(seconds=step_s)

    def _follow(self, steady_s: float) -> float:
        seen_s = self._judge(self._wall_s() - steady_s)
        if self._offset_s is None or abs(seen_s - self._offset_s) <= SLEW_S:
            self._offset_s, self._jump = seen_s, None
        elif self._jump is None or abs(seen_s - self._jump.offset_s) > SLEW_S:
            self._jump = _Jump(seen_s, steady_s)
        elif steady_s - self._jump.since_s >= SETTLED_S:
            self._step_s += seen_s - self._offset_s
            self._offset_s, self._jump = seen_s, None
        return self._offset_s

    def _judge(self, wall_offset_s: float) -> float:
        server_offset_s = self._server_offset_s
        if server_offset_s is None or wall_offset_s - server_offset_s <= AGREE_S:
            return wall_offset_s
        if self._offset_s is not None and abs(self._offset_s - server_offset_s) <= AGREE_S:
            return self._offset_s
        return server_offset_s
