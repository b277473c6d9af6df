"""What the history of a StorageReport says about a period and about one organisation."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.costs.money import ZERO
from recording_operator.usage.sample import OTHER

_DAY_CHARS: Final = len("2026-11-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgHistory:
    """Days and months of one organisation."""

    entries: tuple[HistoryEntry, ...]
    """Each has the row of the organisation only, or no row if it had nothing."""
    hidden: tuple[str, ...]
    """Days and months in which it may be a part of (other): only the largest organisations have a row."""


def history_of(
    history: Iterable[HistoryEntry], org: str | None = None, *, begin: date | None = None, end: date | None = None
) -> OrgHistory:
    """The entries of a period, of one organisation or as they are."""
    entries = within(history, begin, end)
    return OrgHistory(entries=tuple(entries), hidden=()) if org is None else of_org(entries, org)


def of_org(history: Iterable[HistoryEntry], org: str) -> OrgHistory:
    """The rows of an organisation."""
    entries, hidden = [], []
    for entry in history:
        rows = {row.name: row for row in entry.orgs}
        if org not in rows and OTHER in rows:
            hidden.append(entry.date)
            continue
        entries.append(entry.model_copy(update={"orgs": (rows[org],) if org in rows else ()}))
    return OrgHistory(entries=tuple(entries), hidden=tuple(hidden))


def cost_of(rows: Iterable[HistoryOrg]) -> Decimal:
    """All costs of these rows."""
    return sum((row.storage_cost + row.download_cost + row.request_cost for row in rows), ZERO)


def org_total(history: Iterable[HistoryEntry], org: str) -> Decimal | None:
    """What an organisation has cost; None if it may be a part of (other) on some day."""
    found = of_org(history, org)
    return None if found.hidden else cost_of(row for entry in found.entries for row in entry.orgs)


def within(history: Iterable[HistoryEntry], begin: date | None, end: date | None) -> list[HistoryEntry]:
    """The entries of a period. A month is included if its first day is."""
    return [
        entry
        for entry in history
        if (begin is None or first_day(entry) >= begin) and (end is None or first_day(entry) <= end)
    ]


def first_day(entry: HistoryEntry) -> date:
    """The day, or the first of the month."""
    return first_of(entry.date)


def first_of(when: str) -> date:
    """The day, or the first of the month, of a text such as 2026-11-21 or 2026-08."""
    return date.fromisoformat(f"{when}-01"[:_DAY_CHARS])


def is_day(entry: HistoryEntry) -> bool:
    """Whether it is about a day, not a month."""
    return len(entry.date) == _DAY_CHARS


def days_in(entry: HistoryEntry) -> int:
    """How many days it is about."""
    return 1 if is_day(entry) else monthrange(*first_day(entry).timetuple()[:2])[1]


def mean_stored(history: Sequence[HistoryEntry]) -> Mapping[str, Decimal]:
    """GB stored on a mean day, by organisation. A month counts with all its days, a day without usage as one with 0."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in history:
        for row in entry.orgs:
            sums[row.name] += row.storage_gb * days_in(entry)
    days = sum(map(days_in, history))
    return {name: summed / days for name, summed in sums.items()}
