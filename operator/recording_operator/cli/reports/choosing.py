"""Finds StorageReports: one by name, or all as a table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.storagereport import ReportSummary, StorageReport
from recording_operator.cli.screen.text import table
from recording_operator.cli.verb import Failure
from recording_operator.controller.reports.status import ready_reason
from recording_operator.kube.errors import NotFound
from recording_operator.kube.resources import REPORTS, Resources
from recording_operator.times import span

_COLUMNS: Final = ("NAME", "STORAGE", "MONTH-TO-DATE", "PROJECTED", "NEXT-MONTH", "BUDGET", "REFRESHED", "STATUS")
_NONE: Final = "-"


def named_report(resources: Resources, name: str) -> StorageReport:
    """The StorageReport of this name. Raises Failure, KubeError."""
    try:
        return _read(resources.get(REPORTS, name))
    except NotFound:
        raise Failure(f"StorageReport {name} does not exist. kubectl get storagereports lists those that do.") from None


def listed_reports(resources: Resources) -> list[StorageReport]:
    """All StorageReports by name. Raises Failure if there are none, KubeError."""
    found = sorted(map(_read, resources.list(REPORTS)), key=lambda report: report.metadata.name)
    if not found:
        raise Failure("There are no StorageReports. Create one: docs/costs.md has an example.")
    return found


def _read(manifest: Mapping[str, Any]) -> StorageReport:
    try:
        return StorageReport.model_validate(manifest)
    except ValidationError:
        name = manifest["metadata"]["name"]
        raise Failure(f"StorageReport {name} cannot be read. Its CRD has another version than this program.") from None


def reports_table(found: Sequence[StorageReport], *, now: datetime) -> str:
    """One line for each, as `kubectl get storagereports` has it."""
    return table(_COLUMNS, [_line(report, now) for report in found])


def _line(report: StorageReport, now: datetime) -> list[str]:
    status, summary = report.status, report.status.summary or ReportSummary()
    since = status.last_refresh_time
    cells = (
        summary.storage,
        summary.month_to_date,
        summary.projected_month,
        summary.projected_next_month,
        summary.budget,
        None if since is None else span((now - since).total_seconds()),
        ready_reason(status),
    )
    return [report.metadata.name, *(cell or _NONE for cell in cells)]
