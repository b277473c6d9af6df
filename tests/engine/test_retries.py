"""Retries, progress, stops by a user, and slots."""

from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, RecordingStatus, SourceRef
from recording_operator.engine.actions import (
    AbortUpload,
    CleanUp,
    ReportFault,
    StartTransfer,
    StopTransfer,
    WriteStatus,
)
from recording_operator.engine.facts import (
    AbortEnded,
    LocationGone,
    LocationSeen,
    RecordingGone,
    RecordingSeen,
    TransferEnded,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
)
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_location, a_recording, an_artifact, an_artifact_status, uid_of
from tests.engine.driver import STORED, Driver, newer, none, only
from tests.engine.scenes import (
    ABORTED,
    STOPPED,
    UID,
    failure,
    finished,
    moving,
)

MINUTE = 60


def test_three_retries_and_then_failed_with_the_upload_aborted() -> None:
    driver = Driver()
    recording = moving(driver)

    for wait_s in (2 * MINUTE, 5 * MINUTE, 10 * MINUTE):
        recording = driver.accept(only(driver.end(recording, failure()), WriteStatus), recording)
        assert recording.status.phase is Phase.PENDING
        assert recording.status.next_retry_time == driver.now + timedelta(seconds=wait_s)
        recording = driver.accept(only(driver.wait(wait_s), WriteStatus), recording)

    write = only(driver.end(recording, failure()), WriteStatus)
    assert none(driver.actions, AbortUpload), "nothing is aborted before the status says Failed"
    recording = driver.accept(write, recording)
    assert (recording.status.phase, recording.status.attempts) == (Phase.FAILED, 4)
    assert only(driver.actions, AbortUpload).upload_id == "u1"
    recording = driver.accept(only(driver.tell(ABORTED), WriteStatus), recording)
    assert recording.status.artifacts[0].upload_id is None
    assert driver.engine.state.recordings == {}


def test_an_abort_that_fails_is_tried_again_and_given_up_after_an_hour() -> None:
    driver = Driver()
    recording = moving(driver)
    driver.accept(only(driver.end(recording, failure(Reason.SOURCE_BLOCKED)), WriteStatus), recording)

    tries = 1
    for _ in range(70):
        driver.tell(AbortEnded(uid=UID, artifact="video", ok=False))
        tries += sum(isinstance(action, AbortUpload) for action in driver.wait(61))

    assert 50 < tries < 66
    last = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]
    assert "uploadId" not in last.status["artifacts"][0]


def test_an_abort_that_a_crash_cut_off_is_made_after_the_restart() -> None:
    driver = Driver()

    actions = driver.tell(RecordingSeen(recording=finished(Phase.FAILED, upload="u1")))

    assert only(actions, AbortUpload).upload_id == "u1"


def test_a_failed_artifact_without_upload_is_not_aborted_again_at_each_edit() -> None:
    driver = Driver()

    actions = driver.tell(RecordingSeen(recording=newer(finished(Phase.FAILED), priority=3)))

    assert none([*actions, *driver.wait(5)], AbortUpload)


def test_t5_uploads_that_a_crashed_operator_may_have_opened_are_searched_at_the_end() -> None:
    driver = Driver()
    put_back = an_artifact_status(reason=Reason.INTERRUPTED, key="k")
    status = RecordingStatus(phase=Phase.PENDING, observed_generation=1, started_at=START, artifacts=(put_back,))
    driver.tell(RecordingSeen(recording=a_recording(suspend=True, status=status)))

    clean = only(driver.tell(RecordingGone(uid=UID)), CleanUp)

    assert [(one.name, one.upload_id) for one in clean.artifacts] == [("video", None)]


def test_a_retry_requested_during_the_abort_waits_for_its_end() -> None:
    driver = Driver()
    recording = moving(driver)
    failed = driver.accept(only(driver.end(recording, failure(Reason.SOURCE_BLOCKED)), WriteStatus), recording)

    asked = newer(failed, retry_token="again")
    driver.tell(RecordingSeen(recording=asked))
    asked = driver.accept(only(driver.wait(5), WriteStatus), asked)
    assert asked.status.phase is Phase.PENDING
    write = only(driver.tell(ABORTED), WriteStatus)

    assert write.status["phase"] == "Uploading"
    assert "uploadId" not in write.status["artifacts"][0]


def test_a_fresh_url_applied_before_the_failure_keeps_the_upload() -> None:
    driver = Driver()
    recording = moving(driver)
    fresh = newer(recording, artifacts=(an_artifact(url="https://media.example.com/fresh"),))
    driver.tell(RecordingSeen(recording=fresh))

    driver.end(recording, failure(Reason.SOURCE_BLOCKED))
    write = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]
    driver.accept(write, fresh)

    assert none(driver.actions, AbortUpload)
    last = [action for action in driver.actions if isinstance(action, StartTransfer)][-1]
    assert last.upload_id == "u1"
    assert last.recording.spec.artifacts[0].source == SourceRef(url="https://media.example.com/fresh")


@pytest.mark.parametrize("reason", [Reason.STORE_UPLOAD_LOST, Reason.SOURCE_CHANGED])
def test_t4_a_lost_upload_is_not_resumed(reason: Reason) -> None:
    driver = Driver()
    recording = moving(driver)

    write = only(driver.end(recording, failure(reason)), WriteStatus)

    assert "uploadId" not in write.status["artifacts"][0]


def test_progress_is_written_every_ten_seconds_at_most() -> None:
    driver = Driver()
    recording = moving(driver)
    writes = 0
    for second in range(60):
        driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=second, total_bytes=80))
        for action in driver.wait(1):
            if isinstance(action, WriteStatus):
                recording = driver.accept(action, recording)
                writes += 1

    assert 5 <= writes <= 6
    assert recording.status.progress == "73.7%"


def test_suspend_stops_the_transfer_and_keeps_the_upload() -> None:
    driver = Driver()
    recording = newer(moving(driver), suspend=True)

    assert only(driver.tell(RecordingSeen(recording=recording)), StopTransfer)
    assert none(driver.tell(RecordingSeen(recording=newer(recording))), StopTransfer)
    write = only(driver.tell(STOPPED), WriteStatus)

    assert (write.status["phase"], write.status["reason"]) == ("Pending", "Suspended")
    assert write.status["artifacts"][0]["uploadId"] == "u1"
    assert "claim" not in write.status


@pytest.mark.parametrize(("outcome", "phase"), [(STORED, Phase.COMPLETE), (TransferStopped(), Phase.FAILED)], ids=str)
def test_cancelled_without_a_leader_the_object_is_checked_first(
    outcome: TransferSucceeded | TransferStopped, phase: Phase
) -> None:
    left = newer(moving(Driver()), cancel=True)
    driver = Driver(claim=Claim(holder="op-b", transitions=6))

    claimed = driver.claimed(left)

    start = only(driver.actions, StartTransfer)
    assert start.only_look
    write = only(driver.tell(TransferEnded(uid=UID, artifact="video", outcome=outcome)), WriteStatus)
    assert driver.accept(write, claimed).status.phase is phase


def test_cancelled_without_a_leader_the_object_is_checked_when_the_store_is_back() -> None:
    left = newer(moving(Driver()), cancel=True)
    driver = Driver(claim=Claim(holder="op-b", transitions=6))
    driver.tell(LocationSeen(location=a_location(), ready=False, message="away"))
    waiting = driver.accept(only(driver.tell(RecordingSeen(recording=left)), WriteStatus), left)
    assert waiting.status.reason == Reason.LOCATION_NOT_READY

    claim = only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)
    driver.accept(claim, waiting)

    assert only(driver.actions, StartTransfer).only_look


def test_cancelled_without_a_leader_and_the_location_is_gone() -> None:
    left = newer(moving(Driver()), cancel=True)
    driver = Driver(claim=Claim(holder="op-b", transitions=6))
    driver.tell(LocationGone(name="archive"))

    write = only(driver.tell(RecordingSeen(recording=left)), WriteStatus)

    assert driver.accept(write, left).status.reason == Reason.CANCELLED


def test_cancel_aborts_and_its_end_starts_again() -> None:
    driver = Driver()
    recording = newer(moving(driver), cancel=True)
    driver.tell(RecordingSeen(recording=recording))
    recording = driver.accept(only(driver.tell(STOPPED), WriteStatus), recording)
    assert (recording.status.phase, recording.status.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert only(driver.actions, AbortUpload)
    recording = driver.accept(only(driver.tell(ABORTED), WriteStatus), recording)

    write = only(driver.tell(RecordingSeen(recording=newer(recording, cancel=False))), WriteStatus)

    assert write.status["phase"] == "Uploading"


def test_an_artifact_appended_to_a_complete_recording_is_moved_and_the_others_are_not() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    recording = driver.accept(only(driver.end(recording), WriteStatus), recording)

    longer = newer(recording, artifacts=(an_artifact(), an_artifact("notes")))
    driver.accept(only(driver.tell(RecordingSeen(recording=longer)), WriteStatus), longer)

    assert driver.started == ["video", "notes"]


def test_a_stop_before_the_claim_is_accepted_gives_the_slot_and_the_claim_back() -> None:
    driver = Driver(capacity=Capacity(total=1, per_namespace=1))
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    driver.tell(RecordingSeen(recording=a_recording(number=2)))

    driver.tell(LocationSeen(location=a_location(), ready=False, message="no answer"))
    claimed = driver.accept(write, a_recording())
    driver.wait(2)

    assert driver.started == []
    assert not driver.engine.state.slots.running
    back = [action for action in driver.actions if isinstance(action, WriteStatus) and action.ref.uid == UID][-1]
    assert back.resource_version == claimed.metadata.resource_version
    assert "claim" not in back.status


def test_a_recording_that_the_engine_trips_over_does_not_stop_the_others() -> None:
    driver = Driver()
    running = driver.claimed(a_recording())
    without_birth = a_recording(number=2)
    meta = without_birth.metadata.model_copy(update={"creation_timestamp": None})

    actions = driver.tell(RecordingSeen(recording=without_birth.model_copy(update={"metadata": meta})))

    assert only(actions, ReportFault).ref.uid == uid_of(2)
    assert uid_of(2) not in driver.engine.state.recordings
    assert only(driver.end(running), WriteStatus)


def test_a_broken_recording_holds_its_slot_until_its_transfer_has_ended() -> None:
    driver = Driver()
    running = driver.claimed(a_recording())
    meta = running.metadata.model_copy(update={"creation_timestamp": None, "resource_version": "9"})
    driver.tell(RecordingSeen(recording=running.model_copy(update={"metadata": meta})))

    actions = driver.wait(11)

    assert only(actions, ReportFault)
    assert only(actions, StopTransfer)
    assert driver.engine.state.slots.running
    driver.tell(STOPPED)
    assert not driver.engine.state.slots.running
    assert driver.engine.state.recordings == {}
