"""The metrics of a report."""

from datetime import UTC, datetime
from decimal import Decimal

from prometheus_client import CollectorRegistry, generate_latest

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.storagereport import ReportCost, ReportRow, ReportTotals, StorageReportStatus
from recording_operator.reportmetrics import ReportMetrics

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)

STORED = {("archive", "STANDARD"): 7, ("archive", "GLACIER"): 8}


def status() -> StorageReportStatus:
    ready = Condition(
        type="Ready", status=ConditionStatus.TRUE, reason="Refreshed", message="", last_transition_time=NOW
    )
    passed = Condition(
        type="ForecastExceedsBudget",
        status=ConditionStatus.TRUE,
        reason="ThresholdPassed",
        message="",
        last_transition_time=NOW,
    )
    kept = passed.model_copy(update={"type": "BudgetExceeded", "status": ConditionStatus.FALSE})
    return StorageReportStatus(
        conditions=(ready, passed, kept),
        last_refresh_time=NOW,
        totals=ReportTotals(orphaned_bytes=5),
        cost=ReportCost(currency="EUR", month_to_date=Decimal("1.23")),
        by_org=tuple(ReportRow(name=f"org-{number}", bytes=number, cost=Decimal(number)) for number in range(9)),
    )


def test_a_suspended_report_is_neither_ready_nor_not_ready() -> None:
    registry = CollectorRegistry()
    ready, *others = status().conditions
    conditions = (ready.model_copy(update={"status": ConditionStatus.FALSE, "reason": "Suspended"}), *others)
    suspended = status().model_copy(update={"conditions": conditions})
    ReportMetrics(registry).show("daily", suspended, budget=None, orgs=0, stored=STORED)
    text = generate_latest(registry).decode()
    assert "report_last_refresh_timestamp_seconds{" in text
    assert "report_ready{" not in text


def shown(*, orgs: int = 0, budget: str | None = None) -> str:
    registry = CollectorRegistry()
    metrics = ReportMetrics(registry)
    metrics.show("daily", status(), budget=Decimal(budget) if budget else None, orgs=orgs, stored=STORED)
    return generate_latest(registry).decode()


def test_no_organisation_unless_the_administrator_asks() -> None:
    assert "org-" not in shown()


def test_so_many_organisations_at_most() -> None:
    text = shown(orgs=3)
    assert [number for number in range(9) if f'org="org-{number}"' in text] == [0, 1, 2]


def test_the_metrics_that_alerts_use() -> None:
    text = shown(budget="50")
    values = {
        'ready{report="daily"}': 1,
        'stored_bytes{location="archive",report="daily",storage_class="GLACIER"}': 8,
        'last_refresh_timestamp_seconds{report="daily"}': NOW.timestamp(),
        'budget{currency="EUR",report="daily"}': 50,
        'budget_exceeded{report="daily",type="Actual"}': 0,
        'budget_exceeded{report="daily",type="Forecasted"}': 1,
        'month_cost{currency="EUR",kind="ToDate",report="daily"}': 1.23,
    }
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {name: float(found[f"recording_operator_report_{name}"]) for name in values} == values
    assert "budget_exceeded{" not in shown()


def test_a_report_that_is_gone_has_no_series() -> None:
    registry = CollectorRegistry()
    metrics = ReportMetrics(registry)
    metrics.show("daily", status(), budget=None, orgs=2, stored=STORED)
    metrics.forget("daily")
    assert 'report="daily"' not in generate_latest(registry).decode()
