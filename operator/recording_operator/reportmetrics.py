"""The metrics of StorageReports. Administrators choose the names of reports, locations and classes.

Users choose the names of organisations, so these have series only if the administrator enables them, up to a limit.
Prometheus has only binary fractions; the exact amounts are in the report.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReportStatus

_NAMESPACE: Final = "recording_operator"
_MONTH: Final = ("ToDate", "Projected", "NextProjected", "Last")


class ReportMetrics:
    """The figures of the last refresh of each report. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labelnames=("report", *labels), namespace=_NAMESPACE, registry=registry)

        self._bytes = gauge(
            "report_stored_bytes", "Stored bytes, by StorageLocation and storage class.", "location", "storage_class"
        )
        self._day = gauge(
            "report_day_cost",
            "Cost of one day with the current storage and downloads, by StorageLocation.",
            "location",
            "currency",
        )
        self._class_day = gauge(
            "report_class_day_cost",
            "Cost of one day with the current storage and downloads, by storage class.",
            "storage_class",
            "currency",
        )
        self._month = gauge(
            "report_month_cost", "Cost of a month, by kind: ToDate, Projected, NextProjected, Last.", "kind", "currency"
        )
        self._budget = gauge("report_budget", "Budget for a month.", "currency")
        self._exceeded = gauge(
            "report_budget_exceeded", "1 while a threshold of the type is reached, otherwise 0.", "type"
        )
        self._refreshed = gauge("report_last_refresh_timestamp_seconds", "When the last successful refresh ended.")
        self._next = gauge("report_next_refresh_timestamp_seconds", "When the next refresh is due by the schedule.")
        self._ready = gauge(
            "report_ready", "1 if the last refresh succeeded, otherwise 0. Suspended reports have none."
        )
        self._orphans = gauge("report_orphaned_bytes", "Bytes that neither a Recording nor a manifest knows.")
        self._incomplete = gauge("report_incomplete_upload_bytes", "Bytes in open multipart uploads.")
        self._org_bytes = gauge(
            "report_org_stored_bytes",
            "Stored bytes by organisation, for the number of organisations in the settings.",
            "org",
        )
        self._org_day = gauge(
            "report_org_day_cost",
            "Cost of one day by organisation, for the number of organisations in the settings.",
            "org",
            "currency",
        )

    def show(
        self,
        report: str,
        status: StorageReportStatus,
        *,
        budget: Decimal | None,
        orgs: int,
        stored: Mapping[tuple[str, str], int],
    ) -> None:
        """Replace the figures of a report by those of its status, with series for the `orgs` largest organisations.

        `stored` is the stored bytes by location and storage class.
        """
        self.forget(report)
        if not any(one.type == "Ready" and one.reason == Reason.SUSPENDED for one in status.conditions):
            self._ready.labels(report).set(int(_holds(status, "Ready")))
        for kind, condition in (("Actual", "BudgetExceeded"), ("Forecasted", "ForecastExceedsBudget")):
            if budget is not None and any(one.type == condition for one in status.conditions):
                self._exceeded.labels(report, kind).set(int(_holds(status, condition)))
        if status.next_refresh_time is not None:
            self._next.labels(report).set(status.next_refresh_time.timestamp())
        cost = status.cost
        if cost is None or status.totals is None or status.last_refresh_time is None:
            return
        self._refreshed.labels(report).set(status.last_refresh_time.timestamp())
        self._orphans.labels(report).set(status.totals.orphaned_bytes)
        self._incomplete.labels(report).set(status.totals.incomplete_upload_bytes)
        months = (cost.month_to_date, cost.projected_month, cost.projected_next_month, cost.last_month)
        for kind, amount in zip(_MONTH, months, strict=True):
            if amount is not None:
                self._month.labels(report, kind, cost.currency).set(float(amount))
        if budget is not None:
            self._budget.labels(report, cost.currency).set(float(budget))
        for row in status.by_storage_location:
            self._day.labels(report, row.name, cost.currency).set(float(row.cost))
        for by_class in status.by_storage_class:
            self._class_day.labels(report, by_class.name, cost.currency).set(float(by_class.cost))
        for (location, storage_class), size_bytes in stored.items():
            self._bytes.labels(report, location, storage_class).set(size_bytes)
        for by_org in status.by_org[:orgs]:
            self._org_bytes.labels(report, by_org.name).set(by_org.bytes)
            self._org_day.labels(report, by_org.name, cost.currency).set(float(by_org.cost))

    def forget(self, report: str) -> None:
        """Remove the figures of a report."""
        for gauge in self._all():
            gauge.remove_by_labels({"report": report})

    def _all(self) -> Iterable[Gauge]:
        return (gauge for gauge in vars(self).values() if isinstance(gauge, Gauge))


def _holds(status: StorageReportStatus, condition: str) -> bool:
    return any(one.type == condition and one.status == "True" for one in status.conditions)
