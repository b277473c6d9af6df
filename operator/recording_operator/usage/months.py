"""Which samples count, which become one file, and which are deleted. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeVar

from recording_operator.usage.codec import Period, UsageFile
from recording_operator.usage.timeline import month_start

DEFAULT_RETENTION_MONTHS: Final = 36
CLOCKS_DIFFER: Final = timedelta(hours=1)
"""A sample farther in the future than this was taken with a wrong clock."""
_MOST_COUNTED_S: Final = 3600
"""Two samples shortly after each other tell less than two of different days. Longer times between them tell no more."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Span(Protocol):
    """The time that a sample covers: from `since` to `at`."""

    @property
    def at(self) -> datetime: ...

    @property
    def since(self) -> datetime | None: ...


SpanT = TypeVar("SpanT", bound=Span)


class _Score(NamedTuple):
    """How good a choice of samples is. The greatest is taken."""

    counted_s: int
    """The time that the samples cover, at most _MOST_COUNTED_S of each."""
    number: int
    covered_s: int
    """The time that they cover, minus the time until the last one: the fewer gaps, the greater."""


def chain(samples: Iterable[SpanT], *, until: datetime) -> list[SpanT]:
    """The samples in order that count at the time `until`. None overlap.

    Samples overlap if two leaders counted at once, if a clock was wrong, or if a count did not find the sample before
    it. What both of them counted would count twice. So a sample follows the one that it continues; if there is none, it
    follows any that ended before it began. The choice with the most samples counts, whatever time they cover: the
    sample of a clock that was ahead covers much and tells little. Of equal choices, the one with fewer gaps, then the
    one with earlier samples; of equal samples the first that was given.

    A sample without `since` describes the month until then, but covers no time: it replaces no other, and the one that
    continues it may follow another.
    """
    valid = (one for one in samples if one.at <= until and (one.since is None or one.since < one.at))
    found = sorted(valid, key=lambda one: one.at)
    times = [one.at for one in found]
    scores: list[_Score] = []  # of the best choice that ends with a sample
    before: list[int | None] = []  # the sample before it in that choice
    best: list[int | None] = [None]  # the end of the best choice of the first so many samples
    ending: dict[datetime, int] = {}  # the end of the best choice that ends then
    for index, one in enumerate(found):
        continued = ending.get(one.since) if one.since is not None else None
        last = continued if continued is not None else best[bisect_right(times, _begin(one), hi=index)]
        before.append(last)
        scores.append(_with(one, None if last is None else (found[last], scores[last])))
        best.append(_better(best[index], index, scores))
        if one.since is not None:
            ending[one.at] = _better(ending.get(one.at), index, scores)
    chosen: list[SpanT] = []
    end = best[-1]
    while end is not None:
        chosen.append(found[end])
        end = before[end]
    return chosen[::-1]


def _with(one: Span, before: tuple[Span, _Score] | None) -> _Score:
    """The score of a choice with a sample more."""
    covered_s = 0 if one.since is None else _seconds(one.at - one.since)
    if before is None:
        return _Score(min(covered_s, _MOST_COUNTED_S), 1, covered_s - _seconds(one.at - _EPOCH))
    last, (counted_s, number, so_far_s) = before
    gap_s = _seconds(one.at - last.at) - covered_s
    return _Score(counted_s + min(covered_s, _MOST_COUNTED_S), number + 1, so_far_s - gap_s)


def _better(one: int | None, other: int, scores: Sequence[_Score]) -> int:
    """The one with the greater score, else the first."""
    return one if one is not None and scores[one] >= scores[other] else other


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
    return one.since if one.since is not None else month_start(one.at)


def _seconds(length: timedelta) -> int:
    return length.days * 86_400 + length.seconds
