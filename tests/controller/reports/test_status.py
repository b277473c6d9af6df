"""The budget of a report when months end, refreshes fail, or the report is suspended."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import ReportCost, StorageReport, StorageReportStatus
from recording_operator.controller.reports.status import failed, is_due, succeeded, suspended
from recording_operator.costs.budget import Crossing

BUDGET = {"amount": "22.90"}


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Kept:
    """A report as it is refreshed again and again."""

    spec: dict[str, Any] = field(default_factory=lambda: {"budget": BUDGET})
    generation: int = 1
    status: StorageReportStatus = field(default_factory=StorageReportStatus)

    @property
    def report(self) -> StorageReport:
        read = StorageReport.model_validate(
            {
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "StorageReport",
                "metadata": {"name": "daily", "uid": "u", "generation": self.generation, "resourceVersion": "1"},
                "spec": self.spec,
            }
        )
        return read.model_copy(update={"status": self.status})

    def counted(self, now: datetime, *, cost: str, last: str | None = None) -> list[Crossing]:
        """A refresh with this result. Returns the thresholds that are newly crossed."""
        found = ReportCost(month_to_date=Decimal(cost), last_month=None if last is None else Decimal(last))
        new = self.status.model_copy(update={"as_of": now, "cost": found})
        self.status, passed = succeeded(self.report, new, message="", begun=now, now=now)
        return [crossing for crossing in passed if crossing.is_new]

    def fails(self, now: datetime) -> None:
        self.status = failed(self.report, reason=Reason.REFRESH_FAILED, message="no answer", begun=now, now=now)

    def says(self, kind: str) -> tuple[str, str] | None:
        return next(((one.status, one.message) for one in self.status.conditions if one.type == kind), None)


def test_a_budget_exceeded_only_in_the_last_hours_of_a_month_is_reported() -> None:
    kept = Kept()
    assert not kept.counted(at("2026-11-30"), cost="22.23")
    [news] = kept.counted(at("2026-12-01"), cost="0.00", last="23.00")
    assert "2026-11 has cost 23.00 USD, 100% of the budget of 22.90 USD" in news.message
    exceeded = kept.says("BudgetExceeded")
    assert exceeded is not None
    assert exceeded[0] == "True"
    assert not kept.counted(at("2026-12-02"), cost="0.77", last="23.00"), "it is told once"
    exceeded = kept.says("BudgetExceeded")
    assert exceeded is not None
    assert exceeded[0] == "False"


def test_a_report_of_each_first_day_of_a_month_judges_the_month_before() -> None:
    kept = Kept()
    kept.counted(at("2026-10-01"), cost="0.00")
    for month in (11, 12):
        assert len(kept.counted(at(f"2026-{month}-01"), cost="0.00", last="23.00")) == 1


def test_a_reported_threshold_is_not_reported_again_at_the_end_of_the_month() -> None:
    kept = Kept()
    assert len(kept.counted(at("2026-11-30"), cost="22.95")) == 1
    assert not kept.counted(at("2026-12-01"), cost="0.00", last="23.00")


def test_a_verdict_ends_with_its_month_where_refreshes_fail() -> None:
    kept = Kept()
    kept.counted(at("2026-11-29"), cost="25")
    kept.fails(at("2026-11-30"))
    assert kept.says("BudgetExceeded") is not None
    kept.fails(at("2026-12-01"))
    assert kept.says("BudgetExceeded") is None


def test_a_verdict_ends_with_its_budget_where_refreshes_fail() -> None:
    kept = Kept()
    kept.counted(at("2026-11-29"), cost="25")
    kept.spec, kept.generation = {"budget": {"amount": "200"}}, 2
    kept.fails(at("2026-11-30"))
    assert kept.says("BudgetExceeded") is None


def test_no_budget_is_checked_while_the_report_is_suspended() -> None:
    kept = Kept()
    kept.counted(at("2026-11-29"), cost="25")
    status = suspended(kept.report, at("2026-11-30"))
    assert [one.type for one in status.conditions] == ["Ready", "Stalled"]


def test_a_suspended_report_says_so_and_whether_its_last_refresh_succeeded() -> None:
    kept = Kept()
    kept.counted(at("2026-11-29"), cost="25")
    ready, _ = suspended(kept.report, at("2026-11-30")).conditions
    assert (ready.status, ready.reason, ready.last_transition_time) == ("True", Reason.SUSPENDED, at("2026-11-29"))
    assert ready.message == "spec.suspend is true. The numbers are those of the last refresh."
    kept.fails(at("2026-11-30"))
    ready, _ = suspended(kept.report, at("2026-11-30")).conditions
    assert ready.status == "False"


def test_a_report_that_was_suspended_from_the_beginning_says_so() -> None:
    [ready] = suspended(Kept().report, at("2026-11-30")).conditions
    assert (ready.status, ready.last_transition_time) == ("Unknown", at("2026-11-30"))
    assert ready.message == "spec.suspend is true. The report has never been refreshed."


@pytest.mark.parametrize("failures", [0, 1])
def test_days_counted_by_a_clock_far_ahead_are_counted_again(failures: int) -> None:
    kept = Kept()
    kept.counted(at("2026-12-31"), cost="25")
    kept.status = kept.status.model_copy(
        update={"failures": failures, "next_refresh_time": at("2026-11-21T00:05") if failures else None}
    )
    assert is_due(kept.report, at("2026-11-21")) is not bool(failures), "a failed one waits for its time"
    assert is_due(kept.report, at("2026-11-21T00:06"))
