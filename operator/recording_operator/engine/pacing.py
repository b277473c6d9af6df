"""When a Recording that only waits for a slot is written down as queued.

A long queue is told bit by bit: to write all of it at once would slow the very writes that shorten it, and until then
the API server shows the phase Pending by itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

QUEUED_AFTER: Final = timedelta(seconds=20)
"""A Recording that starts sooner is not written as queued first."""
QUEUED_APART: Final = timedelta(seconds=0.2)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class QueuedStatusPacer:
    """Gives each its moment. `_last` is the latest that was given."""

    _last: datetime = _LONG_AGO

    def shift(self, by: timedelta) -> None:
        """The clock was set by so much."""
        if self._last != _LONG_AGO:
            self._last += by

    def next(self, now: datetime, *, unfinished: int) -> datetime:
        """The moment for one more, of so many unfinished ones. Those that have left the queue since hold nobody up."""
        earliest = now + QUEUED_AFTER
        self._last = max(earliest, min(self._last + QUEUED_APART, earliest + QUEUED_APART * unfinished))
        return self._last
