"""Exponential backoff for what is retried until it succeeds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.backoff import exponential_s

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(seconds=60)


@dataclass(slots=True)
class Backoff:
    """Delays of 5 s, 10 s … 60 s, or up to another longest delay."""

    tries: int = 0
    not_before: datetime | None = None
    longest: timedelta = LONGEST_WAIT

    def holds(self, now: datetime) -> bool:
        """Whether the delay is not over yet."""
        return self.not_before is not None and now < self.not_before

    def again(self, now: datetime, *, at_least: timedelta = timedelta(0)) -> datetime:
        """Note a failure. Returns when to try again."""
        self.tries += 1
        wait = timedelta(
            seconds=exponential_s(
                self.tries, first_s=FIRST_WAIT.total_seconds(), longest_s=self.longest.total_seconds()
            )
        )
        self.not_before = now + max(wait, at_least)
        return self.not_before

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self.not_before = self.not_before + by if self.not_before else None
