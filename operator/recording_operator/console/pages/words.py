"""Numbers and times as the pages show them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from recording_operator.costs.money import CENT, MILL, rounded
from recording_operator.times import span

_SMALL = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as an age, such as 3h ago, with the exact time for those who want it."""

    time: datetime
    now: datetime

    def __html__(self) -> str:
        """The element. Nothing in it comes from outside, so that nothing has to be escaped."""
        seconds = (self.time - self.now).total_seconds()
        words = f"in {span(seconds)}" if seconds >= 0 else f"{span(-seconds)} ago"
        exact = self.time.astimezone(UTC)
        return f'<time datetime="{exact:%Y-%m-%dT%H:%M:%SZ}" title="{exact:%Y-%m-%d %H:%M:%S} UTC">{words}</time>'


def moment(time: datetime | None, now: datetime) -> Moment | None:
    """A time as an age; None if there is none."""
    return None if time is None else Moment(time=time, now=now)


def exact_time(time: datetime | None) -> str:
    """A time to the minute."""
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def amount(value: Decimal, currency: str) -> str:
    """An amount of money: to the cent, or to a hundredth of a cent below one unit."""
    if 0 < abs(value) < MILL:
        return f"{'< ' if value > 0 else '> -'}{MILL} {currency}"
    quantum = MILL if value and abs(value) < _SMALL else CENT
    return f"{rounded(value, quantum):,f} {currency}"


def gigabytes(value: Decimal) -> str:
    """GB with two decimals."""
    return f"{rounded(value, CENT):,f} GB"


def count(value: int) -> str:
    """A number of things."""
    return f"{value:,}"


def unix_seconds(day: date) -> int:
    """The beginning of a day, for charts."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
