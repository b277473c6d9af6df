"""What is stored costs: by day, week or month, by organisation, at other providers, and as CSV."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from recording_operator.api.storagereport import ComparisonRow, StorageReport
from recording_operator.console.pages.rendering import Rendered
from recording_operator.console.pages.reports import Costs, chosen_report
from recording_operator.console.pages.words import unix_seconds
from recording_operator.console.parts import Authenticated, Parts, SignedIn
from recording_operator.console.problems import Problem
from recording_operator.costs.export import Row, Step, rows
from recording_operator.costs.money import ZERO
from recording_operator.costs.tables import as_csv

_FULL_DAY: Final = len("2026-11-01")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageView:
    """The usage and the costs of a period, or of an organisation in all periods."""

    name: str
    x: int
    storage_gb: Decimal
    upload_gb: Decimal
    download_gb: Decimal
    requests: int
    costs: Costs
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsView:
    """The page."""

    report: str
    currency: str
    periods: tuple[UsageView, ...]
    orgs: tuple[UsageView, ...]
    total: Costs
    org_names: tuple[str, ...]
    comparison: tuple[ComparisonRow, ...]
    projected: Decimal
    as_of: datetime | None
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
        begin=_date(begin),
        end=_date(end),
        step=Step(by) if by in set(Step) else Step.DAY,
        org=org.strip(),
    )


SentQuery = Annotated[CostQuery, Depends(query_of)]


@router.get("/costs")
def costs(page: Rendered, parts: Parts, visit: SignedIn, query: SentQuery) -> Response:
    """The page."""
    chosen = chosen_report(parts, visit.caller, query.report)
    view = None if chosen.report is None else _view(chosen.report, query)
    return page.whole(
        "costs.html",
        title="Costs",
        active="costs",
        visit=visit,
        chosen=chosen,
        view=view,
        query=query,
        steps=list(Step),
        csv_url=f"/costs.csv?{query.query()}",
    )


@router.get("/costs.csv")
def costs_csv(parts: Parts, caller: Authenticated, query: SentQuery) -> Response:
    """The same rows as `kubectl recordings report -o csv` prints."""
    chosen = chosen_report(parts, caller, query.report)
    if chosen.report is None:
        raise Problem(HTTPStatus.NOT_FOUND, chosen.missing)
    cost = chosen.report.status.cost
    text = as_csv(_rows(chosen.report, query), currency=cost.currency if cost else "USD")
    headers = {"Content-Disposition": 'attachment; filename="costs.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _rows(report: StorageReport, query: CostQuery) -> list[Row]:
    found = rows(report.status.history, begin=query.begin, end=query.end, step=query.step)
    return [row for row in found if not query.org or row.group == query.org]


def _view(report: StorageReport, query: CostQuery) -> CostsView:
    status, found = report.status, _rows(report, query)
    by_period: dict[str, list[Row]] = {}
    by_org: dict[str, list[Row]] = {}
    for row in found:
        by_period.setdefault(row.date, []).append(row)
        by_org.setdefault(row.group, []).append(row)
    periods = tuple(_usage(when, of_period, x=_x(when)) for when, of_period in by_period.items())
    orgs = [_usage(org, of_org, periods=len(periods)) for org, of_org in by_org.items()]
    return CostsView(
        report=report.metadata.name,
        currency=status.cost.currency if status.cost else "USD",
        periods=periods,
        orgs=tuple(sorted(orgs, key=lambda one: (-one.costs.total, one.name))),
        total=_costs(found),
        org_names=tuple(sorted({row.name for entry in status.history for row in entry.orgs})),
        comparison=status.comparison,
        projected=status.cost.projected_month if status.cost else ZERO,
        as_of=status.as_of,
        notes=status.notes,
    )


def _usage(name: str, found: list[Row], *, x: int = 0, periods: int = 1) -> UsageView:
    def total(metric: str) -> Decimal:
        return sum((row.value for row in found if row.metric_type == metric), ZERO)

    return UsageView(
        name=name,
        x=x,
        storage_gb=total("storage_gb") / max(periods, 1),
        upload_gb=total("upload_gb"),
        download_gb=total("download_gb"),
        requests=int(total("api_requests")),
        costs=_costs(found),
        estimated=any(row.estimated for row in found),
    )


def _costs(found: Iterable[Row]) -> Costs:
    sums: dict[str, Any] = {"storage_gb": ZERO, "download_gb": ZERO, "api_requests": ZERO, "upload_gb": ZERO}
    for row in found:
        sums[row.metric_type] += row.cost
    return Costs(storage=sums["storage_gb"], download=sums["download_gb"], request=sums["api_requests"])


def _x(when: str) -> int:
    return unix_seconds(date.fromisoformat(f"{when}-01"[:_FULL_DAY]))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
