"""A report's history as rows, by day, week or month, organisation and kind of usage."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from recording_operator.api.storagereport import HistoryEntry, HistoryOrg
from recording_operator.costs.money import CENT, MICRO, MILL, ZERO, plain, rounded

_DATE_CHARS: Final = 10
_MILLI: Final = Decimal("0.001")
_NAMES: Final = 2
"""Text columns of the table."""
# A spreadsheet may run a cell that begins with one of these as a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class Step(StrEnum):
    """The period of a row. A week begins on Monday and is named by that day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of usage of one organisation in one step. `cost` is in `currency`."""

    date: str
    org_id: str
    metric_type: str
    value: Decimal
    unit: str
    cost: Decimal
    estimated: bool


@dataclass(slots=True)
class _Sum:
    value: Decimal = ZERO
    cost: Decimal = ZERO


def rows(
    history: Iterable[HistoryEntry], *, begin: date | None = None, end: date | None = None, step: Step = Step.DAY
) -> list[Row]:
    """The entries from `begin` to `end`, both included. Storage is the mean of a step's days, the rest are sums.

    History that is stored by month appears as months, with their first day. A month is included if its first day is.
    """
    spans: dict[tuple[str, str, str], _Sum] = {}
    days: dict[str, int] = {}
    estimated: dict[str, bool] = {}
    for entry in history:
        is_month = len(entry.date) < _DATE_CHARS
        day = date.fromisoformat(f"{entry.date}-01" if is_month else entry.date)
        if (begin is not None and day < begin) or (end is not None and day > end):
            continue
        when = entry.date if is_month else _begin(day, step)
        days[when] = days.get(when, 0) + 1
        estimated[when] = estimated.get(when, False) or entry.estimated
        for org in entry.orgs:
            for metric, value, cost in _metrics(org):
                found = spans.setdefault((when, org.name, metric), _Sum())
                found.value += value
                found.cost += cost
    return [
        Row(
            date=when,
            org_id=org,
            metric_type=metric,
            value=rounded(found.value / days[when] if metric == "storage_gb" else found.value, MICRO),
            unit="requests" if metric == "api_requests" else "GB",
            cost=rounded(found.cost, MICRO),
            estimated=estimated[when],
        )
        for (when, org, metric), found in sorted(spans.items(), key=lambda item: (item[0][0], item[0][1]))
    ]


def _begin(day: date, step: Step) -> str:
    if step is Step.MONTH:
        return f"{day:%Y-%m}"
    return (day - timedelta(days=day.weekday()) if step is Step.WEEK else day).isoformat()


def _metrics(org: HistoryOrg) -> tuple[tuple[str, Decimal, Decimal], ...]:
    return (
        ("storage_gb", org.storage_gb, org.storage_cost),
        ("upload_gb", org.upload_gb, ZERO),
        ("download_gb", org.download_gb, org.download_cost),
        ("api_requests", Decimal(org.api_requests), org.request_cost),
    )


def columns(currency: str) -> tuple[str, ...]:
    """Names of the columns. That of the cost contains the currency."""
    return ("date", "org_id", "metric_type", "value", "unit", f"cost_{currency.lower()}")


def as_csv(found: Sequence[Row], *, currency: str) -> str:
    """Comma-separated, every line ended by CRLF (RFC 4180); no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns(currency))
    for row in found:
        writer.writerow(
            (row.date, no_formula(row.org_id), row.metric_type, plain(row.value), row.unit, plain(row.cost))
        )
    return text.getvalue()


def no_formula(cell: str) -> str:
    """A name as a cell, with an apostrophe if a spreadsheet might run it. A number may begin with a minus."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def as_json(found: Sequence[Row], *, currency: str) -> str:
    """An array of objects. Numbers are strings, so that parsers do not convert them to binary floating point."""
    money = columns(currency)[-1]
    listing: list[dict[str, Any]] = [
        {
            "date": row.date,
            "org_id": row.org_id,
            "metric_type": row.metric_type,
            "value": plain(row.value),
            "unit": row.unit,
            money: plain(row.cost),
            "estimated": row.estimated,
        }
        for row in found
    ]
    return json.dumps(listing, indent=2) + "\n"


def as_table(found: Sequence[Row], *, currency: str) -> str:
    """One line for each organisation and step, for a terminal; `~` marks estimates; the last line is the total.

    An organisation without usage in a step has no line.
    """
    by_line: dict[tuple[str, str], dict[str, Row]] = {}
    for row in found:
        by_line.setdefault((row.date, row.org_id), {})[row.metric_type] = row
    lines: list[tuple[str, ...]] = [
        ("DATE", "ORG", "STORED-GB", "UPLOADED-GB", "DOWNLOADED-GB", "WRITES", f"COST-{currency}")
    ]
    lines += [
        _table_line(when, org, of_line)
        for (when, org), of_line in by_line.items()
        if any(row.value or row.cost for row in of_line.values())
    ]
    total = rounded(sum((row.cost for row in found), ZERO), CENT)
    lines.append(("TOTAL", "", "", "", "", "", f"{total:,f}"))
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "".join(
        "   ".join(
            cell.ljust(width) if place < _NAMES else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def _table_line(when: str, org: str, of_line: Mapping[str, Row]) -> tuple[str, ...]:
    amounts = [f"{rounded(of_line[metric].value, _MILLI):,f}" for metric in ("storage_gb", "upload_gb", "download_gb")]
    mark = "~" if any(row.estimated for row in of_line.values()) else ""
    cost = rounded(sum((row.cost for row in of_line.values()), ZERO), MILL)
    return (f"{when}{mark}", org, *amounts, f"{int(of_line['api_requests'].value):,}", f"{cost:,f}")
