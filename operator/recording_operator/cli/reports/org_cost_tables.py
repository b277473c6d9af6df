"""Prints what an organisation costs: as a table, CSV or JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from recording_operator.costs.export import Row, Step
from recording_operator.costs.money import CENT, MICRO, MILL, ZERO, plain, rounded
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.tables import aligned, as_csv, as_json

_MILLI: Final = Decimal("0.001")
_PAID: Final = {"storage": "storage_gb", "downloads": "download_gb", "requests": "api_requests"}
"""What is paid for, and its metric."""
_AMOUNTS: Final = ("storage_gb", "upload_gb", "download_gb", "api_requests")
_ESTIMATED: Final = "~ Some days had no count. Their numbers are derived from other days.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgCost:
    """What an organisation costs in a period, and the StorageReport that it is from."""

    org: str
    user: str | None
    """If not None, or if `project` is not: the estimated share of it."""
    project: str | None
    rows: Sequence[Row]
    by: GroupBy
    """ORG: a row is the sum of all."""
    currency: str
    begin: date
    end: date
    report: str

    def total(self, metric: str | None = None) -> Decimal:
        """The cost of one kind of usage, or of all."""
        return sum((row.cost for row in self.rows if metric in (None, row.metric_type)), ZERO)


def write_cost(cost: OrgCost, *, output: str, step: Step) -> None:
    """Write it to standard output."""
    if output == "csv":
        text = as_csv(cost.rows, currency=cost.currency, group_by=cost.by)
    elif output == "json":
        text = json.dumps(_document(cost), indent=2, ensure_ascii=False) + "\n"
    else:
        text = _table(cost, step=step, wide=output == "wide")
    sys.stdout.buffer.write(text.encode())


def _document(cost: OrgCost) -> dict[str, Any]:
    return {
        "org": cost.org,
        **{name: of for name, of in (("user", cost.user), ("project", cost.project)) if of is not None},
        "from": cost.begin.isoformat(),
        "to": cost.end.isoformat(),
        "report": cost.report,
        "currency": cost.currency,
        **{name: plain(rounded(cost.total(metric), MICRO)) for name, metric in _PAID.items()},
        "total": plain(rounded(cost.total(), MICRO)),
        "rows": json.loads(as_json(cost.rows, currency=cost.currency, group_by=cost.by)),
    }


def _table(cost: OrgCost, *, step: Step, wide: bool) -> str:
    lines_of: dict[tuple[str, str], dict[str, Row]] = {}
    for row in cost.rows:
        lines_of.setdefault((row.date, row.group), {})[row.metric_type] = row
    grouped = cost.by is not GroupBy.ORG
    stored = "STORED-GB" if step is Step.DAY else "MEAN-STORED-GB"
    head = [
        step.value.upper(),
        *([cost.by.value.upper()] if grouped else []),
        *([stored, "UPLOADED-GB", "DOWNLOADED-GB", "REQUESTS"] if wide else []),
        *(f"{name.upper()}-{cost.currency}" for name in [*_PAID, "total"]),
    ]
    lines: list[Sequence[str]] = [head]
    for (when, group), of_line in lines_of.items():
        if any(row.value or row.cost for row in of_line.values()):
            mark = "~" if any(row.estimated for row in of_line.values()) else ""
            amounts = [_amount(of_line[metric]) for metric in _AMOUNTS] if wide else []
            costs = [of_line[metric].cost for metric in _PAID.values()]
            paid = [_money(one, step) for one in [*costs, sum(costs, ZERO)]]
            lines.append([when + mark, *([group] if grouped else []), *amounts, *paid])
    totals = [_money(cost.total(metric), Step.MONTH) for metric in [*_PAID.values(), None]]
    lines.append(["TOTAL", *[""] * (len(head) - 1 - len(totals)), *totals])
    text = aligned(lines, left={0, 1} if grouped else {0})
    return text + (_ESTIMATED if any(row.estimated for row in cost.rows) else "")


def _amount(row: Row) -> str:
    return f"{int(row.value):,}" if row.metric_type == "api_requests" else f"{rounded(row.value, _MILLI):,f}"


def _money(amount: Decimal, step: Step) -> str:
    """To the cent; of days and weeks to a hundredth of it, because a small one costs less than a cent."""
    return f"{rounded(amount, CENT if step is Step.MONTH else MILL):,f}"
