"""Tables below the cards of a report: by organisation, StorageLocation and storage class, and the last 30 days."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import ClassRow, DownloadSource, ReportRow, ReportTotals, StorageReportStatus
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.cells import clean, fitted, width
from recording_operator.cli.screen.bars import bar
from recording_operator.cli.screen.panels import Look, sparkline
from recording_operator.costs.money import CENT, MILL, ZERO, rounded
from recording_operator.costs.org_history import org_total
from recording_operator.costs.tables import aligned
from recording_operator.usage.sample import OTHER

DAYS: Final = 30
ALL_OTHERS: Final = "(all others)"
UNKNOWN_COST: Final = "-"
_HIDDEN: Final = "- The history does not name each of them on every day. See: cost --org NAME\n"
_BAR: Final = 10
_LEAST_NAME: Final = 12
_LONGEST_NAME: Final = 60
_APART: Final = 3
_MILLI: Final = Decimal("0.001")
_UNITS: Final = (10**9, 2**30)
_ROUNDING: Final = Decimal("0.000001")
_WIDE: Final = 120
_DAY_CHARS: Final = len("2026-11-01")
_DOWNLOADS: Final = {
    DownloadSource.PLAYBACK: "estimated",
    DownloadSource.CLOUD_WATCH: "CloudWatch",
    DownloadSource.ACCESS_LOGS: "access logs",
}


def gb_bytes(status: StorageReportStatus) -> int | None:
    """How many bytes a GB of this report has; None if its locations differ."""
    stored = sum(row.bytes for row in status.by_storage_location)
    total = (status.totals or ReportTotals()).storage_gb
    return next((unit for unit in _UNITS if abs(total * unit - stored) <= _ROUNDING * unit), None)


def recent_days(status: StorageReportStatus) -> dict[date, HistoryEntry | None]:
    """The last whole days of the history, without a gap; None for a day that it does not have."""
    found = {date.fromisoformat(one.date): one for one in status.history if len(one.date) == _DAY_CHARS}
    if status.as_of is not None:
        found.pop(status.as_of.date(), None)  # this day is not over
    if not found:
        return {}
    last = max(found)
    first = max(min(found), last - timedelta(days=DAYS - 1))
    return {day: found.get(day) for day in (first + timedelta(days=n) for n in range((last - first).days + 1))}


class Breakdowns:
    """The tables of one report. Each is empty if it has no rows."""

    def __init__(self, status: StorageReportStatus, look: Look) -> None:
        self._status, self._look = status, look
        self._unit = gb_bytes(status) or _UNITS[0]
        self._currency = status.cost.currency if status.cost else ""
        month = f"{status.as_of:%Y-%m}-" if status.as_of else "-"
        self._month = [entry for entry in status.history if entry.date.startswith(month)]

    def by_org(self, *, top: int) -> str:
        """The largest organisations by name, and the sum of all others."""
        rows = [row for row in self._status.by_org[:top] if row.name != OTHER]
        rest = self._status.by_org[len(rows) :]
        months = [org_total(self._month, row.name) for row in rows]
        if rest:
            rows.append(rest[0] if len(rest) == 1 and rest[0].name == OTHER else _sum_of(rest))
            known = [cost for cost in months if cost is not None]
            total = sum((entry.cost for entry in self._month), ZERO)
            months.append(total - sum(known, ZERO) if len(known) == len(months) else None)
        head = ["ORGANISATION", "STORED-GB", "RECORDINGS"]
        lines = [[row.name, self._gb(row), f"{row.recordings:,}"] for row in rows]
        if self._month:
            head.append(f"{self._currency}-THIS-MONTH")
            for line, cost in zip(lines, months, strict=True):
                line.append(UNKNOWN_COST if cost is None else f"{rounded(cost, CENT):,f}")
        note = _HIDDEN if any(cost is None for cost in months[: len(lines)]) and self._month else ""
        return self._table(head, lines, rows) + note

    def by_location(self) -> str:
        """The StorageLocations; where there is room, with how they were counted and their prices."""
        rows = self._status.by_storage_location
        head, lines = ["STORAGELOCATION", "STORED-GB", "RECORDINGS"], []
        more: list[list[str]] = []
        for row in rows:
            lines.append([row.name, self._gb(row), f"{row.recordings:,}"])
            prices = f"{row.profile} {row.prices_as_of}".strip()
            more.append([row.source.value, _DOWNLOADS[row.downloads] if prices else "-", prices or "-"])
        if self._look.drawn and self._look.columns < _WIDE:
            return self._table(head, lines, rows)
        return self._table(head, lines, rows, further=[["COUNTED-FROM", "DOWNLOADS", "PRICES"], *more])

    def by_class(self) -> str:
        """The storage classes."""
        rows = self._status.by_storage_class
        lines = [[row.name, self._gb(row), f"{row.objects:,}"] for row in rows]
        return self._table(["STORAGE-CLASS", "STORED-GB", "OBJECTS"], lines, rows)

    def last_days(self) -> str:
        """What was stored and what it cost on each of the last days that the history has."""
        days = recent_days(self._status)
        if not days:
            return ""
        title = f"The last {len(days)} days, {min(days)} to {max(days)}" if len(days) > 1 else f"Yesterday, {min(days)}"
        return f"{self._look.styled(title, bold=True)}\n{''.join(self._trends(list(days.values())))}"

    def _trends(self, days: Sequence[HistoryEntry | None]) -> Iterator[str]:
        stored, costs = [one.storage_gb for one in days if one], [one.cost for one in days if one]
        grown = f"{rounded(stored[0], _MILLI):,f} to {rounded(stored[-1], _MILLI):,f} GB"
        range_of = f"{_mill(min(costs))} to {_mill(max(costs))} {self._currency} a day"
        yield self._trend("Stored", [one.storage_gb if one else None for one in days], grown)
        yield self._trend("Cost", [one.cost if one else None for one in days], range_of)

    def _trend(self, name: str, values: Sequence[Decimal | None], text: str) -> str:
        shape = f"{self._look.styled(sparkline(values), fg='cyan')}   " if self._look.drawn else ""
        return f"{name:6}   {shape}{text}\n"

    def _gb(self, row: ClassRow) -> str:
        return f"{rounded(Decimal(row.bytes) / self._unit, _MILLI):,f}"

    def _table(
        self,
        head: Sequence[str],
        lines: Sequence[Sequence[str]],
        rows: Sequence[ClassRow],
        *,
        further: Sequence[Sequence[str]] = (),
    ) -> str:
        """The lines with the cost of a day and its share. `further` columns are texts, with their head."""
        if not rows:
            return ""
        shares = _shares(rows)
        cells = [[*head, f"{self._currency}-A-DAY", "SHARE"]]
        for line, row, share in zip(lines, rows, shares, strict=True):
            cells.append([*line, _mill(row.cost), _percent(share)])
        if further:
            cells = [[*line, *more] for line, more in zip(cells, further, strict=True)]
        if self._look.drawn:
            if _name_room(cells, self._look.columns) >= _LEAST_NAME + _BAR + 1:
                for line, share in zip(cells[1:], shares, strict=True):
                    line[len(head) + 1] += f" {bar(share, room=_BAR)}"
            _fit_names(cells, self._look.columns)
        first, rest = aligned(cells, left={0, *range(len(head) + 2, len(cells[0]))}).split("\n", 1)
        return f"{self._look.styled(first, bold=True)}\n{rest}"


def _sum_of(rows: Sequence[ReportRow]) -> ReportRow:
    return ReportRow(
        name=ALL_OTHERS,
        objects=sum(row.objects for row in rows),
        bytes=sum(row.bytes for row in rows),
        cost=sum((row.cost for row in rows), ZERO),
        recordings=sum(row.recordings for row in rows),
    )


def _shares(rows: Sequence[ClassRow]) -> list[Decimal]:
    """The share of each row in the cost of a day; in what is stored if that is free."""
    costs = [row.cost for row in rows]
    weights = costs if sum(costs, ZERO) > 0 else [Decimal(row.bytes) for row in rows]
    total = sum(weights, ZERO)
    return [weight / total if total else ZERO for weight in weights]


def _percent(share: Decimal) -> str:
    percent = rounded(share * 100, Decimal(1))
    return "<1%" if share > 0 and not percent else f"{percent:f}%"


def _name_room(cells: Sequence[Sequence[str]], columns: int) -> int:
    """How many columns the other cells leave for the names."""
    return columns - sum(
        max(width(clean(cell)) for cell in column) + _APART for column in list(zip(*cells, strict=True))[1:]
    )


def _fit_names(cells: list[list[str]], columns: int) -> None:
    """Shorten names so that the lines fit."""
    room = min(max(_name_room(cells, columns), _LEAST_NAME), _LONGEST_NAME)
    for line in cells:
        line[0] = fitted(clean(line[0]), room)


def _mill(amount: Decimal) -> str:
    return f"{rounded(amount, MILL):,f}"
