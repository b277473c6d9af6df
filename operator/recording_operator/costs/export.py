"""Usage and costs as rows: by day, week or month, and by organisation, namespace, location or storage class.

docs/reports-cli.md describes them. Rows come from a report's history, or from samples that are valued again; both give
the same numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.costs.history import period_sums
from recording_operator.costs.money import MICRO, ZERO, rounded
from recording_operator.costs.org_history import first_day, is_day, within
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.view import ReportView

_METRICS: Final = {
    "storage_gb": "storage_cost",
    "upload_gb": None,
    "download_gb": "download_cost",
    "api_requests": "request_cost",
}
"""Fields of a HistoryOrg: amounts, and what they cost."""


class Step(StrEnum):
    """The period of a row. A week begins on Monday and is named by that day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of usage of one group in one step. `group` is the name of an organisation, a namespace and so on."""

    date: str
    group: str
    metric_type: str
    value: Decimal
    unit: str
    cost: Decimal
    estimated: bool


def whole_history(view: ReportView, by: GroupBy) -> list[HistoryEntry]:
    """All days, and the months of which only the sums are known, with all groups by name."""
    months = {day for usage in view.usage.values() for day, entry in usage.days.items() if entry.days > 1}
    periods = period_sums(view, period_of=lambda day: f"{day:%Y-%m}" if day in months else day.isoformat(), by=by)
    return [period.entry(when, None) for when, period in periods.items()]


def rows(
    history: Iterable[HistoryEntry], *, begin: date | None = None, end: date | None = None, step: Step = Step.DAY
) -> list[Row]:
    """The entries from `begin` to `end`, both included. Storage is the mean of a step's days, the rest are sums.

    What is only known by month appears as months. A month is included if its first day is.
    """
    by_step = steps(within(history, begin, end), step)
    return [row for when, entries in by_step.items() for row in _rows(when, entries)]


def steps(history: Iterable[HistoryEntry], step: Step) -> dict[str, list[HistoryEntry]]:
    """The entries of each step, in order. What is only known by month is a step of its own by day and by week, too."""
    found: dict[str, list[HistoryEntry]] = {}
    for entry in history:
        found.setdefault(_step_of(entry, step), []).append(entry)
    return dict(sorted(found.items()))


def _step_of(entry: HistoryEntry, step: Step) -> str:
    day = first_day(entry)
    if step is Step.WEEK and is_day(entry):
        return (day - timedelta(days=day.weekday())).isoformat()
    return f"{day:%Y-%m}" if step is Step.MONTH else entry.date


def _rows(when: str, entries: list[HistoryEntry]) -> Iterator[Row]:
    groups: dict[str, list[HistoryOrg]] = {}
    for entry in entries:
        for org in entry.orgs:
            groups.setdefault(org.name, []).append(org)
    for name, orgs in sorted(groups.items()):
        for metric, cost in _METRICS.items():
            value = sum((getattr(org, metric) for org in orgs), ZERO)
            yield Row(
                date=when,
                group=name,
                metric_type=metric,
                value=rounded(value / len(entries) if metric == "storage_gb" else value, MICRO),
                unit="requests" if metric == "api_requests" else "GB",
                cost=rounded(sum((getattr(org, cost) for org in orgs), ZERO) if cost else ZERO, MICRO),
                estimated=any(entry.estimated for entry in entries),
            )
