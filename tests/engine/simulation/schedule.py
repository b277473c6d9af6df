"""Virtual time: it advances to the next scheduled event."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.engine.builders import START

_MICROSECOND = timedelta(microseconds=1)
_MOST_STEPS = 50_000
"""Many times more than a long run needs: something is done again and again, and time hardly passes."""


class Schedule:
    """A clock that jumps to the next thing to do, in whole microseconds. No faulty clock changes it."""

    def __init__(self) -> None:
        self._now_us = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._failure: Exception | None = None

    @property
    def true_now(self) -> datetime:
        """The world's time."""
        return START + timedelta(microseconds=self._now_us)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._now_us / 1e6

    def after(self, delay_s: float, step: Callable[[], None]) -> None:
        """Do `step` in `delay_s` seconds; what is due at the same instant happens in the order of asking."""
        self._push(self._now_us + round(delay_s * 1e6), step)

    def at(self, instant: datetime, step: Callable[[], None]) -> None:
        """Do `step` exactly then, or now if that is over."""
        self._push((instant - START) // _MICROSECOND, step)

    def fail(self, error: Exception) -> None:
        """End with this error after the current step, even if code in between catches it."""
        self._failure = error

    def run(self, *, until_s: float) -> None:
        """Do all that is due until then."""
        until_us = round(until_s * 1e6)
        while self._heap and self._heap[0][0] <= until_us:
            self._now_us, _, step = heapq.heappop(self._heap)
            step()
            assert self._sequence < _MOST_STEPS, "it never rests"
            if self._failure is not None:
                raise self._failure
        self._now_us = until_us

    def _push(self, at_us: int, step: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (max(at_us, self._now_us), self._sequence, step))
