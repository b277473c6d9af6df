"""What people must know beside the numbers of a StorageReport: why they are old, the budget, and what has no price."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.times import span

_LATE: Final = timedelta(minutes=15)
_BUDGET_CONDITIONS: Final = ("BudgetExceeded", "ForecastExceedsBudget")


def problems(report: StorageReport, *, now: datetime) -> Iterator[str]:
    """Why the numbers are old, and what has happened to the budget."""
    status = report.status
    ready = _condition(status, "Ready")
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
    if (month := earlier_month(status, now=now)) is not None:
        yield f"The numbers of this month are those of {month}. There are none of {now:%Y-%m} yet."
    for kind in _BUDGET_CONDITIONS:
        found = _condition(status, kind)
        if found is not None and found.status is ConditionStatus.TRUE:
            yield found.message


def earlier_month(status: StorageReportStatus, *, now: datetime) -> str | None:
    """The month of the numbers, such as 2026-11, if it is not this one."""
    if status.as_of is None or (status.as_of.year, status.as_of.month) == (now.year, now.month):
        return None
    return f"{status.as_of:%Y-%m}"


def unpriced_words(usage: Sequence[str]) -> str:
    """That this usage has no price; empty if all has one."""
    return f"Without a price, and not included in any cost: {', '.join(usage)}." if usage else ""


def why_not(status: StorageReportStatus) -> str:
    """Why the report is not refreshed; an empty text if it is."""
    of_ready = (one for one in status.conditions if one.type == "Ready" and one.reason != Reason.REFRESHED)
    return next((one.message for one in of_ready), "")


def _condition(status: StorageReportStatus, kind: str) -> Condition | None:
    return next((one for one in status.conditions if one.type == kind), None)
