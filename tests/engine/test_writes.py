"""How the engine talks to the API server: one request at a time, and what each answer, echo and silence means."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus, SourceFacts
from recording_operator.engine.facts import (
    ConfirmLeadership,
    EmitEvent,
    LeadershipConfirmed,
    ReadRecording,
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    RecordingsListed,
    StartTransfer,
    StopTransfer,
    TransferProgress,
    UploadCreated,
    UploadPersisted,
    WriteFinalizers,
    WriteRefused,
    WriteStatus,
    Written,
)
from tests.engine.builders import START, a_recording, an_artifact, an_artifact_status, uid_of
from tests.engine.driver import CLAIM, STORED, Driver, applied, newer, none, only

UID = uid_of(1)
CONFLICT = WriteRefused(uid=UID, conflict=True)
NO_ANSWER = WriteRefused(uid=UID, detail="no answer")


def claimed_by(claim: Claim, *, version: int = 1, phase: Phase = Phase.UPLOADING) -> Recording:
    state = an_artifact_status(phase=phase, reason=Reason.UPLOADING)
    status = RecordingStatus(
        phase=phase, reason=Reason.UPLOADING, observed_generation=1, claim=claim, artifacts=(state,)
    )
    return a_recording(status=status, version=version)


def test_a_small_recording_costs_two_writes_and_two_events() -> None:
    driver = Driver()

    recording = driver.claimed(a_recording())
    recording = driver.accept(only(driver.end(recording), WriteStatus), recording)
    driver.tell(RecordingSeen(recording=recording))
    driver.wait(3600)

    assert recording.status.phase is Phase.COMPLETE
    assert sum(isinstance(action, WriteStatus) for action in driver.actions) == 2
    assert [action.reason for action in driver.actions if isinstance(action, EmitEvent)] == ["Uploading", "Stored"]
    assert driver.engine.state.entries == {}
    assert driver.engine.next_due() is None


def test_nothing_starts_before_the_claim_is_accepted() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)

    assert driver.started == []
    assert write.status["claim"] == {"holder": "op-a", "transitions": 5}
    driver.accept(write, a_recording())
    assert driver.started == ["video"]


def test_of_racing_claims_the_loser_reads_and_does_not_start() -> None:
    driver = Driver(a_recording())

    assert only(driver.tell(CONFLICT), ReadRecording).ref.uid == UID
    winner = claimed_by(Claim(holder="op-b", transitions=5), version=2)

    assert only(driver.tell(RecordingRead(uid=UID, recording=winner)), ConfirmLeadership).uid == UID
    assert driver.started == []


def test_an_older_claim_is_overruled_without_asking() -> None:
    driver = Driver()

    write = only(driver.tell(RecordingSeen(recording=claimed_by(Claim(holder="op-b", transitions=4)))), WriteStatus)

    assert write.status["claim"]["holder"] == "op-a"


def test_a_claim_as_new_as_ours_is_overruled_once_the_lease_says_who_leads() -> None:
    driver = Driver()
    forged = claimed_by(Claim(holder="op-b", transitions=9))

    assert none(driver.tell(RecordingSeen(recording=forged)), WriteStatus)
    write = only(driver.tell(LeadershipConfirmed(uid=UID)), WriteStatus)

    assert write.resource_version == "1"


def test_a_confirmation_counts_for_the_version_that_it_was_asked_for() -> None:
    driver = Driver()
    driver.tell(RecordingSeen(recording=claimed_by(Claim(holder="op-b", transitions=9))))
    driver.tell(RecordingSeen(recording=claimed_by(Claim(holder="op-c", transitions=10), version=2)))

    actions = driver.tell(LeadershipConfirmed(uid=UID))

    assert none(actions, WriteStatus)
    assert only(actions, ConfirmLeadership)


def test_what_is_seen_while_a_write_is_in_flight_is_known_after_it() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    claimed = applied(write, a_recording())

    assert driver.tell(RecordingSeen(recording=newer(claimed, suspend=True))) == []
    driver.accept(write, a_recording())

    assert none(driver.actions, StartTransfer)
    assert driver.engine.state.entries[UID].recording.spec.suspend


def test_a_conflict_with_what_was_seen_meanwhile_needs_no_read() -> None:
    driver = Driver(a_recording())
    driver.tell(RecordingSeen(recording=newer(a_recording(), by=3, priority=7)))

    actions = driver.tell(CONFLICT)

    assert none(actions, ReadRecording)
    assert only(actions, WriteStatus).resource_version == "4"


def test_an_echo_is_no_answer_to_a_read() -> None:
    driver = Driver(a_recording())
    driver.tell(CONFLICT)

    assert driver.tell(RecordingSeen(recording=a_recording())) == []
    assert (
        only(driver.tell(RecordingRead(uid=UID, recording=newer(a_recording()))), WriteStatus).resource_version == "2"
    )


def test_a_read_without_answer_is_made_again_before_anything_is_written() -> None:
    driver = Driver(a_recording())
    driver.tell(CONFLICT)

    assert driver.tell(NO_ANSWER) == []
    actions = driver.wait(6)

    assert only(actions, ReadRecording)
    assert none(actions, WriteStatus)


def test_k6_a_flooded_api_server_gets_the_time_that_it_asks_for() -> None:
    driver = Driver(a_recording())
    driver.tell(WriteRefused(uid=UID, retry_after_s=40, detail="TooManyRequests"))

    driver.tell(RecordingSeen(recording=newer(a_recording(), priority=3)))

    assert none(driver.wait(39), WriteStatus)
    assert only(driver.wait(2), WriteStatus).resource_version == "2"


def test_many_conflicts_in_a_row_make_it_slow_down() -> None:
    driver, recording = Driver(a_recording()), a_recording()
    for _ in range(5):
        driver.tell(CONFLICT)
        recording = newer(recording)
        driver.tell(RecordingRead(uid=UID, recording=recording))

    assert sum(isinstance(action, WriteStatus) for action in driver.actions) < 6
    assert only(driver.wait(60), WriteStatus).resource_version == recording.metadata.resource_version


def test_a_write_whose_answer_was_lost_is_recognised() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    driver.tell(NO_ANSWER)

    actions = driver.tell(RecordingSeen(recording=applied(write, a_recording())))

    assert driver.started == ["video"]
    assert only(actions, EmitEvent).reason == Reason.UPLOADING
    assert none(actions, WriteStatus, ConfirmLeadership)


def test_an_upload_is_written_down_before_its_first_part_even_if_the_answer_is_lost() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    created = UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=80))
    write = only(driver.tell(created), WriteStatus)
    assert write.status["artifacts"][0]["uploadId"] == "u1"

    assert none(driver.tell(NO_ANSWER), UploadPersisted)
    actions = driver.tell(RecordingSeen(recording=applied(write, recording)))

    assert only(actions, UploadPersisted).artifact == "video"


def test_an_upload_that_is_not_in_the_write_under_way_has_to_wait_for_the_next() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=1, bytes_total=9))
    write = only(driver.wait(11), WriteStatus)
    driver.tell(UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=9)))

    driver.accept(write, recording)

    assert none(driver.actions, UploadPersisted)


# Echoes of the past


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


def test_a_claim_of_ours_that_nobody_remembers_is_read_anew() -> None:
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
    assert driver.engine.state.entries == {}
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
    assert list(driver.engine.state.entries) == [uid_of(2)]
    assert driver.started == ["video"]


def test_k11_a_new_namesake_ends_the_former_one() -> None:
    driver = Driver()
    former = driver.claimed(a_recording(number=1, name="weekly", version=3))

    actions = driver.tell(RecordingSeen(recording=a_recording(number=2, name="weekly", version=9)))

    assert only(actions, StopTransfer).uid == former.metadata.uid
    assert only(actions, WriteStatus).ref.uid == uid_of(2)


def test_after_a_list_whoever_is_missing_is_read_until_that_is_answered() -> None:
    driver = Driver(a_recording(suspend=True))
    driver.tell(WriteRefused(uid=UID, conflict=False))
    driver.wait(6)
    recording = applied(
        [action for action in driver.actions if isinstance(action, WriteStatus)][-1], a_recording(suspend=True)
    )
    driver.tell(RecordingSeen(recording=recording))
    driver.tell(NO_ANSWER)

    driver.tell(RecordingsListed(uids=frozenset()))
    reads = driver.wait(120)
    assert only(reads, ReadRecording)
    driver.tell(NO_ANSWER)
    assert only(driver.wait(120), ReadRecording)
    driver.tell(WriteRefused(uid=UID, gone=True))

    assert driver.engine.state.entries == {}


# Finalizers


def test_the_finalizer_stands_before_anything_moves() -> None:
    driver = Driver()
    recording = a_recording(deletion_policy=DeletionPolicy.DELETE)

    actions = driver.tell(RecordingSeen(recording=recording))
    write = only(actions, WriteFinalizers)

    assert write.finalizers == (DELETE_OBJECT_FINALIZER,)
    assert none(actions, WriteStatus)
    recording = driver.accept(write, recording)
    assert driver.started == []
    driver.accept(only(driver.actions, WriteStatus), recording)
    assert driver.started == ["video"]


def test_the_finalizers_of_others_are_kept() -> None:
    driver = Driver()
    recording = a_recording(finalizers=["a/b", DELETE_OBJECT_FINALIZER, "c/d"])

    write = only(driver.tell(RecordingSeen(recording=recording)), WriteFinalizers)

    assert write.finalizers == ("a/b", "c/d")


# Events


def test_an_event_tells_what_the_api_server_has_accepted() -> None:
    driver = Driver()
    actions = driver.tell(RecordingSeen(recording=a_recording()))
    assert none(actions, EmitEvent)

    driver.tell(CONFLICT)
    assert none(driver.tell(RecordingRead(uid=UID, recording=newer(a_recording(), suspend=True))), EmitEvent)
    driver.accept(
        [action for action in driver.actions if isinstance(action, WriteStatus)][-1], newer(a_recording(), suspend=True)
    )

    assert [action.reason for action in driver.actions if isinstance(action, EmitEvent)] == [Reason.SUSPENDED]


def test_after_a_restart_the_same_news_are_not_told_again() -> None:
    driver = Driver()

    driver.claimed(claimed_by(Claim(holder="op-b", transitions=4)))

    assert driver.started == ["video"]
    assert none(driver.actions, EmitEvent)


# Gone while something is under way


@pytest.mark.parametrize("answer", [WriteRefused(uid=UID, gone=True), NO_ANSWER, CONFLICT])
def test_gone_while_a_write_is_in_flight(answer: WriteRefused) -> None:
    driver = Driver(a_recording())

    driver.tell(RecordingGone(uid=UID), answer)
    driver.wait(3600)

    assert driver.engine.state.entries == {}
    assert not driver.engine.state.slots.running
    assert none(driver.actions, StartTransfer)


def test_a_transfer_that_ends_after_its_recording_is_gone_gives_its_slot_back() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    assert only(driver.tell(RecordingGone(uid=UID)), StopTransfer)
    assert driver.engine.state.slots.running
    driver.end(recording, STORED)

    assert not driver.engine.state.slots.running


def test_an_echo_after_the_end_is_no_new_recording() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording(suspend=True))
    driver.tell(RecordingGone(uid=UID))

    assert driver.tell(RecordingSeen(recording=recording)) == []
    assert driver.engine.state.entries == {}


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
def test_whatever_order_versions_come_in_the_newest_is_what_counts(
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
        driver.tell(Written(uid=UID, recording=seen(accepted_at).recording))
        known.append(accepted_at)
    driver.tell(*[seen(version) for version in after])

    requests = [action for action in driver.actions if isinstance(action, WriteStatus)]
    entry = driver.engine.state.entries[UID]
    assert int(entry.recording.metadata.resource_version) >= max(known)
    assert (driver.started == ["video"]) == (accepted_at is not None)
    for request, following in pairwise(requests):
        assert int(following.resource_version) > int(request.resource_version)
    assert len(requests) <= 2
