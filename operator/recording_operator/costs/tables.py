"""Rows as text: CSV for a spreadsheet, JSON for a program, a table for a terminal."""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Final

from recording_operator.api.storagereport import ComparisonRow, ReportCost
from recording_operator.cells import clean, no_formula, width
from recording_operator.costs.export import Row, Step
from recording_operator.costs.money import CENT, MILL, ZERO, plain, rounded
from recording_operator.costs.rows import GroupBy

_MILLI: Final = Decimal("0.001")
_NAMES: Final = (0, 1)
"""Text columns of the table."""
_AMOUNTS: Final = ("MONTH-TO-DATE", "PROJECTED", "DIFFERENCE")
_COMPARISON_NAMES: Final = (0, 1, 5)
_ESTIMATED: Final = "~ Some days had no count. Their numbers are derived from other days.\n"
Cell = str | Decimal | datetime | bool | None


def columns(currency: str, *, group_by: GroupBy = GroupBy.ORG) -> tuple[str, ...]:
    """Names of the columns. That of the cost contains the currency."""
    group = {GroupBy.ORG: "org_id", GroupBy.CLASS: "storage_class"}.get(group_by, group_by.value)
    return ("date", group, "metric_type", "value", "unit", f"cost_{currency.lower()}")


def as_csv(found: Sequence[Row], *, currency: str, group_by: GroupBy = GroupBy.ORG) -> str:
    """Comma-separated values."""
    return "".join(csv_lines(columns(currency, group_by=group_by), map(_cells, found)))


def as_json(found: Sequence[Row], *, currency: str, group_by: GroupBy = GroupBy.ORG) -> str:
    """An array of objects. Numbers are strings, so that parsers do not convert them to binary floating point."""
    names = (*columns(currency, group_by=group_by), "estimated")
    return _json(names, ((*_cells(row), row.estimated) for row in found))


def csv_lines(names: Iterable[str], lines: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """The lines of a file of comma-separated values, each ended by CRLF (RFC 4180). No cell is a formula."""
    for line in chain([names], lines):
        text = io.StringIO()
        csv.writer(text).writerow(map(_text, line))
        yield text.getvalue()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return plain(cell)
        case datetime():
            return f"{cell:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return no_formula(cell)


def _cells(row: Row) -> tuple[Cell, ...]:
    return row.date, row.group, row.metric_type, row.value, row.unit, row.cost


def _json(names: Sequence[str], lines: Iterable[Sequence[Cell]]) -> str:
    listing = [
        {name: plain(cell) if isinstance(cell, Decimal) else cell for name, cell in zip(names, line, strict=True)}
        for line in lines
    ]
    return json.dumps(listing, indent=2) + "\n"


def as_table(found: Sequence[Row], *, currency: str, group_by: GroupBy = GroupBy.ORG, step: Step = Step.DAY) -> str:
    """One line for each group and step, for a terminal, then the total; `~` marks estimates, and is explained below.

    A group without usage in a step has no line.
    """
    by_line: dict[tuple[str, str], dict[str, Row]] = {}
    for row in found:
        by_line.setdefault((row.date, row.group), {})[row.metric_type] = row
    stored = "STORED-GB" if step is Step.DAY else "MEAN-STORED-GB"
    amounts = (stored, "UPLOADED-GB", "DOWNLOADED-GB", "REQUESTS", f"COST-{currency}")
    lines: list[Sequence[str]] = [(step.value.upper(), group_by.value.upper(), *amounts)]
    for (when, name), of_line in by_line.items():
        if any(row.value or row.cost for row in of_line.values()):
            lines.append(_table_line(when, name, of_line))
    total = rounded(sum((row.cost for row in found), ZERO), CENT)
    lines.append(("TOTAL", "", "", "", "", "", f"{total:,f}"))
    return aligned(lines, left=_NAMES) + (_ESTIMATED if any(row.estimated for row in found) else "")


def comparison_csv(cost: ReportCost, found: Sequence[ComparisonRow]) -> str:
    """The cost of this month as it is and at other profiles, the cheapest of these first."""
    return "".join(csv_lines(_comparison_columns(cost), _compared(cost, found)))


def comparison_json(cost: ReportCost, found: Sequence[ComparisonRow]) -> str:
    """The same as an array of objects."""
    return _json(_comparison_columns(cost), _compared(cost, found))


def comparison_table(cost: ReportCost, found: Sequence[ComparisonRow]) -> str:
    """The same for a terminal."""
    lines = [("PROFILE", "PRICES-AS-OF", *(f"{one}-{cost.currency}" for one in _AMOUNTS), "REASON")]
    for profile, as_of, to_date, month, difference, reason in _compared(cost, found):
        lines.append((profile, as_of, f"{to_date:,f}", f"{month:,f}", f"{difference:+,f}", reason))
    return aligned(lines, left=_COMPARISON_NAMES)


def _comparison_columns(cost: ReportCost) -> tuple[str, ...]:
    amounts = (f"{one}_{cost.currency.lower()}" for one in ("month_to_date", "projected_month", "difference"))
    return ("profile", "prices_as_of", *amounts, "reason")


def _compared(
    cost: ReportCost, found: Sequence[ComparisonRow]
) -> Iterator[tuple[str, str, Decimal, Decimal, Decimal, str]]:
    yield "(as it is)", "", cost.month_to_date, cost.projected_month, rounded(ZERO, CENT), ""
    for row in found:
        yield row.profile, row.prices_as_of, row.month_to_date, row.projected_month, row.difference, row.reason


def aligned(lines: Sequence[Sequence[str]], *, left: Collection[int]) -> str:
    """Lines of cells under each other, the columns in `left` to the left, others to the right."""
    cells = [[clean(cell) for cell in line] for line in lines]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "   ".join(
            cell + " " * (room - width(cell)) if place in left else " " * (room - width(cell)) + cell
            for place, (cell, room) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in cells
    )


def _table_line(when: str, name: str, of_line: Mapping[str, Row]) -> tuple[str, ...]:
    amounts = [f"{rounded(of_line[metric].value, _MILLI):,f}" for metric in ("storage_gb", "upload_gb", "download_gb")]
    mark = "~" if any(row.estimated for row in of_line.values()) else ""
    cost = rounded(sum((row.cost for row in of_line.values()), ZERO), MILL)
    return (f"{when}{mark}", name, *amounts, f"{int(of_line['api_requests'].value):,}", f"{cost:,f}")
