"""Which StorageReport says what usage and costs are, for the API and for pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Final

from recording_operator.api.names import STORAGE_REPORT_PLURAL
from recording_operator.api.storagereport import StorageReport
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts, existing, require
from recording_operator.console.problems import Problem
from recording_operator.costs.report_choice import ReportChoice, choice_of
from recording_operator.usage.sample import OTHER

_LIST: Final = Action(verb="list", resource=STORAGE_REPORT_PLURAL)
_MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageWanted:
    """What is wanted. None: all organisations, all days, the best report."""

    report: str | None = None
    org: str | None = None
    begin: date | None = None
    end: date | None = None


def may_list_reports(parts: ConsoleParts, caller: Caller) -> bool:
    """Whether the caller may read all reports. Raises KubeError."""
    return parts.access.may(caller, _LIST)


def report_for(parts: ConsoleParts, caller: Caller, wanted: UsageWanted) -> StorageReport:
    """The report that says most. Raises Problem 403, 404 and 409, and KubeError."""
    found = _readable(parts, caller, wanted.report)
    choice = choice_of(found, wanted.org, begin=wanted.begin, end=wanted.end)
    if not choice.usable:
        raise Problem(HTTPStatus.NOT_FOUND, _nothing(choice, wanted))
    if not choice.best:
        names = ", ".join(one.metadata.name for one in choice.usable[:_MOST_NAMED])
        raise Problem(HTTPStatus.CONFLICT, f"Each StorageReport includes only a part. Choose one: {names}.")
    return choice.best[0]


def hidden_words(report: StorageReport, hidden: Sequence[str], org: str) -> str:
    """That the organisation may be a part of (other) on these days and months, and what to do."""
    days = "1 day or month" if len(hidden) == 1 else f"{len(hidden)} days or months"
    return (
        f"StorageReport {report.metadata.name} has {org} in {OTHER} for {days}, the first is {hidden[0]}. A "
        f"StorageReport with {org} in spec.scope.orgs names it always."
    )


def _readable(parts: ConsoleParts, caller: Caller, name: str | None) -> tuple[StorageReport, ...]:
    if name is None:
        require(parts, caller, _LIST)
        return parts.reports.all()
    if not may_list_reports(parts, caller):
        require(parts, caller, Action(verb="get", resource=STORAGE_REPORT_PLURAL, name=name))
    return (existing(parts.reports, "StorageReport", name),)


def _nothing(choice: ReportChoice, wanted: UsageWanted) -> str:
    of_it = f" that includes the organisation {wanted.org}" if wanted.org else ""
    if wanted.report is None:
        return f"There is no StorageReport{of_it} that has been refreshed."
    if choice.including:
        return f"StorageReport {wanted.report} has not been refreshed yet."
    return f"StorageReport {wanted.report} does not include the organisation {wanted.org}."
