"""Assignment of parts to workers: first contiguous segments, later half of the largest remaining segment."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Segment:
    """Part numbers `first` to `last` (inclusive) that are not started yet; empty if `first` > `last`."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """Number of parts left."""
        return max(0, self.last - self.first + 1)


class PartAssignment:
    """Assigns segments and their parts to workers. Thread-safe."""

    def __init__(self, missing: Sequence[int], *, workers: int) -> None:
        self._lock = threading.Lock()
        self._waiting = split_evenly(runs_of(missing), workers)
        self._active: list[Segment] = []
        self._closed = False

    def take(self) -> Segment | None:
        """Assign the next segment; None if no part is left to start."""
        with self._lock:
            if self._closed:
                return None
            segment = self._waiting.pop(0) if self._waiting else self._steal()
            if segment is not None:
                self._active.append(segment)
            return segment

    def next_part(self, segment: Segment) -> tuple[int, int] | None:
        """The next part to send and the current last part of the segment; None at its end."""
        with self._lock:
            if segment.count == 0:
                if segment in self._active:
                    self._active.remove(segment)
                return None
            part_number = segment.first
            segment.first += 1
            return part_number, segment.last

    def close(self) -> None:
        """Assign no more segments. Those already assigned may be finished."""
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
    """Group ascending part numbers into contiguous segments."""
    runs: list[Segment] = []
    for part_number in part_numbers:
        if runs and runs[-1].last == part_number - 1:
            runs[-1].last = part_number
        else:
            runs.append(Segment(part_number, part_number))
    return runs


def split_evenly(segments: list[Segment], workers: int) -> list[Segment]:
    """Halve the largest segment until there is one for every worker."""
    while len(segments) < workers:
        largest = max(segments, key=lambda segment: segment.count, default=None)
        if largest is None or largest.count < 2:  # noqa: PLR2004 - one part cannot be halved
            break
        middle = largest.first + largest.count // 2
        segments.insert(segments.index(largest) + 1, Segment(middle, largest.last))
        largest.last = middle - 1
    return segments
