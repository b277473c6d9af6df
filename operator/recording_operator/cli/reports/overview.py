"""A StorageReport on one screen: cards, tables, and what to know about the numbers."""

from collections.abc import Iterator
from datetime import datetime

from recording_operator.api.storagereport import ReportCost, StorageReport
from recording_operator.cells import clean
from recording_operator.cli.reports.breakdowns import Breakdowns
from recording_operator.cli.reports.cards import budget_line, cards
from recording_operator.cli.reports.remarks import freshness, remarks
from recording_operator.cli.screen.panels import Look, panels, paragraphs
from recording_operator.costs.report_choice import scope_in
from recording_operator.costs.report_problems import problems
from recording_operator.costs.scope import scope_of


def overview(report: StorageReport, look: Look, *, title: str, now: datetime, top: int) -> str:
    """The screen. The report has been refreshed at least once."""
    return "\n".join(part for part in _parts(report, look, title=title, now=now, top=top) if part)


def _parts(report: StorageReport, look: Look, *, title: str, now: datetime, top: int) -> Iterator[str]:
    status = report.status
    yield _head(report, look, title=title, now=now)
    found = paragraphs(problems(report, now=now), look)
    yield look.styled(found, fg="red")
    drawn = panels(cards(status), look)
    yield drawn + budget_line(status.cost or ReportCost(), report.spec.budget, look)
    tables = Breakdowns(status, look)
    yield tables.last_days()
    yield tables.by_org(top=top)
    yield tables.by_location()
    yield tables.by_class()
    yield paragraphs(remarks(report), look)


def _head(report: StorageReport, look: Look, *, title: str, now: datetime) -> str:
    status = report.status
    fresh = freshness(report, now=now)
    as_of = f"Numbers as of {status.as_of:%Y-%m-%d %H:%M} UTC; " if status.as_of else ""
    first = look.styled(clean(title), bold=True) + (f", {fresh}" if fresh else "")
    return f"{first}\n{as_of}scope: {clean(scope_of(scope_in(report)))}\n"
