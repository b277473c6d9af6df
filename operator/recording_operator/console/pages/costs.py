"""What is stored costs: by day, week or month, by organisation, at other providers, and as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from recording_operator.api.storagereport import ComparisonRow, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.console.api.usage_reports import UsageWanted, hidden_words
from recording_operator.console.pages.days import IgnoredDays, day_of
from recording_operator.console.pages.downloads import most_downloaded
from recording_operator.console.pages.rendering import Rendered
from recording_operator.console.pages.reports import Costs, chosen_report, costs_of, notices_of
from recording_operator.console.pages.words import unix_seconds
from recording_operator.console.parts import Parts, SignedIn
from recording_operator.costs.export import Step, steps
from recording_operator.costs.money import ZERO
from recording_operator.costs.org_history import first_of, history_of, is_day, mean_stored
from recording_operator.costs.report_problems import earlier_month

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostQuery:
    """The form above the numbers, as it was sent."""

    report: str = ""
    begin: date | None = None
    end: date | None = None
    step: Step = Step.DAY
    org: str = ""

    def query(self) -> str:
        """The query of a URL with the fields that are set."""
        fields = {
            "report": self.report,
            "from": self.begin.isoformat() if self.begin else "",
            "to": self.end.isoformat() if self.end else "",
            "by": self.step.value,
            "org": self.org,
        }
        return urlencode({name: value for name, value in fields.items() if value})

    def wanted(self) -> UsageWanted:
        """What the form wants."""
        return UsageWanted(report=self.report or None, org=self.org or None, begin=self.begin, end=self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageView:
    """The usage and the costs of a period, or of an organisation in all periods."""

    name: str
    x: int | None
    """Where it is in the chart; None if it is not."""
    storage_gb: Decimal
    upload_gb: Decimal
    download_gb: Decimal
    requests: int
    costs: Costs
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsView:
    """The page."""

    currency: str
    periods: tuple[UsageView, ...]
    orgs: tuple[UsageView, ...]
    total: Costs
    hidden: str
    """That the numbers are not about all days; empty if they are."""
    estimated: bool
    months: bool
    """Whether some periods are months that are not in the chart."""
    comparison: tuple[ComparisonRow, ...]
    month_to_date: Decimal
    projected: Decimal
    as_of: datetime | None
    month: str | None
    """The month of the comparison, if it is an earlier one."""
    notices: tuple[str, ...]
    notes: tuple[str, ...]


def query_of(
    *,
    report: Annotated[str, Query(max_length=253)] = "",
    begin: Annotated[str, Query(alias="from", max_length=10)] = "",
    end: Annotated[str, Query(alias="to", max_length=10)] = "",
    by: Annotated[str, Query(max_length=10)] = "day",
    org: Annotated[str, Query(max_length=200)] = "",
) -> CostQuery:
    """The form of the request. An impossible field is left out."""
    return CostQuery(
        report=report,
        begin=day_of(begin),
        end=day_of(end),
        step=Step(by) if by in set(Step) else Step.DAY,
        org=org.strip(),
    )


SentQuery = Annotated[CostQuery, Depends(query_of)]


@router.get("/costs")
def costs(page: Rendered, parts: Parts, visit: SignedIn, query: SentQuery, ignored: IgnoredDays) -> Response:
    """The page."""
    chosen = chosen_report(parts, visit.caller, query.wanted())
    view = None if chosen.report is None else view_of(chosen.report, query, page.now)
    downloads = None
    if chosen.report is not None:
        downloads = most_downloaded(parts, visit.caller, chosen.report.spec.prices, now=parts.now())
    return page.whole(
        "costs.html",
        title="Costs",
        active="costs",
        visit=visit,
        chosen=chosen,
        view=view,
        downloads=downloads,
        query=query,
        ignored=ignored,
        steps=list(Step),
        org_names=_org_names(chosen.report, query.org),
        csv_url=f"/api/v1/usage?{replace(query, report=chosen.name).query()}&format=csv",
    )


def _org_names(report: StorageReport | None, org: str) -> list[str]:
    """Those to choose from, with the one that was chosen, which may be a part of (other)."""
    history = report.status.history if report else ()
    return sorted({row.name for entry in history for row in entry.orgs} | ({org} if org else set()))


def view_of(report: StorageReport, query: CostQuery, now: datetime) -> CostsView:
    """What the page shows of a report."""
    status = report.status
    history = history_of(status.history, query.org or None, begin=query.begin, end=query.end)
    by_step = steps(history.entries, query.step)
    mixed = query.step is not Step.MONTH and any(map(is_day, history.entries))  # the sum of a month is no bar of a day
    periods = tuple(
        _period(when, entries, in_chart=not mixed or is_day(entries[0])) for when, entries in by_step.items()
    )
    return CostsView(
        currency=status.cost.currency if status.cost else "USD",
        periods=periods,
        orgs=_orgs(history.entries),
        total=costs_of(row for entry in history.entries for row in entry.orgs),
        hidden=hidden_words(report, history.hidden, query.org) if history.hidden else "",
        estimated=any(one.estimated for one in periods),
        months=any(one.x is None for one in periods),
        comparison=status.comparison,
        month_to_date=status.cost.month_to_date if status.cost else ZERO,
        projected=status.cost.projected_month if status.cost else ZERO,
        as_of=status.as_of,
        month=earlier_month(status, now=now),
        notices=notices_of(report, now),
        notes=status.notes,
    )


def _period(when: str, entries: Sequence[HistoryEntry], *, in_chart: bool) -> UsageView:
    return _usage(
        when,
        [row for entry in entries for row in entry.orgs],
        x=unix_seconds(first_of(when)) if in_chart else None,
        storage_gb=sum(mean_stored(entries).values(), ZERO),
        estimated=any(entry.estimated for entry in entries),
    )


def _orgs(entries: Sequence[HistoryEntry]) -> tuple[UsageView, ...]:
    by_org: dict[str, list[HistoryOrg]] = {}
    for entry in entries:
        for row in entry.orgs:
            by_org.setdefault(row.name, []).append(row)
    means = mean_stored(entries)
    found = [_usage(org, of_org, storage_gb=means[org]) for org, of_org in by_org.items()]
    return tuple(sorted(found, key=lambda one: (-one.costs.total, one.name)))


def _usage(
    name: str, found: Sequence[HistoryOrg], *, storage_gb: Decimal, x: int | None = None, estimated: bool = False
) -> UsageView:
    return UsageView(
        name=name,
        x=x,
        storage_gb=storage_gb,
        upload_gb=sum((row.upload_gb for row in found), ZERO),
        download_gb=sum((row.download_gb for row in found), ZERO),
        requests=sum(row.api_requests for row in found),
        costs=costs_of(found),
        estimated=estimated,
    )
