"""Which samples count, which become one file, and which are deleted. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from recording_operator.usage.codec import Period, UsageFile

DEFAULT_RETENTION_MONTHS: Final = 36


class Span(Protocol):
    """The time that a sample covers: from `since` to `at`."""

    @property
    def at(self) -> datetime: ...

    @property
    def since(self) -> datetime | None: ...


SpanT = TypeVar("SpanT", bound=Span)


def chain(samples: Iterable[SpanT]) -> list[SpanT]:
    """The samples in order that together cover the most time without an overlap.

    Samples overlap if two leaders counted at once, or if a count did not find the sample before it. What both of them
    counted would count twice. Of equal choices, the one with more samples, then the one with earlier samples; of equal
    samples the first that was given. A sample without `since` describes the month until then, but covers no time: it
    replaces no other.
    """
    found = sorted((one for one in samples if one.since is None or one.since < one.at), key=lambda one: one.at)
    times = [one.at for one in found]
    before: list[int] = []  # how many samples end before this one begins
    best: list[tuple[int, int]] = [(0, 0)]  # seconds and samples of the best choice of the first so many
    for index, one in enumerate(found):
        before.append(bisect_right(times, _begin(one), hi=index))
        covered_s, number = best[before[index]]
        best.append(max(best[index], (covered_s + _covered_s(one), number + 1)))
    chosen: list[SpanT] = []
    count = len(found)
    while count:
        if best[count] == best[count - 1]:
            count -= 1
        else:
            chosen.append(found[count - 1])
            count = before[count - 1]
    return chosen[::-1]


class Bundle(NamedTuple):
    """Files whose samples become one file, of a day or a month."""

    period: Period
    begin: date
    parts: tuple[UsageFile, ...]


def due_bundles(files: Iterable[UsageFile], now: datetime) -> list[Bundle]:
    """What is to be compacted: each past month, then each past day of several samples. A later sample has to exist.

    A month may be too large for one file; then its days are compacted. A bundle whose file exists already is due until
    its parts are deleted.
    """
    found = list(files)
    today = now.astimezone(UTC).date()
    newest = min(today, max((file.day for file in found), default=today))
    months: dict[date, list[UsageFile]] = {}
    days: dict[date, list[UsageFile]] = {}
    for file in found:
        if file.period is not Period.MONTH and file.month < first_of_month(newest):
            months.setdefault(file.month, []).append(file)
        if file.period is not Period.MONTH and file.day < newest:
            days.setdefault(file.day, []).append(file)
    of_days = {day: [one for one in some if one.period is Period.SAMPLE] for day, some in days.items() if len(some) > 1}
    return [
        *(Bundle(Period.MONTH, month, tuple(parts)) for month, parts in sorted(months.items())),
        *(Bundle(Period.DAY, day, tuple(parts)) for day, parts in sorted(of_days.items())),
    ]


def expired(files: Iterable[UsageFile], now: datetime, keep_months: int) -> list[UsageFile]:
    """The files of months that ended before the last `keep_months` months and the current one."""
    today = now.astimezone(UTC).date()
    years, month = divmod(today.year * 12 + today.month - 1 - keep_months, 12)
    oldest = date(max(years, 1), month + 1, 1)
    return [file for file in files if file.month < oldest]


def first_of_month(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def _begin(one: Span) -> datetime:
    if one.since is not None:
        return one.since
    return one.at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _covered_s(one: Span) -> int:
    return 0 if one.since is None else int((one.at - one.since).total_seconds())
