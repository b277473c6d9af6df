"""StorageReports: what is stored and what it costs."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from recording_operator.api.names import STORAGE_REPORT_PLURAL
from recording_operator.api.storagereport import (
    ClassRow,
    ComparisonRow,
    LocationRow,
    ReportCost,
    ReportRow,
    ReportScope,
    ReportSummary,
    ReportTotals,
    ReportUploads,
    StorageReport,
)
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.console.api.addresses import ObjectName
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.auth.access import Action
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts, existing, require
from recording_operator.controller.reports.status import ready_reason
from recording_operator.costs.report_choice import scope_in

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])


class ReportSummaryDocument(ApiDocument):
    """A StorageReport in a list."""

    name: str
    as_of: datetime | None = Field(description="Time that the numbers refer to; null before the first refresh.")
    refreshed: datetime | None = Field(description="When the last successful refresh ended.")
    state: str = Field(description="Result of the last refresh.")
    scope: ReportScope = Field(description="What the numbers include.")
    summary: ReportSummary = Field(description="Human-readable numbers.")


class ReportDocument(ReportSummaryDocument):
    """A StorageReport. Amounts are decimal numbers as texts."""

    totals: ReportTotals | None
    uploads: ReportUploads | None
    cost: ReportCost | None
    by_org: tuple[ReportRow, ...] = Field(description="Usage by organisation, the largest first.")
    by_namespace: tuple[ReportRow, ...] = Field(description="Usage by namespace, the largest first.")
    by_storage_location: tuple[LocationRow, ...] = Field(description="Usage by StorageLocation, the largest first.")
    by_storage_class: tuple[ClassRow, ...] = Field(description="Usage by storage class, the largest first.")
    comparison: tuple[ComparisonRow, ...] = Field(description="This month at other price profiles, cheapest first.")
    history: tuple[HistoryEntry, ...] = Field(description="Months, then days, the oldest first.")
    unpriced: tuple[str, ...] = Field(description="Usage without a price. It is not in any cost.")
    notes: tuple[str, ...] = Field(description="What the numbers do not include, and how they were counted.")


class ReportListDocument(ApiDocument):
    """All StorageReports, by name."""

    items: tuple[ReportSummaryDocument, ...]
    known_at: datetime | None = Field(description="When the console last knew all of them.")


@router.get("")
def list_reports(parts: Parts, caller: Authenticated) -> ReportListDocument:
    """All StorageReports. Needs the right to list storagereports."""
    require(parts, caller, Action(verb="list", resource=STORAGE_REPORT_PLURAL))
    items = tuple(ReportSummaryDocument(**_summary(one)) for one in parts.reports.all())
    return ReportListDocument(items=items, known_at=parts.reports.known_at)


@router.get("/{name}", responses=problems(HTTPStatus.NOT_FOUND))
def get_report(parts: Parts, caller: Authenticated, name: ObjectName) -> ReportDocument:
    """One StorageReport, with its breakdowns, its comparison of providers, and its history."""
    require(parts, caller, Action(verb="get", resource=STORAGE_REPORT_PLURAL, name=name))
    return report_document(existing(parts.reports, "StorageReport", name))


def report_document(report: StorageReport) -> ReportDocument:
    """The document of a report."""
    status = report.status
    return ReportDocument(
        **_summary(report),
        totals=status.totals,
        uploads=status.uploads,
        cost=status.cost,
        by_org=status.by_org,
        by_namespace=status.by_namespace,
        by_storage_location=status.by_storage_location,
        by_storage_class=status.by_storage_class,
        comparison=status.comparison,
        history=status.history,
        unpriced=status.unpriced,
        notes=status.notes,
    )


def _summary(report: StorageReport) -> dict[str, object]:
    status = report.status
    return {
        "name": report.metadata.name,
        "as_of": status.as_of,
        "refreshed": status.last_refresh_time,
        "state": ready_reason(status),
        "scope": scope_in(report),
        "summary": status.summary or ReportSummary(),
    }
