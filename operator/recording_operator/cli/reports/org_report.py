"""Chooses the StorageReport that says what an organisation costs."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from recording_operator.api.storagereport import StorageReport
from recording_operator.cli.verb import Failure, note
from recording_operator.costs.report_choice import choice_of, is_partial, scope_in
from recording_operator.costs.report_problems import why_not
from recording_operator.costs.scope import scope_of

_MOST_NAMED: Final = 10


def report_of(found: Sequence[StorageReport], org: str, *, begin: date | None, end: date | None) -> StorageReport:
    """One with all usage of the organisation, if possible with a row for it on every day. Raises Failure."""
    choice = choice_of(found, org, begin=begin, end=end)
    if not choice.including:
        raise Failure(f"No StorageReport includes the organisation {org}. There are {_names(found)}.")
    if not choice.usable:
        why = next(filter(None, (why_not(one.status) for one in choice.including)), "")
        raise Failure(f"{_names(choice.including)}: not refreshed yet. {why}".rstrip())
    if not choice.best:
        raise Failure(
            f"No StorageReport includes all usage of {org}; {_names(choice.usable)} include parts. "
            "Choose with --report."
        )
    chosen, *others = choice.best
    if others:
        note(f"From StorageReport {chosen.metadata.name}. {_names(others)} can be chosen with --report.")
    return chosen


def note_parts(report: StorageReport) -> None:
    """Say what a report does not include."""
    if is_partial(report):
        note(f"StorageReport {report.metadata.name} includes only {scope_of(scope_in(report))}.")


def _names(found: Sequence[StorageReport]) -> str:
    names = [report.metadata.name for report in found]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
