"""What was stored on the days of an earlier version's history, which has only the stock at their ends."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Final, NamedTuple

from recording_operator.api.storagereport_history import HistoryEntry

_MONTH_CHARS: Final = 7
_DAY: Final = timedelta(days=1)
_NOTHING: Final = Decimal(0)


class Changed(NamedTuple):
    """A day on which an organisation's stock changed."""

    before: Decimal
    """0 if it is not known."""
    end: Decimal
    daily_cost: Decimal


def is_day(when: str) -> bool:
    """Whether an entry of the history is of a day, not of a month."""
    return len(when) > _MONTH_CHARS


def days_of(when: str) -> tuple[date, date]:
    """The first and last day of an entry of the history."""
    if is_day(when):
        day = date.fromisoformat(when)
        return day, day
    begin = date.fromisoformat(f"{when}-01")
    return begin, (begin + 31 * _DAY).replace(day=1) - _DAY


def seconds_of(when: str, *, until: datetime) -> int:
    """The seconds of an entry. The last one ends with the last count."""
    first, last = days_of(when)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + _DAY
    return max(int((min(end, until) - begin).total_seconds()), 0)


def mean_gb(history: Iterable[HistoryEntry], *, until: datetime) -> dict[tuple[str, str], Decimal]:
    """The mean stored GB of each entry and organisation.

    On a day on which the stock changed, the cost of storage says when: it is compared with the usual cost of a GB in
    that month. `until` is the time of the last count.
    """
    found: dict[tuple[str, str], Decimal] = {}
    changed: dict[tuple[str, str], Changed] = {}
    rates: dict[tuple[str, str], list[Decimal]] = {}
    earlier: dict[str, Decimal] | None = None
    for entry in history:
        seconds = seconds_of(entry.date, until=until)
        for org in entry.orgs:
            end, key = org.storage_gb, (entry.date, org.name)
            before = earlier.get(org.name, _NOTHING) if earlier is not None else None
            found[key] = end if before is None else (end + before) / 2
            if not is_day(entry.date) or not seconds:
                continue
            daily_cost = org.storage_cost * int(_DAY.total_seconds()) / seconds
            if end != before:
                changed[key] = Changed(before or _NOTHING, end, daily_cost)
            if found[key] and daily_cost:
                rates.setdefault((entry.date[:_MONTH_CHARS], org.name), []).append(daily_cost / found[key])
        earlier = {org.name: org.storage_gb for org in entry.orgs} if is_day(entry.date) else None
    for (when, name), one in changed.items():
        rate = rates.get((when[:_MONTH_CHARS], name))
        if rate is not None:
            least, most = sorted((one.before, one.end))
            found[when, name] = min(max(one.daily_cost / median(rate), least), most)
    return found
