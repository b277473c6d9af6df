"""Chooses the StorageReport that says what an organisation costs."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from recording_operator.api.storagereport import ReportScope, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.cli.reports.notices import why_not
from recording_operator.cli.reports.org_history import of_org
from recording_operator.cli.reports.remarks import scope_of
from recording_operator.cli.verb import Failure, note

_MOST_NAMED: Final = 10
_DAY_CHARS: Final = len("2026-11-01")


def within(history: Sequence[HistoryEntry], begin: date | None, end: date | None) -> list[HistoryEntry]:
    """The entries of a period. A month is included if its first day is."""
    return [
        entry
        for entry in history
        if (begin is None or first_day(entry) >= begin) and (end is None or first_day(entry) <= end)
    ]


def first_day(entry: HistoryEntry) -> date:
    """The day, or the first of the month."""
    return date.fromisoformat(f"{entry.date}-01"[:_DAY_CHARS])


def scope_in(report: StorageReport) -> ReportScope:
    """The scope of the numbers."""
    return report.status.scope or report.spec.scope


def report_of(found: Sequence[StorageReport], org: str, *, begin: date | None, end: date | None) -> StorageReport:
    """One with all usage of the organisation, if possible with a row for it on every day. Raises Failure."""
    including = [one for one in found if not scope_in(one).orgs or org in scope_in(one).orgs]
    if not including:
        raise Failure(f"No StorageReport includes the organisation {org}. There are {_names(found)}.")
    usable = [one for one in including if one.status.cost is not None]
    if not usable:
        why = next(filter(None, (why_not(one.status) for one in including)), "")
        raise Failure(f"{_names(including)}: not refreshed yet. {why}".rstrip())
    whole = [one for one in usable if not _is_partial(one)]
    if not whole and len(usable) > 1:
        raise Failure(
            f"No StorageReport includes all usage of {org}; {_names(usable)} include parts. Choose with --report."
        )

    def rank(report: StorageReport) -> tuple[int, bool, str]:
        hidden = of_org(within(report.status.history, begin, end), org).hidden
        return len(hidden), not scope_in(report).orgs, report.metadata.name

    chosen, *others = sorted(whole or usable, key=rank)
    if others:
        note(f"From StorageReport {chosen.metadata.name}. {_names(others)} can be chosen with --report.")
    return chosen


def note_parts(report: StorageReport) -> None:
    """Say what a report does not include."""
    if _is_partial(report):
        note(f"StorageReport {report.metadata.name} includes only {scope_of(scope_in(report))}.")


def _is_partial(report: StorageReport) -> bool:
    scope = scope_in(report)
    return bool(scope.namespaces or scope.storage_locations)


def _names(found: Sequence[StorageReport]) -> str:
    names = [report.metadata.name for report in found]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
