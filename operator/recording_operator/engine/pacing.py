"""When the status of a Recording that only waits for a slot is written.

A long queue is written bit by bit: writing all of it at once would delay the writes that shorten it. Until then the
API server shows the default phase, Pending.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

QUEUED_AFTER: Final = timedelta(seconds=20)
"""The status Queued is not written for a Recording that starts sooner."""
QUEUED_APART: Final = timedelta(seconds=0.2)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class QueuedStatusPacer:
    """Spreads the writes over time. `_last` is the latest time that was given."""

    _last: datetime = _LONG_AGO

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        if self._last != _LONG_AGO:
            self._last += by

    def next(self, now: datetime, *, unfinished: int) -> datetime:
        """The time for one more write, at most as late as `unfinished` Recordings require."""
        earliest = now + QUEUED_AFTER
        self._last = max(earliest, min(self._last + QUEUED_APART, earliest + QUEUED_APART * unfinished))
        return self._last
