"""Which StorageReport a page shows, and its numbers as the pages show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import ReportScope, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.costs.money import ZERO

_NO_RIGHT: Final = (
    "You may not list StorageReports, which say what is stored and what it costs for everyone. Ask your administrator."
)
_NONE: Final = "There is no StorageReport. An administrator creates one: docs/costs.md has an example."
_UNREFRESHED: Final = "The StorageReport has not been refreshed yet."
_WHOLE: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenReport:
    """A StorageReport that has numbers, or why there is none."""

    report: StorageReport | None = None
    names: tuple[str, ...] = ()
    """All StorageReports, to choose from."""
    missing: str = ""


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


def chosen_report(parts: ConsoleParts, caller: Caller, name: str) -> ChosenReport:
    """The StorageReport of this name, else the one that includes most. Raises KubeError."""
    if not parts.access.may(caller, Action(verb="list", resource="storagereports")):
        return ChosenReport(missing=_NO_RIGHT)
    found = sorted(parts.reports.all(), key=_narrowness)
    names = tuple(sorted(one.metadata.name for one in found))
    wanted = next((one for one in found if one.metadata.name == name), found[0] if found else None)
    if wanted is None:
        return ChosenReport(missing=_NONE)
    if wanted.status.cost is None:
        return ChosenReport(names=names, missing=_UNREFRESHED)
    return ChosenReport(report=wanted, names=names)


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


def costs_of(entry: HistoryEntry, org: str = "") -> Costs:
    """What a day or month has cost, or one organisation in it."""
    rows = [row for row in entry.orgs if not org or row.name == org]
    return Costs(
        storage=sum((row.storage_cost for row in rows), ZERO),
        download=sum((row.download_cost for row in rows), ZERO),
        request=sum((row.request_cost for row in rows), ZERO),
    )


def first_day(entry: HistoryEntry) -> date:
    """The day of the entry, or the first one of its month."""
    return date.fromisoformat(entry.date if is_day(entry) else f"{entry.date}-01")


def is_day(entry: HistoryEntry) -> bool:
    """Whether it is about a day, not a month."""
    return len(entry.date) == len("2026-11-01")


def days_of(history: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """The entries that are about days."""
    return [entry for entry in history if is_day(entry)]


def _narrowness(report: StorageReport) -> tuple[bool, str]:
    return report.spec.scope != ReportScope(), report.metadata.name
