"""Late events, other operators, and Recordings that are deleted during work."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus
from recording_operator.engine.actions import ConfirmLeadership, ReadRecording, StartTransfer, StopTransfer, WriteStatus
from recording_operator.engine.facts import (
    LeadershipConfirmed,
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    RecordingsListed,
    WriteAccepted,
    WriteRejected,
)
from tests.engine.builders import START, a_recording, an_artifact, an_artifact_status, uid_of
from tests.engine.driver import CLAIM, STORED, Driver, applied, newer, none, only
from tests.engine.scenes import (
    CONFLICT,
    NO_RESPONSE,
    UID,
    claimed_by,
)


def complete(driver: Driver, recording: Recording) -> tuple[Recording, Recording]:
    """Store a Recording; its versions as claimed and as Complete."""
    claimed = driver.claimed(recording)
    return claimed, driver.accept(only(driver.end(claimed), WriteStatus), claimed)


def test_the_echo_of_the_claim_does_not_revive_what_is_complete() -> None:
    driver = Driver()
    claimed, stored = complete(driver, a_recording())

    actions = driver.tell(RecordingSeen(recording=claimed), RecordingSeen(recording=stored))

    assert actions == []
    assert driver.started == ["video"]


def test_our_own_claim_without_work_in_memory_is_read_again() -> None:
    driver = Driver()

    actions = driver.tell(RecordingSeen(recording=claimed_by(CLAIM)))

    assert only(actions, ReadRecording)
    assert driver.started == []


def test_a_conflict_shows_that_another_has_finished_it() -> None:
    driver = Driver()
    _, stored = complete(Driver(claim=Claim(holder="op-b", transitions=4)), a_recording())
    driver.tell(RecordingSeen(recording=a_recording()), CONFLICT)

    actions = driver.tell(RecordingRead(uid=UID, recording=stored))

    assert actions == []
    assert driver.engine.state.recordings == {}
    assert not driver.engine.state.slots.running


def test_a_read_brings_the_upload_that_another_began() -> None:
    driver = Driver()
    driver.tell(RecordingSeen(recording=a_recording()), CONFLICT)
    other = claimed_by(Claim(holder="op-b", transitions=4), version=3)
    state = other.status.artifacts[0].model_copy(update={"upload_id": "u1", "part_size": 8})
    other = other.model_copy(update={"status": other.status.model_copy(update={"artifacts": (state,)})})

    driver.tell(RecordingRead(uid=UID, recording=other))
    write = only(driver.tell(LeadershipConfirmed(uid=UID)), WriteStatus)
    driver.accept(write, other)

    assert only(driver.actions, StartTransfer).upload_id == "u1"


def test_a_retry_token_that_another_operator_acted_on_is_not_acted_on_again() -> None:
    state = an_artifact_status(phase=Phase.FAILED, reason=Reason.SOURCE_NOT_FOUND)
    status = RecordingStatus(phase=Phase.FAILED, observed_generation=1, artifacts=(state,))
    asked = newer(a_recording(status=status), retry_token="again")
    driver = Driver()
    only(driver.tell(RecordingSeen(recording=asked)), WriteStatus)
    driver.tell(CONFLICT)
    update = {"observed_generation": 2, "last_retry_token": "again"}
    failed_again = newer(asked).model_copy(update={"status": status.model_copy(update=update)})

    driver.tell(RecordingRead(uid=UID, recording=failed_again))
    write = only(driver.tell(LeadershipConfirmed(uid=UID)), WriteStatus)

    assert (write.status["phase"], write.status["lastRetryToken"]) == ("Failed", "again")
    assert not driver.engine.state.slots.running


def test_k15_an_old_leader_that_saw_another_write_asks_before_it_writes() -> None:
    driver = Driver()
    claimed = driver.claimed(a_recording())
    taken = claimed_by(Claim(holder="op-b", transitions=6), version=3)
    ended = newer(taken).model_copy(update={"status": taken.status.model_copy(update={"claim": None})})
    driver.tell(RecordingSeen(recording=taken), RecordingSeen(recording=ended))

    actions = driver.end(claimed)

    assert none(actions, WriteStatus)
    assert only(actions, ConfirmLeadership)


def test_a_late_word_on_a_former_namesake_does_not_touch_the_new_one() -> None:
    driver = Driver()
    former = a_recording(number=1, name="weekly", version=3)
    driver.claimed(a_recording(number=2, name="weekly", version=9))

    actions = driver.tell(RecordingSeen(recording=former))

    assert actions == []
    assert list(driver.engine.state.recordings) == [uid_of(2)]
    assert driver.started == ["video"]


def test_k11_a_new_namesake_ends_the_former_one() -> None:
    driver = Driver()
    former = driver.claimed(a_recording(number=1, name="weekly", version=3))

    actions = driver.tell(RecordingSeen(recording=a_recording(number=2, name="weekly", version=9)))

    assert only(actions, StopTransfer).uid == former.metadata.uid
    assert only(actions, WriteStatus).ref.uid == uid_of(2)


def test_recordings_missing_from_a_list_are_read_until_there_is_a_response() -> None:
    driver = Driver(a_recording(suspend=True))
    driver.tell(WriteRejected(uid=UID, conflict=False))
    driver.wait(6)
    recording = applied(
        [action for action in driver.actions if isinstance(action, WriteStatus)][-1], a_recording(suspend=True)
    )
    driver.tell(RecordingSeen(recording=recording))
    driver.tell(NO_RESPONSE)

    driver.tell(RecordingsListed(uids=frozenset()))
    reads = driver.wait(120)
    assert only(reads, ReadRecording)
    driver.tell(NO_RESPONSE)
    assert only(driver.wait(120), ReadRecording)
    driver.tell(WriteRejected(uid=UID, gone=True))

    assert driver.engine.state.recordings == {}


@pytest.mark.parametrize("answer", [WriteRejected(uid=UID, gone=True), NO_RESPONSE, CONFLICT])
def test_gone_while_a_write_is_in_flight(answer: WriteRejected) -> None:
    driver = Driver(a_recording())

    driver.tell(RecordingGone(uid=UID), answer)
    driver.wait(3600)

    assert driver.engine.state.recordings == {}
    assert not driver.engine.state.slots.running
    assert none(driver.actions, StartTransfer)


def test_a_transfer_that_ends_after_its_recording_is_gone_gives_its_slot_back() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    assert only(driver.tell(RecordingGone(uid=UID)), StopTransfer)
    assert driver.engine.state.slots.running
    driver.end(recording, STORED)

    assert not driver.engine.state.slots.running


def test_an_echo_after_the_end_is_not_a_new_recording() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording(suspend=True))
    driver.tell(RecordingGone(uid=UID))

    assert driver.tell(RecordingSeen(recording=recording)) == []
    assert driver.engine.state.recordings == {}


def test_several_artifacts_that_end_together_share_a_write() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording(an_artifact("a"), an_artifact("b"), an_artifact("c")))

    assert none(driver.end(recording, artifact="a"), WriteStatus)
    assert none(driver.end(recording, artifact="b"), WriteStatus)
    driver.now = START + timedelta(milliseconds=500)

    assert only(driver.end(recording, artifact="c"), WriteStatus).status["phase"] == "Complete"


@given(
    before=st.lists(st.integers(1, 12), max_size=6),
    accepted_at=st.none() | st.integers(2, 12),
    after=st.lists(st.integers(1, 12), max_size=6),
)
def test_the_newest_version_counts_in_any_order_of_arrival(
    before: list[int], accepted_at: int | None, after: list[int]
) -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    accepted = applied(write, a_recording())

    def seen(version: int) -> RecordingSeen:
        status = accepted.status if accepted_at is not None and version >= accepted_at else RecordingStatus()
        meta = accepted.metadata.model_copy(update={"resource_version": str(version)})
        return RecordingSeen(recording=accepted.model_copy(update={"metadata": meta, "status": status}))

    driver.tell(*[seen(version) for version in before])
    known = [1, *before]
    if accepted_at is None:
        driver.tell(CONFLICT)
    else:
        driver.tell(WriteAccepted(uid=UID, recording=seen(accepted_at).recording))
        known.append(accepted_at)
    driver.tell(*[seen(version) for version in after])

    requests = [action for action in driver.actions if isinstance(action, WriteStatus)]
    entry = driver.engine.state.recordings[UID]
    assert int(entry.recording.metadata.resource_version) >= max(known)
    assert (driver.started == ["video"]) == (accepted_at is not None)
    for request, following in pairwise(requests):
        assert int(following.resource_version) > int(request.resource_version)
    assert len(requests) <= 2
