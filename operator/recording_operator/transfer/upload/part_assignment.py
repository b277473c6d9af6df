"""Which worker sends which parts: contiguous segments, then half of the largest rest."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Segment:
    """Part numbers `first` to `last` (included) that no worker has begun; empty if `first` > `last`."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many parts are left in it."""
        return max(0, self.last - self.first + 1)


class PartAssignment:
    """Hands out segments and their parts. Safe for many threads."""

    def __init__(self, missing: Sequence[int], *, workers: int) -> None:
        self._lock = threading.Lock()
        self._waiting = split_evenly(runs_of(missing), workers)
        self._active: list[Segment] = []
        self._closed = False

    def take(self) -> Segment | None:
        """The next segment to work on, or None when nothing is left to begin."""
        with self._lock:
            if self._closed:
                return None
            segment = self._waiting.pop(0) if self._waiting else self._steal()
            if segment is not None:
                self._active.append(segment)
            return segment

    def next_part(self, segment: Segment) -> tuple[int, int] | None:
        """The part to send now and the last one that the segment holds at this moment; None at its end."""
        with self._lock:
            if segment.count == 0:
                if segment in self._active:
                    self._active.remove(segment)
                return None
            part_number = segment.first
            segment.first += 1
            return part_number, segment.last

    def close(self) -> None:
        """No more segments are handed out; those that were may end."""
        with self._lock:
            self._closed = True

    def _steal(self) -> Segment | None:
        victim = max(self._active, key=lambda segment: segment.count, default=None)
        if victim is None or victim.count == 0:
            return None
        taken = (victim.count + 1) // 2
        stolen = Segment(victim.last - taken + 1, victim.last)
        victim.last -= taken
        return stolen


def runs_of(part_numbers: Sequence[int]) -> list[Segment]:
    """Ascending part numbers as contiguous segments."""
    runs: list[Segment] = []
    for part_number in part_numbers:
        if runs and runs[-1].last == part_number - 1:
            runs[-1].last = part_number
        else:
            runs.append(Segment(part_number, part_number))
    return runs


def split_evenly(segments: list[Segment], workers: int) -> list[Segment]:
    """Halve the largest until every worker has one."""
    while len(segments) < workers:
        largest = max(segments, key=lambda segment: segment.count, default=None)
        if largest is None or largest.count < 2:  # noqa: PLR2004 - one part cannot be halved
            break
        middle = largest.first + largest.count // 2
        segments.insert(segments.index(largest) + 1, Segment(middle, largest.last))
        largest.last = middle - 1
    return segments
