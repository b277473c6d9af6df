"""The state of an artifact's work: the allowed transitions, and their effects."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from recording_operator.api.recording import Phase
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from tests.engine.builders import START, an_artifact_status

MOVES: dict[str, Callable[[ArtifactWork], None]] = {
    "reserve": ArtifactWork.reserve,
    "release": ArtifactWork.release,
    "start": ArtifactWork.start,
    "stop": ArtifactWork.stop,
    "end": ArtifactWork.end,
    "plan_abort": lambda work: work.plan_abort(START),
    "cancel_abort": ArtifactWork.cancel_abort,
    "begin_abort": ArtifactWork.begin_abort,
    "put_off_abort": lambda work: work.put_off_abort(START),
    "forget_upload": ArtifactWork.forget_upload,
}
TABLE = {
    ("reserve", WorkState.WAITING): WorkState.RESERVED,
    ("release", WorkState.RESERVED): WorkState.WAITING,
    ("start", WorkState.RESERVED): WorkState.RUNNING,
    ("stop", WorkState.RUNNING): WorkState.STOPPING,
    ("end", WorkState.RUNNING): WorkState.WAITING,
    ("end", WorkState.STOPPING): WorkState.WAITING,
    ("plan_abort", WorkState.WAITING): WorkState.ABORT_DUE,
    ("cancel_abort", WorkState.ABORT_DUE): WorkState.WAITING,
    ("begin_abort", WorkState.ABORT_DUE): WorkState.ABORTING,
    ("put_off_abort", WorkState.ABORT_DUE): WorkState.ABORT_DUE,
    ("put_off_abort", WorkState.ABORTING): WorkState.ABORT_DUE,
    ("forget_upload", WorkState.ABORT_DUE): WorkState.WAITING,
    ("forget_upload", WorkState.ABORTING): WorkState.WAITING,
}


def work_in(state: WorkState) -> ArtifactWork:
    """An artifact whose work has come so far."""
    work = ArtifactWork(an_artifact_status(phase=Phase.FAILED, uploadId="u1", partSize=8))
    if state in (WorkState.ABORT_DUE, WorkState.ABORTING):
        work.plan_abort(START)
        return work if state is WorkState.ABORT_DUE else moved(work, "begin_abort")
    for name in {
        WorkState.WAITING: [],
        WorkState.RESERVED: ["reserve"],
        WorkState.RUNNING: ["reserve", "start"],
        WorkState.STOPPING: ["reserve", "start", "stop"],
    }[state]:
        moved(work, name)
    return work


def moved(work: ArtifactWork, move: str) -> ArtifactWork:
    MOVES[move](work)
    return work


@pytest.mark.parametrize("state", WorkState)
@pytest.mark.parametrize("move", MOVES)
def test_there_are_no_transitions_outside_the_table(move: str, state: WorkState) -> None:
    work = work_in(state)

    if (move, state) in TABLE:
        assert moved(work, move).state is TABLE[move, state]
    else:
        with pytest.raises(ValueError, match="cannot become"):
            moved(work, move)
        assert work.state is state


@pytest.mark.parametrize("state", WorkState)
def test_a_slot_is_held_from_its_reservation_to_the_end_of_the_transfer(state: WorkState) -> None:
    work = work_in(state)

    assert work.has_slot == (state in (WorkState.RESERVED, WorkState.RUNNING, WorkState.STOPPING))
    assert work.in_transfer == (state in (WorkState.RUNNING, WorkState.STOPPING))
    assert work.abort_planned == (work.abort is not None) == (state in (WorkState.ABORT_DUE, WorkState.ABORTING))


def test_a_forgotten_upload_leaves_no_trace_in_the_status() -> None:
    work = moved(work_in(WorkState.ABORTING), "forget_upload")

    assert (work.status.upload_id, work.status.part_size, work.may_have_upload) == (None, None, False)


def test_an_abort_that_failed_is_tried_again_after_a_while() -> None:
    work = moved(work_in(WorkState.ABORTING), "put_off_abort")

    assert work.abort is not None
    assert work.abort.backoff.not_before == START + timedelta(seconds=5)


@pytest.mark.parametrize("state", [WorkState.RUNNING, WorkState.STOPPING])
def test_the_state_of_a_running_transfer_wins_over_another_operators_status(state: WorkState) -> None:
    work, other = work_in(state), an_artifact_status(phase=Phase.PENDING)

    work.take(other)

    assert work.status != other


def test_a_stored_artifact_stays_stored_despite_writes_of_another_operator() -> None:
    work = ArtifactWork(an_artifact_status(phase=Phase.COMPLETE))

    work.take(an_artifact_status(phase=Phase.PENDING))

    assert work.status.phase is Phase.COMPLETE
