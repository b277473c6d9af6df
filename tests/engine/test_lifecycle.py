"""From Pending to the end, with retries, stops, drains, locations that come and go, and deletion."""

from datetime import timedelta

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording, RecordingStatus, SourceFacts, SourceRef
from recording_operator.api.storagelocation import AllowedNamespaces, LabelSelector, Limits, StorageLocation
from recording_operator.engine.artifacts import resolved_revision
from recording_operator.engine.facts import (
    AbortUpload,
    CleanedUp,
    CleanUp,
    DeleteAccepted,
    DeleteRecording,
    EmitEvent,
    LocationGone,
    LocationSeen,
    NamespaceSeen,
    ProbeLocation,
    ReadNamespace,
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    ReportFault,
    ResolveSource,
    SourceResolved,
    StartTransfer,
    StopTransfer,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    TransferStopped,
    UploadAborted,
    UploadCreated,
    WriteFinalizers,
    WriteRefused,
    WriteStatus,
    Written,
)
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_location, a_recording, an_artifact, an_artifact_status, uid_of
from tests.engine.driver import STORED, Driver, applied, deleting, newer, none, only

UID = uid_of(1)
MINUTE = 60
STOPPED = TransferEnded(uid=UID, artifact="video", outcome=TransferStopped())
ABORTED = UploadAborted(uid=UID, artifact="video", ok=True)
UPLOAD = UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=80))


def failure(reason: Reason = Reason.SOURCE_UNAVAILABLE) -> TransferFailed:
    return TransferFailed(reason=reason, message=f"it failed: {reason}")


def moving(driver: Driver, recording: Recording | None = None) -> Recording:
    """A Recording in transfer, its upload written down."""
    claimed = driver.claimed(recording or a_recording())
    return driver.accept(only(driver.tell(UPLOAD), WriteStatus), claimed)


def finished(phase: Phase = Phase.COMPLETE, *, upload: str | None = None, **fields: object) -> Recording:
    state = an_artifact_status(phase=phase, reason=Reason.SOURCE_NOT_FOUND, uploadId=upload, key="k", versionId="v1")
    status = RecordingStatus(
        phase=phase, observed_generation=1, started_at=START, completed_at=START, artifacts=(state,)
    )
    return a_recording(status=status, **fields)  # type: ignore[arg-type]


# Retries


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
    assert driver.engine.state.entries == {}


def test_an_abort_that_fails_is_tried_again_and_given_up_after_an_hour() -> None:
    driver = Driver()
    recording = moving(driver)
    driver.accept(only(driver.end(recording, failure(Reason.SOURCE_FORBIDDEN)), WriteStatus), recording)

    tries = 1
    for _ in range(70):
        driver.tell(UploadAborted(uid=UID, artifact="video", ok=False))
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


def test_t5_what_a_crashed_operator_may_have_opened_is_looked_for_at_the_end() -> None:
    driver = Driver()
    put_back = an_artifact_status(reason=Reason.INTERRUPTED, key="k")
    status = RecordingStatus(phase=Phase.PENDING, observed_generation=1, started_at=START, artifacts=(put_back,))
    driver.tell(RecordingSeen(recording=a_recording(suspend=True, status=status)))

    clean = only(driver.tell(RecordingGone(uid=UID)), CleanUp)

    assert [(one.name, one.upload_id) for one in clean.artifacts] == [("video", None)]


def test_a_retry_asked_during_the_abort_waits_for_its_end() -> None:
    driver = Driver()
    recording = moving(driver)
    failed = driver.accept(only(driver.end(recording, failure(Reason.SOURCE_FORBIDDEN)), WriteStatus), recording)

    asked = newer(failed, retry_token="again")
    driver.tell(RecordingSeen(recording=asked))
    asked = driver.accept(only(driver.wait(5), WriteStatus), asked)
    assert asked.status.phase is Phase.PENDING
    write = only(driver.tell(ABORTED), WriteStatus)

    assert write.status["phase"] == "Uploading"
    assert "uploadId" not in write.status["artifacts"][0]


def test_a_fresh_url_that_came_before_the_failure_keeps_the_upload() -> None:
    driver = Driver()
    recording = moving(driver)
    fresh = newer(recording, artifacts=(an_artifact(url="https://media.example.com/fresh"),))
    driver.tell(RecordingSeen(recording=fresh))

    driver.end(recording, failure(Reason.SOURCE_FORBIDDEN))
    write = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]
    driver.accept(write, fresh)

    assert none(driver.actions, AbortUpload)
    last = [action for action in driver.actions if isinstance(action, StartTransfer)][-1]
    assert last.upload_id == "u1"
    assert last.recording.spec.artifacts[0].source == SourceRef(url="https://media.example.com/fresh")


@pytest.mark.parametrize("reason", [Reason.TARGET_UPLOAD_LOST, Reason.SOURCE_CHANGED])
def test_t4_a_lost_upload_is_not_resumed(reason: Reason) -> None:
    driver = Driver()
    recording = moving(driver)

    write = only(driver.end(recording, failure(reason)), WriteStatus)

    assert "uploadId" not in write.status["artifacts"][0]


# Progress


def test_progress_is_written_every_ten_seconds_at_most() -> None:
    driver = Driver()
    recording = moving(driver)
    writes = 0
    for second in range(60):
        driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=second, bytes_total=80))
        for action in driver.wait(1):
            if isinstance(action, WriteStatus):
                recording = driver.accept(action, recording)
                writes += 1

    assert 5 <= writes <= 6
    assert recording.status.progress == "73.7%"


# Suspend, cancel


def test_suspend_stops_the_transfer_and_keeps_the_upload() -> None:
    driver = Driver()
    recording = newer(moving(driver), suspend=True)

    assert only(driver.tell(RecordingSeen(recording=recording)), StopTransfer)
    assert none(driver.tell(RecordingSeen(recording=newer(recording))), StopTransfer)
    write = only(driver.tell(STOPPED), WriteStatus)

    assert (write.status["phase"], write.status["reason"]) == ("Pending", "Suspended")
    assert write.status["artifacts"][0]["uploadId"] == "u1"
    assert "claim" not in write.status


def test_cancel_aborts_and_its_end_starts_anew() -> None:
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


# Slots


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
    assert uid_of(2) not in driver.engine.state.entries
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
    assert driver.engine.state.entries == {}


# Drain


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


# Locations


def test_t13_a_fault_of_the_location_costs_no_attempt_and_makes_it_probe() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    actions = driver.end(recording, failure(Reason.TARGET_DENIED))
    recording = driver.accept(only(actions, WriteStatus), recording)

    assert only(actions, ProbeLocation).name == "archive"
    assert recording.status.attempts == 0
    assert none(driver.wait(600), WriteStatus)
    write = only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)
    assert write.status["phase"] == "Uploading"


def denied(driver: Driver, recording: Recording) -> Recording:
    """One more attempt that the location refuses."""
    recording = driver.accept(only(driver.end(recording, failure(Reason.TARGET_DENIED)), WriteStatus), recording)
    driver.tell(LocationSeen(location=a_location(), ready=True))
    return recording


def test_again_and_again_refused_it_waits_longer_and_progress_forgives() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    for wait_s in (5, 10, 20):
        recording = denied(driver, recording)
        assert none(driver.wait(wait_s - 1), WriteStatus)
        recording = driver.accept(only(driver.wait(2), WriteStatus), recording)

    driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=8, bytes_total=80))
    denied(driver, recording)
    assert only(driver.wait(6), WriteStatus).status["phase"] == "Uploading"


def test_a_location_that_comes_back_ends_the_wait_for_it() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    for wait_s in (6, 11, 21):
        recording = denied(driver, recording)
        recording = driver.accept(only(driver.wait(wait_s), WriteStatus), recording)
    recording = driver.accept(only(driver.end(recording, failure(Reason.TARGET_DENIED)), WriteStatus), recording)
    not_ready = only(driver.tell(LocationSeen(location=a_location(), ready=False)), WriteStatus)
    driver.accept(not_ready, recording)

    driver.tell(LocationSeen(location=a_location("vault"), ready=True))
    assert none(driver.wait(1), WriteStatus)
    assert only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)


def test_k21_a_transfer_outlives_its_location_and_the_next_waits_for_it() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())

    driver.tell(LocationGone(name="archive"))
    waiting = only(driver.tell(RecordingSeen(recording=a_recording(number=2))), WriteStatus)

    assert waiting.status["reason"] == "LocationNotFound"
    assert only(driver.end(recording), WriteStatus).status["phase"] == "Complete"


def test_a_probe_that_finds_the_same_as_before_wakes_nobody() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(), ready=False, message="no answer"))
    driver.tell(RecordingSeen(recording=a_recording()), WriteRefused(uid=UID, retry_after_s=60))
    looked_at = driver.engine.state.timers.next()

    driver.now += timedelta(seconds=30)
    assert driver.tell(LocationSeen(location=a_location(), ready=False, message="no answer")) == []
    assert driver.engine.state.timers.next() == looked_at
    more = a_location(limits=Limits(concurrent_uploads=2))
    driver.tell(LocationSeen(location=more, ready=False, message="no answer"))
    assert driver.engine.state.locations.get("archive") == more


def gold() -> StorageLocation:
    return a_location(allowed=AllowedNamespaces(selector=LabelSelector(match_labels={"tier": "gold"})))


def test_labels_are_asked_for_once_and_again_after_a_minute() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=gold(), ready=True))
    actions = driver.tell(RecordingSeen(recording=a_recording()), RecordingSeen(recording=a_recording(number=2)))
    assert only(actions, ReadNamespace)

    write = driver.tell(NamespaceSeen(namespace="team-a", labels={}))[0]
    assert isinstance(write, WriteStatus)
    assert write.status["reason"] == "LocationNotAllowed"
    driver.accept(write, a_recording())
    assert only(driver.wait(61), ReadNamespace)
    driver.tell(NamespaceSeen(namespace="team-a", labels={"tier": "gold"}))

    assert driver.engine.state.slots.running.keys() == {(UID, "video"), (uid_of(2), "video")}


def test_old_labels_of_a_namespace_that_is_not_admitted_by_name_are_no_reason_to_spin() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location("vault", allowed=gold().spec.allowed_namespaces), ready=True))
    driver.tell(LocationSeen(location=a_location(namespaces=["others"]), ready=True))
    driver.tell(RecordingSeen(recording=a_recording(location="vault")), NamespaceSeen(namespace="team-a", labels={}))
    driver.wait(120)

    driver.tell(RecordingSeen(recording=a_recording(number=2)))

    due = driver.engine.next_due()
    assert due is None or due > driver.now


# Secrets


def waiting_for_secret(driver: Driver) -> Recording:
    recording = driver.claimed(a_recording(an_artifact(secret="source")))
    return driver.accept(only(driver.end(recording, failure(Reason.SECRET_NOT_FOUND)), WriteStatus), recording)


def resolved(revision: str | None, reason: Reason = Reason.SECRET_NOT_FOUND) -> SourceResolved:
    return SourceResolved(uid=UID, artifact="video", revision=revision, failure=None if revision else failure(reason))


def test_a_missing_secret_is_looked_for_without_slot_or_write_until_it_is_there() -> None:
    driver = Driver()
    recording = waiting_for_secret(driver)
    assert not driver.engine.state.slots.running

    polls = 0
    for _ in range(5):
        polls += len([only(driver.wait(61), ResolveSource)])
        assert driver.tell(resolved(None)) == []
    revision = resolved_revision(UID, recording.spec.artifacts[0], url="https://media.example.com", headers={})
    driver.wait(61)
    write = only(driver.tell(resolved(revision)), WriteStatus)

    assert polls == 5
    assert write.status["phase"] == "Uploading"


def test_one_look_at_a_secret_at_a_time() -> None:
    driver = Driver()
    recording = waiting_for_secret(driver)
    only(driver.wait(6), ResolveSource)

    assert none(driver.tell(RecordingSeen(recording=newer(recording, priority=3))), ResolveSource)
    assert none(driver.wait(600), ResolveSource)


def test_a_look_that_is_answered_while_the_artifact_moves_again_stops_no_later_look() -> None:
    driver = Driver()
    recording = waiting_for_secret(driver)
    only(driver.wait(6), ResolveSource)
    again = newer(recording, retry_token="again")
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=again)), WriteStatus), again)

    driver.tell(resolved(None))
    driver.end(recording, failure(Reason.SECRET_NOT_FOUND))

    assert only(driver.wait(11), ResolveSource)


def test_an_api_server_that_does_not_answer_says_nothing_about_the_secret() -> None:
    driver = Driver()
    waiting_for_secret(driver)
    only(driver.wait(6), ResolveSource)

    assert driver.tell(resolved(None, Reason.INTERRUPTED)) == []
    assert only(driver.wait(61), ResolveSource)


# The clock


def test_a_clock_set_back_an_hour_makes_no_write_wait_an_hour() -> None:
    driver = Driver()
    recording = moving(driver)
    driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=8, bytes_total=80))

    driver.now = START - timedelta(hours=1)
    driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=16, bytes_total=80))

    write = only(driver.wait(1), WriteStatus)
    assert driver.accept(write, recording).status.bytes_done == 16


# ttlAfterFinished


def test_when_its_time_is_over_the_finalizer_goes_first_and_the_objects_stay() -> None:
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
    assert driver.engine.state.entries == {}


def test_an_edit_at_the_last_moment_saves_it() -> None:
    driver = Driver()
    old = finished(ttl=timedelta(hours=1))
    driver.tell(RecordingSeen(recording=old))
    only(driver.wait(3600), DeleteRecording)

    driver.tell(RecordingSeen(recording=newer(old, ttl_after_finished=timedelta(hours=9))))
    write = only(driver.tell(WriteRefused(uid=UID, conflict=True)), WriteStatus)

    assert write.status["observedGeneration"] == 2
    assert none(driver.wait(4 * 3600), DeleteRecording)


def test_a_delete_without_answer_is_asked_again() -> None:
    driver = Driver()
    driver.tell(RecordingSeen(recording=finished(ttl=timedelta(hours=1))))
    only(driver.wait(3600), DeleteRecording)

    assert driver.tell(WriteRefused(uid=UID)) == []

    assert only(driver.wait(6), DeleteRecording)


# Deletion


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
    write = only(driver.tell(CleanedUp(uid=UID, ok=True)), WriteFinalizers)

    assert write.finalizers == ()
    driver.tell(Written(uid=UID, recording=applied(write, recording)))
    assert driver.engine.state.entries == {}
    assert not driver.engine.state.slots.running


def test_k9_deleted_between_the_end_of_the_transfer_and_its_write_takes_exactly_that_version() -> None:
    driver = Driver()
    recording = held(driver)
    driver.end(recording, STORED)

    driver.tell(RecordingSeen(recording=deleting(newer(recording))))
    clean = only(driver.tell(WriteRefused(uid=UID, conflict=True)), CleanUp)

    assert [(one.version_id, one.delete_object) for one in clean.artifacts] == [("v1", True)]


def test_a_retained_recording_loses_its_upload_and_nothing_else() -> None:
    driver = Driver()
    recording = moving(driver, a_recording(an_artifact(), an_artifact("notes")))
    driver.end(recording, STORED, artifact="notes")

    driver.tell(RecordingGone(uid=UID))
    clean = only(driver.tell(STOPPED), CleanUp)

    assert [(one.name, one.delete_object) for one in clean.artifacts] == [("video", False)]


def test_k10_a_finalizer_stripped_by_a_person_is_no_order_to_delete_objects() -> None:
    driver = Driver()
    recording = held(driver)
    driver.tell(RecordingSeen(recording=deleting(recording)), RecordingGone(uid=UID))

    clean = only(driver.tell(STOPPED), CleanUp)

    assert not any(one.delete_object for one in clean.artifacts)


def test_c17_where_the_location_forbids_it_the_objects_stay_and_an_event_says_so_once() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(policies=[DeletionPolicy.RETAIN]), ready=True))
    recording = deleting(held(driver))
    driver.tell(RecordingSeen(recording=recording))

    clean = only(driver.tell(STOPPED), CleanUp)
    driver.tell(CleanedUp(uid=UID, ok=False))
    again = only(driver.wait(6), CleanUp)

    assert not any(one.delete_object for one in (*clean.artifacts, *again.artifacts))
    warnings = [action for action in driver.actions if isinstance(action, EmitEvent) and action.warning]
    assert [action.reason for action in warnings] == [Reason.DELETION_POLICY_NOT_ALLOWED]


@pytest.mark.parametrize("conflict", [True, False])
def test_a_refused_release_of_the_finalizer_is_tried_again(conflict: bool) -> None:
    driver = Driver()
    recording = deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))
    driver.tell(RecordingSeen(recording=recording))
    only(driver.tell(CleanedUp(uid=UID, ok=True)), WriteFinalizers)

    driver.tell(WriteRefused(uid=UID, conflict=conflict))
    if conflict:
        driver.tell(RecordingRead(uid=UID, recording=newer(recording)))
    driver.wait(10)

    versions = [action.resource_version for action in driver.actions if isinstance(action, WriteFinalizers)]
    assert versions == (["2", "3"] if conflict else ["2", "2"])


def test_t24_cleaning_up_is_tried_again_whatever_else_wakes_the_recording() -> None:
    driver = Driver()
    recording = deleting(held(driver))
    driver.tell(TransferProgress(uid=UID, artifact="video", bytes_done=1, bytes_total=80))
    driver.tell(RecordingSeen(recording=recording), STOPPED)

    for expected_s in (5, 10, 20):
        driver.tell(CleanedUp(uid=UID, ok=False))
        assert none(driver.wait(expected_s - 1), CleanUp)
        assert only(driver.wait(1), CleanUp)


def test_a_location_that_never_comes_back_holds_nothing_for_ever() -> None:
    driver = Driver()
    recording = deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))
    driver.tell(LocationGone(name="archive"), RecordingSeen(recording=recording))
    assert none(driver.wait(3500), WriteFinalizers)

    actions = driver.wait(200)

    assert only(actions, WriteFinalizers).finalizers == ()
    assert only(actions, EmitEvent).reason == Reason.DELETION_POLICY_NOT_ALLOWED
