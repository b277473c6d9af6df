"""What a report says in words: how old its numbers are, what it leaves out, and what is estimated."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import (
    DownloadSource,
    ReportTotals,
    StorageReport,
    StorageReportStatus,
)
from recording_operator.cli.reports.breakdowns import gb_bytes, recent_days
from recording_operator.costs.report import money
from recording_operator.costs.scope import some_of
from recording_operator.times import span

_LATE: Final = timedelta(minutes=15)
_BUDGET_CONDITIONS: Final = ("BudgetExceeded", "ForecastExceedsBudget")
_BYTES: Final = (
    ("incomplete_upload_bytes", "are in uploads that are neither complete nor aborted. They are billed."),
    ("noncurrent_bytes", "are noncurrent versions of objects. They are billed."),
    ("orphaned_bytes", "belong to no Recording and no manifest."),
    ("foreign_bytes", "under the prefixes match no keyTemplate. They are in no number here."),
)


def condition(status: StorageReportStatus, kind: str) -> Condition | None:
    """A condition by type."""
    return next((one for one in status.conditions if one.type == kind), None)


def freshness(report: StorageReport, *, now: datetime) -> str:
    """When the report was refreshed, and when it will be."""
    status, parts = report.status, []
    if status.last_refresh_time is not None:
        parts.append(f"refreshed {_ago(status.last_refresh_time, now)}")
    if report.spec.suspend:
        parts.append("suspended")
    elif status.next_refresh_time is not None:
        what, due = "next attempt" if status.failures else "next", status.next_refresh_time - now
        parts.append(f"{what} in {span(due.total_seconds())}" if due > timedelta(0) else f"{what} is due now")
    return ", ".join(parts)


def _ago(then: datetime, now: datetime) -> str:
    return f"{span((now - then).total_seconds())} ago"


def problems(report: StorageReport, *, now: datetime) -> Iterator[str]:
    """Why the numbers are old, and what has happened to the budget."""
    status = report.status
    ready = condition(status, "Ready")
    if ready is not None and ready.reason == Reason.SUSPENDED:
        yield ready.message
    elif ready is not None and ready.reason != Reason.REFRESHED:
        times = f", {status.failures} times since the last success" if status.failures > 1 else ""
        yield f"The last refresh failed ({ready.reason}{times}): {ready.message}"
        yield "All numbers are those of the last successful refresh."
    elif status.observed_generation not in (None, report.metadata.generation):
        yield "The spec has changed since the last refresh. The numbers are those of the spec before."
    if status.next_refresh_time is not None and now - status.next_refresh_time > _LATE and not report.spec.suspend:
        late = span((now - status.next_refresh_time).total_seconds())
        yield f"The next refresh is {late} late. Check whether the operator is running."
    for kind in _BUDGET_CONDITIONS:
        found = condition(status, kind)
        if found is not None and found.status is ConditionStatus.TRUE:
            yield found.message


def remarks(report: StorageReport) -> Iterator[str]:
    """What is missing, what is estimated, and what else there is to know."""
    status = report.status
    if status.unpriced:
        yield f"Without a price, and not included in any cost: {', '.join(status.unpriced)}."
    yield from _estimates(status)
    yield from _bytes(status)
    if status.by_storage_location and gb_bytes(status) is None:
        yield "The prices of the locations define a GB differently. In the tables, it is 1,000,000,000 bytes."
    yield from _comparison(status)
    about_others = tuple(f"At {name}, " for name in report.spec.compare)
    yield from (note for note in status.notes if not note.startswith(about_others))


def _estimates(status: StorageReportStatus) -> Iterator[str]:
    counted = [row for row in status.by_storage_location if row.profile]
    guessed = tuple(row.name for row in counted if row.downloads is DownloadSource.PLAYBACK)
    if guessed:
        where = "" if len(guessed) == len(counted) else f" in {some_of(guessed)}"
        yield f"Downloads{where} are estimated (spec.playback)."
    days = [one for one in recent_days(status).values() if one is not None]
    if estimated := sum(one.estimated for one in days):
        yield f"{estimated} of the last {len(days)} days had no count. Their numbers are derived from other days."


def _comparison(status: StorageReportStatus) -> Iterator[str]:
    currency = status.cost.currency if status.cost else ""
    for row in status.comparison:
        there = f"At {row.profile}, this month would cost {money(row.projected_month, currency)}"
        other = f"{money(abs(row.difference), currency)} {'less' if row.difference < 0 else 'more'}"
        yield ", ".join([there, other] if row.difference else [there]) + (f": {row.reason}." if row.reason else ".")


def _bytes(status: StorageReportStatus) -> Iterator[str]:
    totals = status.totals or ReportTotals()
    for field, words in _BYTES:
        if amount := getattr(totals, field):
            yield f"{amount:,} bytes {words}"
