"""The numbers of Recordings for the metrics."""

from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording, RecordingStatus
from recording_operator.engine.budget_holds import BudgetHolds
from recording_operator.engine.facts import BudgetHoldsChanged
from recording_operator.engine.queue_snapshot import take_snapshot
from tests.engine.builders import START, a_budget_hold, a_recording


def recording(phase: Phase | None, *, expires_in: timedelta | None = None) -> Recording:
    """One in a phase, whose first source expires then."""
    expires_at: datetime | None = START + expires_in if expires_in is not None else None
    return a_recording().model_copy(update={"status": RecordingStatus(phase=phase, expires_at=expires_at)})


def at_their_locations(recordings: list[Recording]) -> list[tuple[Recording, str | None]]:
    return [(one, one.location) for one in recordings]


def test_by_phase_and_the_late_ones() -> None:
    minutes = timedelta(minutes=1)
    known = [
        recording(None),
        recording(Phase.PENDING, expires_in=29 * minutes),
        recording(Phase.PENDING, expires_in=30 * minutes),
        recording(Phase.UPLOADING, expires_in=1 * minutes),
        recording(
            Phase.UPLOADING, expires_in=-1 * minutes
        ),  # expired: the source's response shows it, and another alert reports it
        recording(Phase.UPLOADING),
    ]
    snapshot = take_snapshot(at_their_locations(known), holds=BudgetHolds(), waiting=7, now=START)
    assert snapshot.phases == {"Pending": 3, "Uploading": 3}
    assert snapshot.expiring == {"Pending": 1, "Uploading": 1}
    assert snapshot.waiting == 7


def test_those_that_a_budget_holds_are_counted_by_report_and_a_report_that_holds_none_has_zero() -> None:
    holds = BudgetHolds()
    holds.observe(BudgetHoldsChanged(holds=(a_budget_hold("acme", orgs=["acme"]), a_budget_hold("none", orgs=["x"]))))
    waits = RecordingStatus(phase=Phase.PENDING, reason=Reason.BUDGET_EXCEEDED)
    known = [
        a_recording(status=waits),
        a_recording(status=waits),
        a_recording(status=waits, org="another"),  # its hold has just ended
        a_recording(status=RecordingStatus(phase=Phase.PENDING, reason=Reason.SUSPENDED)),
    ]

    assert take_snapshot(at_their_locations(known), holds=holds, waiting=0, now=START).held == {"acme": 2, "none": 0}
