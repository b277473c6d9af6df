"""Usage and cost by period and organisation, as `kubectl recordings report` and `cost` have them."""

from collections.abc import Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from recording_operator.api.names import STORAGE_REPORT_PLURAL
from recording_operator.api.storagereport import ComparisonRow, ReportCost, ReportTotals, StorageReport
from recording_operator.console.api.addresses import NO_NUL, SUBDOMAIN
from recording_operator.console.api.formats import CSV_RESPONSE, CSV_TYPE, Format, wants_csv
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.auth.access import Action
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, ConsoleParts, Parts, require
from recording_operator.console.problems import Problem
from recording_operator.costs.export import Row, Step, rows
from recording_operator.costs.money import CENT, ZERO, plain, rounded
from recording_operator.costs.org_history import of_org, within
from recording_operator.costs.report_choice import best_first, is_partial, scope_in
from recording_operator.costs.tables import as_csv
from recording_operator.usage.sample import OTHER

router = APIRouter(prefix="/api/v1/usage", tags=["reports"])
_RESPONSES: Final = {**problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT), **CSV_RESPONSE}


class UsageRowDocument(ApiDocument):
    """One kind of usage of an organisation in a period."""

    date: str = Field(description="Day, Monday of the week, or month.", examples=["2026-11-01", "2026-11"])
    org: str = Field(description="Organisation. (other): the sum of those without a row of their own.")
    metric: str = Field(description="storage_gb, upload_gb, download_gb or api_requests.")
    value: str = Field(description="Amount, as a decimal number. Of storage, the mean of the days.", examples=["24.31"])
    unit: str = Field(description="GB or requests.")
    cost: str = Field(description="Cost, as a decimal number.", examples=["0.56"])
    estimated: bool = Field(description="Whether some days had no count, and were derived from others.")


class UsageDocument(ApiDocument):
    """Usage and cost of a period, and projections of the report that they are from."""

    report: str = Field(description="The StorageReport.")
    as_of: datetime | None = Field(description="Time that the numbers refer to.")
    currency: str
    by: Step = Field(description="Period of a row.")
    total_cost: str = Field(description="Sum of the cost of all rows.")
    rows: tuple[UsageRowDocument, ...]
    hidden: tuple[str, ...] = Field(
        description="With org: days and months in which the organisation may be a part of (other)."
    )
    cost: ReportCost | None = Field(description="Current and projected cost of everything in the report.")
    totals: ReportTotals | None = Field(description="Current totals of everything in the report.")
    comparison: tuple[ComparisonRow, ...] = Field(description="This month at other price profiles, cheapest first.")


@router.get("", response_model=UsageDocument, responses=_RESPONSES)
def get_usage(
    parts: Parts,
    caller: Authenticated,
    request: Request,
    *,
    begin: Annotated[date | None, Query(alias="from", description="First day (UTC).")] = None,
    end: Annotated[date | None, Query(alias="to", description="Last day (UTC).")] = None,
    by: Annotated[Step, Query(description="Period of a row.")] = Step.DAY,
    org: Annotated[
        str | None, Query(max_length=128, min_length=1, pattern=NO_NUL, description="Only this organisation.")
    ] = None,
    report: Annotated[
        str | None,
        Query(max_length=253, pattern=SUBDOMAIN, description="Name of a StorageReport. Default: one with all usage."),
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Default: by the header Accept.")] = None,
) -> UsageDocument | Response:
    """Usage and cost by period and organisation. Needs the right to get the StorageReport, or to list all of them."""
    chosen = _chosen(_reports(parts, caller, report), org, begin=begin, end=end)
    found, hidden = _rows(chosen, org, begin=begin, end=end, by=by)
    cost = chosen.status.cost
    currency = "USD" if cost is None else cost.currency
    if wants_csv(request, format_):
        headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        return Response(as_csv(found, currency=currency), media_type=CSV_TYPE, headers=headers)
    return UsageDocument(
        report=chosen.metadata.name,
        as_of=chosen.status.as_of,
        currency=currency,
        by=by,
        total_cost=plain(rounded(sum((row.cost for row in found), ZERO), CENT)),
        rows=tuple(map(_row, found)),
        hidden=hidden,
        cost=cost,
        totals=chosen.status.totals,
        comparison=chosen.status.comparison,
    )


def _reports(parts: ConsoleParts, caller: Authenticated, name: str | None) -> tuple[StorageReport, ...]:
    """The named report, or all. Raises Problem."""
    if name is None:
        require(parts, caller, Action(verb="list", resource=STORAGE_REPORT_PLURAL))
        return parts.reports.all()
    require(parts, caller, Action(verb="get", resource=STORAGE_REPORT_PLURAL, name=name))
    found = parts.reports.get(name)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"StorageReport {name} does not exist.")
    return (found,)


def _chosen(found: Sequence[StorageReport], org: str | None, *, begin: date | None, end: date | None) -> StorageReport:
    """The report that says most. Raises Problem."""
    usable = [one for one in found if one.status.cost is not None and _includes(one, org)]
    if not usable:
        of_it = f" that includes the organisation {org}" if org else ""
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no StorageReport{of_it} that has been refreshed.")
    whole = [one for one in usable if not is_partial(one)]
    if not whole and len(usable) > 1:
        names = ", ".join(one.metadata.name for one in usable[:10])
        raise Problem(HTTPStatus.CONFLICT, f"Each StorageReport includes only a part. Choose one with report: {names}.")
    if org is None:
        return min(whole or usable, key=lambda one: (bool(scope_in(one).orgs), one.metadata.name))
    return best_first(whole or usable, org, begin=begin, end=end)[0]


def _includes(report: StorageReport, org: str | None) -> bool:
    orgs = scope_in(report).orgs
    return org is None or not orgs or org in orgs


def _rows(
    report: StorageReport, org: str | None, *, begin: date | None, end: date | None, by: Step
) -> tuple[list[Row], tuple[str, ...]]:
    if org is None:
        return rows(report.status.history, begin=begin, end=end, step=by), ()
    history = of_org(within(report.status.history, begin, end), org)
    return rows(history.entries, step=by), () if org == OTHER else history.hidden


def _row(row: Row) -> UsageRowDocument:
    return UsageRowDocument(
        date=row.date,
        org=row.group,
        metric=row.metric_type,
        value=plain(row.value),
        unit=row.unit,
        cost=plain(row.cost),
        estimated=row.estimated,
    )
