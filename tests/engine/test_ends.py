"""Draining, the clock, ttlAfterFinished and deletion."""

from datetime import timedelta

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.actions import (
    CleanUp,
    DeleteRecording,
    EmitEvent,
    ReportLeftObjects,
    StopTransfer,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import (
    CleanupEnded,
    DeleteAccepted,
    LocationGone,
    LocationSeen,
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    TransferProgress,
    WriteAccepted,
    WriteRejected,
)
from tests.engine.builders import START, a_location, a_recording, an_artifact
from tests.engine.driver import STORED, Driver, applied, deleting, newer, none, only
from tests.engine.scenes import (
    STOPPED,
    UID,
    finished,
    moving,
)


def test_k17_drained_means_written_down() -> None:
    driver = Driver()
    recording = moving(driver)
    driver.actions += driver.engine.drain(driver.now)
    assert not driver.engine.idle()
    assert driver.tell(RecordingSeen(recording=a_recording(number=2))) == []

    assert [type(action) for action in driver.engine.stop_all()] == [StopTransfer]
    recording = driver.accept(only(driver.tell(STOPPED), WriteStatus), recording)

    assert driver.engine.idle()
    assert (recording.status.phase, recording.status.reason) == (Phase.PENDING, Reason.INTERRUPTED)
    assert (recording.status.claim, recording.status.attempts) == (None, 0)
    assert recording.status.artifacts[0].upload_id == "u1"


def test_k17_a_claim_under_way_when_the_drain_begins_is_given_back() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    driver.engine.drain(driver.now)

    claimed = driver.accept(write, a_recording())

    assert driver.started == []
    back = only(driver.wait(2), WriteStatus)
    assert back.resource_version == claimed.metadata.resource_version
    assert not driver.engine.idle()
    driver.accept(back, claimed)
    assert driver.engine.idle()


def test_a_clock_set_back_an_hour_makes_no_write_wait_an_hour() -> None:
    driver = Driver()
    recording = moving(driver)
    driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=8, total_bytes=80))

    driver.now = START - timedelta(hours=1)
    driver.engine.clock_stepped(-timedelta(hours=1), driver.now)
    driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=16, total_bytes=80))

    write = only(driver.wait(10), WriteStatus)
    assert driver.accept(write, recording).status.bytes_done == 16


def test_after_its_ttl_the_finalizer_is_removed_first_and_the_objects_stay() -> None:
    driver = Driver()
    old = finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER], ttl=timedelta(hours=1))
    assert driver.tell(RecordingSeen(recording=old)) == []

    released = driver.accept(only(driver.wait(3600), WriteFinalizers), old)
    delete = only(driver.actions, DeleteRecording)
    assert delete.resource_version == released.metadata.resource_version
    assert driver.tell(RecordingSeen(recording=released)) == []
    driver.tell(DeleteAccepted(uid=UID))
    assert driver.tell(RecordingSeen(recording=released)) == []
    driver.tell(RecordingGone(uid=UID))

    assert none(driver.actions, CleanUp)
    assert driver.engine.state.recordings == {}


def test_a_recording_that_was_restored_with_its_status_stays_complete_and_nothing_of_the_old_uid_is_removed() -> None:
    restored = newer(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))
    old = restored.status.artifacts[0].model_copy(
        update={"key": "of/the/old/uid.mp4", "uri": "s3://b/of/the/old/uid.mp4"}
    )
    status = restored.status.model_copy(update={"artifacts": (old,), "observed_generation": 7})
    driver = Driver()

    driver.tell(RecordingSeen(recording=restored.model_copy(update={"status": status})))
    write = only(driver.wait(5), WriteStatus)

    assert write.status["phase"] == "Complete"
    assert write.status["artifacts"][0]["uri"] == "s3://b/of/the/old/uid.mp4"
    assert driver.started == []
    gone = deleting(driver.accept(write, restored.model_copy(update={"status": status})))
    clean = only(driver.tell(RecordingSeen(recording=gone)), CleanUp)
    assert "old" not in clean.artifacts[0].key


def test_an_edit_at_the_last_moment_saves_it() -> None:
    driver = Driver()
    old = finished(ttl=timedelta(hours=1))
    driver.tell(RecordingSeen(recording=old))
    only(driver.wait(3600), DeleteRecording)

    driver.tell(RecordingSeen(recording=newer(old, ttl_after_finished=timedelta(hours=9))))
    write = only(driver.tell(WriteRejected(uid=UID, conflict=True)), WriteStatus)

    assert write.status["observedGeneration"] == 2
    assert none(driver.wait(4 * 3600), DeleteRecording)


def test_a_delete_without_response_is_sent_again() -> None:
    driver = Driver()
    driver.tell(RecordingSeen(recording=finished(ttl=timedelta(hours=1))))
    only(driver.wait(3600), DeleteRecording)

    assert driver.tell(WriteRejected(uid=UID)) == []

    assert only(driver.wait(6), DeleteRecording)


def held(driver: Driver, **fields: object) -> Recording:
    """A Recording in transfer whose objects go with it."""
    recording = a_recording(
        deletion_policy=DeletionPolicy.DELETE,
        finalizers=[DELETE_OBJECT_FINALIZER],
        **fields,  # type: ignore[arg-type]
    )
    return moving(driver, recording)


def test_k8_deleted_while_uploading() -> None:
    driver = Driver()
    recording = deleting(held(driver))

    assert only(driver.tell(RecordingSeen(recording=recording)), StopTransfer)
    clean = only(driver.tell(STOPPED), CleanUp)
    assert [(one.name, one.upload_id, one.delete_object) for one in clean.artifacts] == [("video", "u1", True)]
    write = only(driver.tell(CleanupEnded(uid=UID, ok=True)), WriteFinalizers)

    assert write.finalizers == ()
    driver.tell(WriteAccepted(uid=UID, recording=applied(write, recording)))
    assert driver.engine.state.recordings == {}
    assert not driver.engine.state.slots.running


def test_k9_deleted_between_the_end_of_the_transfer_and_its_write_takes_exactly_that_version() -> None:
    driver = Driver()
    recording = held(driver)
    driver.end(recording, STORED)

    driver.tell(RecordingSeen(recording=deleting(newer(recording))))
    clean = only(driver.tell(WriteRejected(uid=UID, conflict=True)), CleanUp)

    assert [(one.version_id, one.delete_object) for one in clean.artifacts] == [("v1", True)]


def test_a_retained_recording_loses_its_upload_and_nothing_else() -> None:
    driver = Driver()
    recording = moving(driver, a_recording(an_artifact(), an_artifact("notes")))
    driver.end(recording, STORED, artifact="notes")

    driver.tell(RecordingGone(uid=UID))
    clean = only(driver.tell(STOPPED), CleanUp)

    assert [(one.name, one.delete_object) for one in clean.artifacts] == [("video", False)]


def test_k10_a_finalizer_removed_by_a_person_deletes_no_objects() -> None:
    driver = Driver()
    recording = held(driver)
    driver.tell(RecordingSeen(recording=deleting(recording)), RecordingGone(uid=UID))

    clean = only(driver.tell(STOPPED), CleanUp)

    assert not any(one.delete_object for one in clean.artifacts)


def test_c17_if_the_location_forbids_it_the_objects_stay_and_one_event_reports_it() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(policies=[DeletionPolicy.RETAIN]), ready=True))
    recording = deleting(held(driver))
    driver.tell(RecordingSeen(recording=recording))

    clean = only(driver.tell(STOPPED), CleanUp)
    driver.tell(CleanupEnded(uid=UID, ok=False))
    again = only(driver.wait(6), CleanUp)

    assert not any(one.delete_object for one in (*clean.artifacts, *again.artifacts))
    warnings = [action for action in driver.actions if isinstance(action, EmitEvent) and action.warning]
    assert [action.reason for action in warnings] == [Reason.DELETION_POLICY_NOT_ALLOWED]


@pytest.mark.parametrize("conflict", [True, False])
def test_a_rejected_removal_of_the_finalizer_is_retried(conflict: bool) -> None:
    driver = Driver()
    recording = deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))
    driver.tell(RecordingSeen(recording=recording))
    only(driver.tell(CleanupEnded(uid=UID, ok=True)), WriteFinalizers)

    driver.tell(WriteRejected(uid=UID, conflict=conflict))
    if conflict:
        driver.tell(RecordingRead(uid=UID, recording=newer(recording)))
    driver.wait(10)

    versions = [action.resource_version for action in driver.actions if isinstance(action, WriteFinalizers)]
    assert versions == (["2", "3"] if conflict else ["2", "2"])


def test_t24_clean_up_is_retried_even_if_something_else_wakes_the_recording() -> None:
    driver = Driver()
    recording = deleting(held(driver))
    driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=1, total_bytes=80))
    driver.tell(RecordingSeen(recording=recording), STOPPED)

    for expected_s in (5, 10, 20):
        driver.tell(CleanupEnded(uid=UID, ok=False))
        assert none(driver.wait(expected_s - 1), CleanUp)
        assert only(driver.wait(1), CleanUp)


def test_a_location_that_never_comes_back_holds_nothing_for_ever() -> None:
    driver = Driver()
    recording = deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))
    told = driver.tell(LocationGone(name="archive"), RecordingSeen(recording=recording))
    assert only(told, EmitEvent).reason == Reason.DELETION_BLOCKED
    recording = driver.accept(only(told, WriteStatus), recording)
    assert none(driver.wait(3500), WriteFinalizers)

    actions = driver.wait(200)
    driver.accept(only(actions, WriteStatus), recording)

    assert only(driver.actions, WriteFinalizers).finalizers == ()
    assert only(actions, ReportLeftObjects).reason == Reason.LOCATION_NOT_FOUND


def tries_in_two_hours(driver: Driver) -> int:
    """Attempts to clean up while the store rejects them."""
    tries = 0
    for _ in range(120):
        driver.tell(CleanupEnded(uid=UID, ok=False))
        tries += sum(isinstance(action, CleanUp) for action in driver.wait(60))
    return tries


def test_uploads_of_what_is_gone_are_left_to_the_sweep_after_an_hour() -> None:
    driver = Driver()
    moving(driver)
    driver.tell(RecordingGone(uid=UID), STOPPED)

    assert 50 < tries_in_two_hours(driver) < 70
    assert driver.engine.state.recordings == {}


def test_t24_objects_that_are_to_go_are_never_given_up() -> None:
    driver = Driver()
    recording = deleting(held(driver))
    driver.tell(RecordingSeen(recording=recording), STOPPED)

    assert tries_in_two_hours(driver) > 110
    assert none(driver.actions, WriteFinalizers)
    assert only(driver.tell(CleanupEnded(uid=UID, ok=True)), WriteFinalizers)


def test_a_recording_that_is_gone_before_its_upload_had_a_name_is_cleaned_all_the_same() -> None:
    driver = Driver()
    driver.claimed(a_recording())

    driver.tell(RecordingGone(uid=UID))
    clean = only(driver.tell(STOPPED), CleanUp)

    assert [(one.name, one.upload_id) for one in clean.artifacts] == [("video", None)]
