"""Numbers of Recordings and waiting artifacts, for the metrics."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.budget_holds import BudgetHolds

EXPIRES_SOON: Final = timedelta(minutes=30)
"""A Recording whose first source expires within this time counts as expiring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """Unfinished Recordings by phase, those of them that expire soon, and the artifacts that wait for a slot."""

    phases: Counter[str]
    expiring: Counter[str]
    held: Counter[str]
    """Those that wait because of a budget, by StorageReport. A report whose hold keeps none has 0."""
    waiting: int


def take_snapshot(
    recordings: Iterable[tuple[Recording, str | None]], *, holds: BudgetHolds, waiting: int, now: datetime
) -> QueueSnapshot:
    """Count Recordings, each with its location, by what their status says."""
    soon = now + EXPIRES_SOON
    phases: Counter[str] = Counter()
    expiring: Counter[str] = Counter()
    held: Counter[str] = Counter(dict.fromkeys(holds.reports(), 0))
    for recording, location in recordings:
        status = recording.status
        phase = str(status.phase or Phase.PENDING)
        phases[phase] += 1
        if status.expires_at is not None and now < status.expires_at < soon:
            expiring[phase] += 1
        if status.reason is Reason.BUDGET_EXCEEDED and (hold := holds.holding(recording, location)) is not None:
            held[hold.report] += 1
    return QueueSnapshot(phases=phases, expiring=expiring, held=held, waiting=waiting)
