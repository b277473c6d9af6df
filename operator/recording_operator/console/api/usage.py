"""Usage and cost by period and organisation, as `kubectl recordings report` and `cost` have them."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from recording_operator.api.storagereport import ComparisonRow, ReportCost, ReportTotals
from recording_operator.console.api.addresses import NO_NUL, SUBDOMAIN
from recording_operator.console.api.formats import CSV_RESPONSE, CSV_TYPE, Format, wants_csv
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.api.usage_reports import UsageWanted, hidden_words, report_for
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts
from recording_operator.console.problems import Problem
from recording_operator.costs.export import Row, Step, rows
from recording_operator.costs.money import CENT, ZERO, plain, rounded
from recording_operator.costs.org_history import history_of
from recording_operator.costs.report_problems import problems as report_problems
from recording_operator.costs.tables import as_csv

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
    problems: tuple[str, ...] = Field(
        description="Why the numbers are old, and which thresholds of the budget are reached, for people to read."
    )
    unpriced: tuple[str, ...] = Field(description="Usage without a price. It is not in any cost.")
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
    """Usage and cost by period and organisation. Needs the right to get the StorageReport, or to list all of them.

    As CSV, with org, 409 if the organisation may be a part of (other) on some days.
    """
    wanted = UsageWanted(report=report, org=org, begin=begin, end=end)
    chosen = report_for(parts, caller, wanted)
    history = history_of(chosen.status.history, org, begin=begin, end=end)
    found = rows(history.entries, step=by)
    cost = chosen.status.cost
    currency = "USD" if cost is None else cost.currency
    if wants_csv(request, format_):
        if history.hidden:  # a file has no place to say it
            raise Problem(HTTPStatus.CONFLICT, hidden_words(chosen, history.hidden, org or ""))
        headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        return Response(as_csv(found, currency=currency), media_type=CSV_TYPE, headers=headers)
    return UsageDocument(
        report=chosen.metadata.name,
        as_of=chosen.status.as_of,
        currency=currency,
        by=by,
        total_cost=plain(rounded(sum((row.cost for row in found), ZERO), CENT)),
        rows=tuple(map(_row, found)),
        hidden=history.hidden,
        problems=tuple(report_problems(chosen, now=parts.now())),
        unpriced=chosen.status.unpriced,
        cost=cost,
        totals=chosen.status.totals,
        comparison=chosen.status.comparison,
    )


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
