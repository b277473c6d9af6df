"""Which StorageReport a page shows, and its numbers as the pages show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from recording_operator.api.storagereport import ReportScope, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.console.api.usage_reports import UsageWanted, may_list_reports, report_for
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem
from recording_operator.costs.money import ZERO
from recording_operator.costs.org_history import is_day
from recording_operator.costs.report_choice import scope_in
from recording_operator.costs.report_problems import problems, unpriced_words
from recording_operator.costs.scope import scope_of

_NO_RIGHT: Final = (
    "You may not list StorageReports, which say what is stored and what it costs for everyone. Ask your administrator."
)
_NONE: Final = "There is no StorageReport. An administrator creates one: docs/costs.md has an example."
_WHOLE: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenReport:
    """A StorageReport that has numbers, or why there is none."""

    report: StorageReport | None = None
    names: tuple[str, ...] = ()
    """All StorageReports, to choose from."""
    scope: str = ""
    """What it includes, if that is not everything."""
    missing: str = ""

    @property
    def name(self) -> str:
        """That of the report; empty if there is none."""
        return "" if self.report is None else self.report.metadata.name


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownRow:
    """A row of a breakdown, with its part of the largest in percent."""

    name: str
    recordings: int | None
    objects: int
    stored_bytes: int
    cost: Decimal
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What something costs, by what is paid for."""

    storage: Decimal = ZERO
    download: Decimal = ZERO
    request: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.storage + self.download + self.request


def chosen_report(parts: ConsoleParts, caller: Caller, wanted: UsageWanted) -> ChosenReport:
    """The StorageReport of this name, else the one that says most. Raises Problem 404 if it is none, and KubeError."""
    may_list = may_list_reports(parts, caller)
    names = tuple(one.metadata.name for one in parts.reports.all()) if may_list else ()
    try:
        report = report_for(parts, caller, wanted)
    except Problem as problem:
        if problem.status is HTTPStatus.FORBIDDEN:
            return ChosenReport(missing=_NO_RIGHT)
        if wanted.report is not None and parts.reports.get(wanted.report) is None:
            raise
        return ChosenReport(names=names, missing=problem.detail if parts.reports.all() else _NONE)
    scope = scope_in(report)
    return ChosenReport(report=report, names=names, scope="" if scope == ReportScope() else scope_of(scope))


def notices_of(report: StorageReport, now: datetime) -> tuple[str, ...]:
    """What people must know beside the numbers."""
    return tuple(filter(None, (*problems(report, now=now), unpriced_words(report.status.unpriced))))


def shares(rows: Iterable[tuple[str, int | None, int, int, Decimal]]) -> list[BreakdownRow]:
    """Rows of a breakdown: name, Recordings, objects, bytes and cost."""
    found = list(rows)
    most = max((row[3] for row in found), default=0)
    return [
        BreakdownRow(
            name=name,
            recordings=recordings,
            objects=objects,
            stored_bytes=stored,
            cost=cost,
            percent=_WHOLE * stored / most if most else ZERO,
        )
        for name, recordings, objects, stored, cost in found
    ]


def costs_of(rows: Iterable[HistoryOrg]) -> Costs:
    """What these rows of organisations have cost."""
    found = list(rows)
    return Costs(
        storage=sum((row.storage_cost for row in found), ZERO),
        download=sum((row.download_cost for row in found), ZERO),
        request=sum((row.request_cost for row in found), ZERO),
    )


def days_of(history: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """The entries that are about days."""
    return [entry for entry in history if is_day(entry)]
