"""The first page: what is stored, what it costs and will cost, and what needs attention."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from recording_operator.api.recording_status import Phase
from recording_operator.api.storagereport import ReportCost, ReportTotals, ReportUploads, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.catalog.wanted import VisibleNamespaces
from recording_operator.console.api.usage_reports import UsageWanted
from recording_operator.console.pages.rendering import Rendered
from recording_operator.console.pages.reports import (
    BreakdownRow,
    Costs,
    chosen_report,
    costs_of,
    days_of,
    notices_of,
    shares,
)
from recording_operator.console.pages.states import RecordingLine, row_of
from recording_operator.console.pages.words import unix_seconds
from recording_operator.console.parts import ConsoleParts, Parts, SignedIn, visible_in
from recording_operator.costs.budget import BudgetUse, use_of
from recording_operator.costs.org_history import first_day
from recording_operator.costs.report_problems import earlier_month

_SOON: Final = timedelta(hours=24)
_MOST_EXPIRING: Final = 10

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """The budget, and how much of it is used."""

    amount: Decimal
    currency: str
    use: BudgetUse | None
    """None if the costs are in another currency."""

    @property
    def tone(self) -> str:
        """The colour of its bar."""
        if self.use is None:
            return ""
        return "bad" if self.use.is_spent else "warn" if self.use.is_near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A point of the charts."""

    date: str
    x: int
    storage_gb: Decimal
    costs: Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNumbers:
    """What the StorageReport says."""

    name: str
    cost: ReportCost
    totals: ReportTotals
    uploads: ReportUploads
    budget: BudgetView | None
    notices: tuple[str, ...]
    month: str | None
    """The month of the numbers, if it is an earlier one."""
    as_of: datetime | None
    growth: tuple[DayView, ...]
    days: tuple[DayView, ...]
    orgs: tuple[BreakdownRow, ...]
    classes: tuple[BreakdownRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCounts:
    """Recordings of the catalog by phase."""

    complete: int
    failed: int
    uploading: int
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """A Recording whose source expires soon."""

    row: RecordingLine
    expires: datetime


@router.get("/")
def overview(
    page: Rendered, parts: Parts, visit: SignedIn, report: Annotated[str, Query(max_length=253)] = ""
) -> Response:
    """The page."""
    chosen = chosen_report(parts, visit.caller, UsageWanted(report=report or None))
    visible = visible_in(parts, visit.caller)
    return page.whole(
        "overview.html",
        title="Overview",
        active="overview",
        visit=visit,
        chosen=chosen,
        report=None if chosen.report is None else numbers_of(chosen.report, page.now),
        counts=_counts(parts, visible),
        expiring=_expiring(parts, visible, page.now),
        no_rights=not visible.everything and not visible.since,
        soon_hours=_SOON // timedelta(hours=1),
    )


def _counts(parts: ConsoleParts, visible: VisibleNamespaces) -> PhaseCounts:
    found = parts.reader.counts(visible)
    return PhaseCounts(
        complete=found.get(Phase.COMPLETE, 0),
        failed=found.get(Phase.FAILED, 0),
        uploading=found.get(Phase.UPLOADING, 0),
        pending=found.get(Phase.PENDING, 0),
    )


def _expiring(parts: ConsoleParts, visible: VisibleNamespaces, now: datetime) -> list[Expiring]:
    found = parts.reader.expiring(visible, after=now, before=now + _SOON, limit=_MOST_EXPIRING)
    return [Expiring(row=row_of(entry), expires=entry.expires) for entry in found if entry.expires is not None]


def numbers_of(report: StorageReport, now: datetime) -> ReportNumbers:
    """What the page shows of a report."""
    status = report.status
    cost = status.cost or ReportCost()
    return ReportNumbers(
        name=report.metadata.name,
        cost=cost,
        totals=status.totals or ReportTotals(),
        uploads=status.uploads or ReportUploads(),
        budget=_budget(report, cost),
        notices=notices_of(report, now),
        month=earlier_month(status, now=now),
        as_of=status.as_of,
        growth=tuple(map(_day, status.history)),
        days=tuple(map(_day, days_of(status.history))),
        orgs=tuple(shares((row.name, row.recordings, row.objects, row.bytes, row.cost) for row in status.by_org)),
        classes=tuple(shares((row.name, None, row.objects, row.bytes, row.cost) for row in status.by_storage_class)),
    )


def _budget(report: StorageReport, cost: ReportCost) -> BudgetView | None:
    budget = report.spec.budget
    if budget is None:
        return None
    return BudgetView(amount=budget.amount, currency=budget.currency, use=use_of(budget, cost))


def _day(entry: HistoryEntry) -> DayView:
    return DayView(
        date=entry.date, x=unix_seconds(first_day(entry)), storage_gb=entry.storage_gb, costs=costs_of(entry.orgs)
    )
