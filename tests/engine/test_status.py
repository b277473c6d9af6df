"""The status for people and tools: phases, progress, conditions, times."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Claim, Phase, Recording, RecordingStatus
from recording_operator.api.units import format_bytes
from recording_operator.engine.placement import Placement
from recording_operator.engine.status import (
    TERMINAL,
    dump,
    format_progress,
    render,
    roll_up,
    same_without_times,
)
from tests.engine.builders import START, a_recording, an_artifact, an_artifact_status

PLACE = Placement(location="archive", bucket="b", prefix="p/")


def rendered(
    recording: Recording, *states: ArtifactStatus, now: datetime = START, claim: Claim | None = None
) -> RecordingStatus:
    artifacts = {state.name: state for state in states}
    return render(recording, artifacts, claim=claim, expires_at=None, placement=PLACE, now=now)


def followed(recording: Recording, status: RecordingStatus) -> Recording:
    """The Recording with this status, as the API server would return it."""
    return recording.model_copy(update={"status": RecordingStatus.model_validate(dump(status))})


def state(name: str, phase: Phase, reason: Reason, **fields: Any) -> ArtifactStatus:
    return an_artifact_status(name, phase=phase, reason=reason, **fields)


STORED = (Phase.COMPLETE, Reason.STORED)
MOVING = (Phase.UPLOADING, Reason.UPLOADING)
QUEUED = (Phase.PENDING, Reason.QUEUED)
EXPIRED = (Phase.PENDING, Reason.SOURCE_EXPIRED)
NOT_FOUND = (Phase.FAILED, Reason.SOURCE_NOT_FOUND)


@pytest.mark.parametrize(
    ("required", "optional", "phase", "reason"),
    [
        (STORED, STORED, Phase.COMPLETE, Reason.STORED),
        (STORED, NOT_FOUND, Phase.COMPLETE, Reason.PARTIALLY_STORED),
        (NOT_FOUND, STORED, Phase.FAILED, Reason.SOURCE_NOT_FOUND),
        (NOT_FOUND, MOVING, Phase.UPLOADING, Reason.UPLOADING),
        (NOT_FOUND, QUEUED, Phase.PENDING, Reason.QUEUED),
        (STORED, QUEUED, Phase.PENDING, Reason.QUEUED),
        (STORED, MOVING, Phase.UPLOADING, Reason.UPLOADING),
        (EXPIRED, QUEUED, Phase.PENDING, Reason.SOURCE_EXPIRED),
        (QUEUED, EXPIRED, Phase.PENDING, Reason.SOURCE_EXPIRED),
    ],
)
def test_the_phase_of_a_recording_follows_from_its_artifacts(
    required: tuple[Phase, Reason], optional: tuple[Phase, Reason], phase: Phase, reason: Reason
) -> None:
    recording = a_recording(an_artifact("video"), an_artifact("notes", optional=True))

    rolled = roll_up(recording, {"video": state("video", *required), "notes": state("notes", *optional)})

    assert (rolled.phase, rolled.reason) == (phase, reason)


ends = st.sampled_from([STORED, MOVING, QUEUED, EXPIRED, NOT_FOUND])
pieces = st.lists(
    st.tuples(ends, st.booleans(), st.none() | st.integers(0, 5000), st.none() | st.integers(0, 5000)),
    min_size=1,
    max_size=4,
)


@given(pieces)
def test_complete_means_every_required_artifact_and_tools_read_exactly_one_truth(
    drawn: list[tuple[tuple[Phase, Reason], bool, int | None, int | None]],
) -> None:
    specs = [an_artifact(f"a{number}", optional=optional) for number, (_, optional, _, _) in enumerate(drawn)]
    states = [
        state(f"a{number}", *how, bytesDone=done, bytesTotal=total)
        for number, (how, _, done, total) in enumerate(drawn)
    ]

    status = rendered(a_recording(*specs), *states)

    complete = all(how == STORED or (how == NOT_FOUND and optional) for how, optional, _, _ in drawn)
    assert (status.phase is Phase.COMPLETE) == complete
    assert (status.phase in TERMINAL) == (not any(how in (MOVING, QUEUED, EXPIRED) for how, _, _, _ in drawn))
    truths = [condition.type for condition in status.conditions if condition.status is ConditionStatus.TRUE]
    assert len(truths) == 1
    assert (truths == ["Ready"]) == complete
    assert (status.progress == "100%") == complete
    assert (status.completed_at is not None) == (status.phase in TERMINAL)


@pytest.mark.parametrize(
    ("reason", "stalled"),
    [
        (Reason.SOURCE_EXPIRED, True),
        (Reason.LOCATION_NOT_ALLOWED, True),
        (Reason.QUEUED, False),
        (Reason.SOURCE_RESET, False),
    ],
)
def test_a_reason_that_needs_a_person_is_stalled(reason: Reason, stalled: bool) -> None:
    status = rendered(a_recording(), state("video", Phase.PENDING, reason))

    assert {condition.type: condition.status is ConditionStatus.TRUE for condition in status.conditions} == {
        "Ready": False,
        "Reconciling": not stalled,
        "Stalled": stalled,
        "IntegrityVerified": False,
    }


def test_times_stand_still_while_nothing_changes() -> None:
    recording = a_recording()
    moving = state("video", *MOVING, bytesDone=10, bytesTotal=100)
    recording = followed(recording, rendered(recording, moving))

    later = rendered(recording, moving.model_copy(update={"bytes_done": 20}), now=START + timedelta(minutes=5))

    assert later.started_at == START
    assert {condition.last_transition_time for condition in later.conditions} == {START}


def test_a_condition_that_changes_has_the_time_of_the_transition() -> None:
    recording = a_recording()
    recording = followed(recording, rendered(recording, state("video", *MOVING)))
    later = START + timedelta(minutes=5)

    stored = rendered(recording, state("video", *STORED, integrity=Reason.READ_BACK), now=later)

    since = {condition.type: condition.last_transition_time for condition in stored.conditions}
    assert since == {"Ready": later, "Reconciling": later, "Stalled": START, "IntegrityVerified": later}


def test_the_size_is_shown_once_it_is_known() -> None:
    assert rendered(a_recording(), state("video", *MOVING, bytesTotal=480_000_000)).size == "480.0 MB"
    assert rendered(a_recording(), state("video", *STORED, bytesTotal=0)).size == "0 B"
    assert rendered(a_recording(), state("video", *QUEUED, bytesTotal=0)).size is None
    assert rendered(a_recording(), state("video", *MOVING)).size is None
    two = a_recording(an_artifact("a"), an_artifact("b"))
    assert rendered(two, state("a", *MOVING, bytesTotal=5), state("b", *QUEUED)).size is None
    assert rendered(two, state("a", *MOVING, bytesTotal=5), state("b", *QUEUED, bytesTotal=2)).size == "7 B"


def test_the_end_of_a_second_run_has_its_own_time() -> None:
    recording = a_recording()
    stored = state("video", *STORED)
    recording = followed(recording, rendered(recording, stored))
    assert rendered(recording, stored, now=START + timedelta(hours=1)).completed_at == START
    recording = followed(recording, rendered(recording, state("video", *MOVING)))
    assert recording.status.completed_at is None

    again = rendered(recording, stored, now=START + timedelta(hours=2))

    assert again.completed_at == START + timedelta(hours=2)
    assert again.started_at == START


@pytest.mark.parametrize(("optional", "phase"), [(False, Phase.FAILED), (True, Phase.COMPLETE)])
def test_a_recording_that_never_started_has_no_start_time(optional: bool, phase: Phase) -> None:
    recording = a_recording(an_artifact(optional=optional))
    cancelled = rendered(recording, state("video", Phase.FAILED, Reason.CANCELLED))

    assert (cancelled.phase, cancelled.started_at) == (phase, None)
    assert cancelled.completed_at == START


def test_rendering_what_was_written_changes_nothing() -> None:
    recording = a_recording()
    moving = state("video", *MOVING, bytesDone=1, bytesTotal=3, nextRetryTime=None)
    first = rendered(recording, moving, now=START + timedelta(microseconds=700))

    second = rendered(followed(recording, first), moving, now=START + timedelta(seconds=9))

    assert dump(second) == dump(first)


def test_all_bytes_are_not_yet_the_end() -> None:
    status = rendered(a_recording(), state("video", *MOVING, bytesDone=100, bytesTotal=100))

    assert status.progress == "99.9%"
    assert rendered(a_recording(), state("video", *STORED, bytesDone=100, bytesTotal=100)).progress == "100%"


def test_without_a_known_size_progress_is_an_amount() -> None:
    moving = state("video", *MOVING, bytesDone=1500, uploadId="u")

    assert rendered(a_recording(), moving).progress == "1.5 kB"
    assert rendered(a_recording(), state("video", *MOVING)).progress is None
    assert rendered(a_recording(), state("video", *QUEUED)).progress is None


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_percent_is_between_its_ends(done: int, total: int) -> None:
    text = format_progress(done=done, total=total)

    assert 0 <= float(text.removesuffix("%")) < 100
    assert len(text) <= 6


@given(st.integers(0, 2**63))
def test_amounts_fit_their_column(count: int) -> None:
    assert len(format_bytes(count)) <= 10


def test_two_statuses_that_differ_in_their_times_say_the_same() -> None:
    recording = a_recording()
    one = dump(rendered(recording, state("video", *MOVING)))
    later = dump(rendered(recording, state("video", *MOVING), now=START + timedelta(seconds=30)))
    other = dump(rendered(recording, state("video", *MOVING), claim=Claim(holder="b", transitions=2)))

    assert one != later
    assert same_without_times(one, later)
    assert not same_without_times(one, other)
