"""The time by which the operator waits, gives up and ends things: it never jumps, and rather comes late than early.

A node's clock may be set by hours, wrongly for a moment or rightly for good. Within the process time passes by the
clock of the machine's uptime. What the node's clock says is compared with the API server's (the `Date` of its
responses): where they differ, the earlier one counts, since a retry that comes late loses nothing, and a grace or a
`ttlAfterFinished` that ends early does. A jump is followed when it has lasted for a minute; waits under way then move
with it (`take_step`).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.kube.lease import boot_time_s

SETTLED_S: Final = 60.0
"""A jump that has lasted for so long is followed."""
SLEW_S: Final = 1.0
"""What a clock that is being adjusted may differ by from one reading to the next."""
AGREE_S: Final = 5.0
"""Two clocks that differ by less say the same: `Date` has whole seconds, and a response takes its time."""


_BOOT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def uptime() -> datetime:
    """The uptime of the machine, as a time: for internal waits that must not depend on the clock."""
    return _BOOT + timedelta(seconds=boot_time_s())


@dataclass(frozen=True, slots=True)
class _Jump:
    """Another offset than the one that is used, and since when it is seen."""

    offset_s: float
    since_s: float


class Clock:
    """Tells the time. Thread-safe; offsets are seconds between the uptime and 1970."""

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

    def heard(self, server_time: datetime) -> None:
        """What the API server's clock says at this moment."""
        with self._lock:
            self._server_offset_s = server_time.timestamp() - self._steady_s()

    def take_step(self) -> timedelta:
        """How much followed jumps have changed the time since the last call."""
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
