"""What is said on standard error about the numbers of a StorageReport."""

from collections.abc import Sequence

from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.cli.verb import note


def note_state(report: StorageReport) -> None:
    """Why the numbers are old, and what they leave out."""
    status = report.status
    if (why := why_not(status)) and status.as_of is not None:
        note(f"The numbers are as of {status.as_of:%Y-%m-%d %H:%M} UTC. {why}")
    note_unpriced(status.unpriced)
    about_others = tuple(f"At {name}, " for name in report.spec.compare)
    for remark in status.notes:
        if not remark.startswith(about_others):
            note(remark)


def note_unpriced(usage: Sequence[str]) -> None:
    """What has no price."""
    if usage:
        note(f"Without a price, and not included in any cost: {', '.join(usage)}.")


def why_not(status: StorageReportStatus) -> str:
    """Why the report is not refreshed; an empty text if it is."""
    of_ready = (one for one in status.conditions if one.type == "Ready" and one.reason != Reason.REFRESHED)
    return next((one.message for one in of_ready), "")
