"""What is said on standard error about the numbers of a StorageReport."""

from collections.abc import Sequence

from recording_operator.api.storagereport import StorageReport
from recording_operator.cli.verb import note
from recording_operator.costs.report_problems import unpriced_words, why_not


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
        note(unpriced_words(usage))
