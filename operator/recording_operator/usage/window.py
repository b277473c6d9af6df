"""The period of a count: since the previous sample, or since the beginning of the month."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import month_start

LATE_WITHIN: Final = timedelta(days=1)
"""How long before a sample an upload may have begun that the sample does not contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The period of a count: after `since`, until `now`."""

    since: datetime
    now: datetime
    recent_since: datetime | None = None
    """Start of the period before `since` whose uploads the previous sample recorded; None if it did not."""

    @property
    def earliest(self) -> datetime:
        """Uploads until this time need not be recorded."""
        return min(self.since, self.recent_since or self.since, self.now - LATE_WITHIN)


def window_after(previous: UsageSample | None, *, now: datetime, basis: str) -> Window:
    """The window of a count at `now`, which counts the keys that `basis` identifies. `previous` is not newer."""
    if previous is None:
        return Window(since=month_start(now), now=now)
    if previous.at > now:
        raise ValueError(f"The previous sample is of {previous.at}, which is after {now}.")
    recent_since = previous.at - LATE_WITHIN if compares_uploads(previous, basis=basis) else None
    return Window(since=previous.at, now=now, recent_since=recent_since)


def compares_uploads(previous: UsageSample, *, basis: str) -> bool:
    """Whether late uploads can be found: the previous sample recorded the recent ones, of the same keys.

    The account of an earlier version does not say of which keys.
    """
    return bool(previous.carry.recent) and previous.basis in ("", basis) and previous.counted_by is None
