"""The status of a StorageReport: conditions, times, and thresholds that need an Event."""

from datetime import date, datetime, timedelta
from typing import Final

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.api.storagereport_budget import ThresholdType
from recording_operator.costs.budget import Crossing, closing_crossings, crossings
from recording_operator.costs.schedule import ScheduleError, last_time, missed_time, next_time
from recording_operator.usage.timeline import month_start

_AHEAD: Final = timedelta(days=1)
"""A report this far in the future was refreshed with a wrong clock."""
_FIRST_RETRY: Final = timedelta(seconds=5)
_LONGEST_RETRY: Final = timedelta(minutes=10)
_MOST_DOUBLINGS: Final = 8
_MOST_TOLD: Final = 32
_BUDGET_CONDITIONS: Final = {
    "BudgetExceeded": ThresholdType.ACTUAL,
    "ForecastExceedsBudget": ThresholdType.FORECASTED,
}


def is_due(report: StorageReport, now: datetime) -> bool:
    """Whether to refresh now: after an edit, a missed time, or a failure. Raises ScheduleError."""
    spec, status = report.spec, report.status
    if spec.suspend:
        return False
    if status.observed_generation != report.metadata.generation:
        return True
    if not status.failures and status.as_of is not None and status.as_of > now + _AHEAD:
        return True  # the last refresh ran with a wrong clock
    if status.failures and status.next_refresh_time is not None:
        return status.next_refresh_time <= now
    return missed_time(spec.schedule, spec.time_zone, acted_on=status.last_schedule_time, now=now) is not None


def sample_since(report: StorageReport, *, token_seen: datetime, now: datetime) -> datetime | None:
    """The time that the samples of a report which is due must not be older than; None if the newest are recent enough.

    After a scheduled time: that time. After a new refreshToken: `token_seen`, when it was first seen. Another edit is
    about the same samples. Raises ScheduleError.
    """
    spec, status = report.spec, report.status
    times = []
    if status.last_schedule_time is not None:
        missed = missed_time(spec.schedule, spec.time_zone, acted_on=status.last_schedule_time, now=now)
        if missed is not None or status.failures:
            times.append(missed or status.last_schedule_time)
    if spec.refresh_token != (status.last_refresh_token or "") and status.observed_generation is not None:
        times.append(token_seen)
    return max(times, default=None)


def suspended(report: StorageReport, now: datetime) -> StorageReportStatus:
    """The status of a suspended report. `Ready` still says whether the last refresh succeeded."""
    old = {one.type: one for one in report.status.conditions}
    is_new = report.status.last_refresh_time is None
    shown = "The report has never been refreshed." if is_new else "The numbers are those of the last refresh."
    ready = Condition(
        type="Ready",
        status=old["Ready"].status if "Ready" in old else ConditionStatus.UNKNOWN,
        observed_generation=report.metadata.generation,
        last_transition_time=old["Ready"].last_transition_time if "Ready" in old else now,
        reason=Reason.SUSPENDED,
        message=f"spec.suspend is true. {shown}",
    )
    # The budget is not checked now.
    others = [one for one in report.status.conditions if one.type not in {"Ready", *_BUDGET_CONDITIONS}]
    return report.status.model_copy(
        update={
            "observed_generation": report.metadata.generation,
            "next_refresh_time": None,
            "conditions": (ready, *others),
        }
    )


def succeeded(
    report: StorageReport, new: StorageReportStatus, *, message: str, begun: datetime, now: datetime
) -> tuple[StorageReportStatus, list[Crossing]]:
    """The status after a successful refresh, and the thresholds that are reached. Raises ScheduleError."""
    spec = report.spec
    found = _crossings(report, new, begun)
    conditions = [
        _condition(report, "Ready", Reason.REFRESHED, message, now, holds=True),
        _condition(report, "Stalled", Reason.REFRESHED, "", now, holds=False),
        *(_budget_condition(report, name, kind, found, now) for name, kind in _budget_kinds(report)),
    ]
    months = (f"{begun:%Y-%m} ", f"{_month_before(begun):%Y-%m} ")
    announced = [key for key in report.status.crossed if key.startswith(months)]
    announced += [crossing.key for crossing in found if crossing.is_new]
    status = new.model_copy(
        update={
            "observed_generation": report.metadata.generation,
            "conditions": tuple(conditions),
            "scope": spec.scope,
            "last_schedule_time": last_time(spec.schedule, spec.time_zone, until=begun),
            "last_refresh_time": now,
            "next_refresh_time": next_time(spec.schedule, spec.time_zone, after=begun),
            "last_refresh_token": spec.refresh_token or None,
            "failures": 0,
            "crossed": tuple(announced[-_MOST_TOLD:]),
        }
    )
    return status, found


def failed(
    report: StorageReport, *, reason: Reason, message: str, begun: datetime, now: datetime
) -> StorageReportStatus:
    """The status after a failed refresh: the previous numbers, and the reason of the failure."""
    spec, old = report.spec, report.status
    failures = old.failures + 1 if old.observed_generation == report.metadata.generation else 1
    acted_on: datetime | None
    retry_at: datetime | None
    try:
        acted_on = last_time(spec.schedule, spec.time_zone, until=begun)
        retry_at = now + retry_after(failures)
    except ScheduleError:
        acted_on, retry_at = old.last_schedule_time, None  # no retry: only an edit can help
    # Thresholds of another month or another budget do not apply.
    holds = old.as_of is not None and old.as_of >= month_start(begun)
    generation = report.metadata.generation
    budget = [
        one
        for one in old.conditions
        if holds and one.type in _BUDGET_CONDITIONS and one.observed_generation == generation
    ]
    conditions = [
        _condition(report, "Ready", reason, message, now, holds=False),
        _condition(report, "Stalled", reason, message, now, holds=True),
        *budget,
    ]
    return old.model_copy(
        update={
            "observed_generation": report.metadata.generation,
            "conditions": tuple(conditions),
            "last_schedule_time": acted_on,
            "next_refresh_time": retry_at,
            "failures": failures,
        }
    )


def retry_after(failures: int) -> timedelta:
    """How long to wait after this many consecutive failures (1 or more)."""
    doublings: int = min(failures - 1, _MOST_DOUBLINGS)
    return min(_FIRST_RETRY * (1 << doublings), _LONGEST_RETRY)


def ready_reason(status: StorageReportStatus) -> str | None:
    """The reason of the condition Ready."""
    return next((one.reason for one in status.conditions if one.type == "Ready"), None)


def _crossings(report: StorageReport, new: StorageReportStatus, begun: datetime) -> list[Crossing]:
    if report.spec.budget is None or new.cost is None:
        return []
    announced = report.status.crossed
    found = crossings(
        report.spec.budget,
        month_to_date=new.cost.month_to_date,
        projected=new.cost.projected_month,
        announced=announced,
        month=begun.date(),
    )
    before = report.status.as_of
    if before is not None and before < month_start(begun) and new.cost.last_month is not None:
        month = _month_before(begun)
        found += closing_crossings(report.spec.budget, cost=new.cost.last_month, announced=announced, month=month)
    return found


def _month_before(at: datetime) -> date:
    return (month_start(at) - timedelta(days=1)).date()


def _budget_kinds(report: StorageReport) -> list[tuple[str, ThresholdType]]:
    return list(_BUDGET_CONDITIONS.items()) if report.spec.budget is not None else []


def _budget_condition(
    report: StorageReport, name: str, kind: ThresholdType, found: list[Crossing], now: datetime
) -> Condition:
    passed = [crossing for crossing in found if crossing.threshold.type is kind]
    highest = max(passed, key=lambda crossing: (not crossing.over, crossing.threshold.percent), default=None)
    if highest is None:
        return _condition(report, name, Reason.WITHIN_BUDGET, "No threshold is reached.", now, holds=False)
    return _condition(report, name, Reason.THRESHOLD_PASSED, highest.message, now, holds=True)


def _condition(
    report: StorageReport, name: str, reason: Reason, message: str, now: datetime, *, holds: bool
) -> Condition:
    status = ConditionStatus.TRUE if holds else ConditionStatus.FALSE
    old = next((one for one in report.status.conditions if one.type == name), None)
    return Condition(
        type=name,
        status=status,
        observed_generation=report.metadata.generation,
        last_transition_time=old.last_transition_time if old is not None and old.status is status else now,
        reason=reason,
        message=message,
    )
