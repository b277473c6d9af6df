"""The engine's requests to the API server: one at a time, and the effect of each response or missing response."""

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, SourceFacts
from recording_operator.engine.actions import (
    ConfirmLeadership,
    EmitEvent,
    ReadRecording,
    StartTransfer,
    UploadPersisted,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import (
    LeadershipConfirmed,
    LocationSeen,
    RecordingRead,
    RecordingSeen,
    TransferProgress,
    UploadCreated,
    WriteRejected,
)
from tests.engine.builders import a_location, a_recording
from tests.engine.driver import Driver, applied, newer, none, only
from tests.engine.scenes import CONFLICT, NO_RESPONSE, UID, claimed_by


def test_a_small_recording_costs_two_writes_and_two_events() -> None:
    driver = Driver()

    recording = driver.claimed(a_recording())
    recording = driver.accept(only(driver.end(recording), WriteStatus), recording)
    driver.tell(RecordingSeen(recording=recording))
    driver.wait(3600)

    assert recording.status.phase is Phase.COMPLETE
    assert sum(isinstance(action, WriteStatus) for action in driver.actions) == 2
    assert [action.reason for action in driver.actions if isinstance(action, EmitEvent)] == ["Uploading", "Stored"]
    assert driver.engine.state.recordings == {}
    assert driver.engine.next_due() is None


def test_nothing_starts_before_the_claim_is_accepted() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)

    assert driver.started == []
    assert write.status["claim"] == {"holder": "op-a", "transitions": 5}
    driver.accept(write, a_recording())
    assert driver.started == ["video"]


def test_the_loser_of_racing_claims_reads_and_does_not_start() -> None:
    driver = Driver(a_recording())

    assert only(driver.tell(CONFLICT), ReadRecording).ref.uid == UID
    winner = claimed_by(Claim(holder="op-b", transitions=5), version=2)

    assert only(driver.tell(RecordingRead(uid=UID, recording=winner)), ConfirmLeadership).uid == UID
    assert driver.started == []


def test_an_older_claim_is_overruled_without_asking() -> None:
    driver = Driver()

    write = only(driver.tell(RecordingSeen(recording=claimed_by(Claim(holder="op-b", transitions=4)))), WriteStatus)

    assert write.status["claim"]["holder"] == "op-a"


def test_a_claim_as_new_as_ours_is_overruled_after_a_read_of_the_lease() -> None:
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


def test_an_edit_seen_during_a_write_takes_effect_after_it() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    claimed = applied(write, a_recording())

    assert driver.tell(RecordingSeen(recording=newer(claimed, suspend=True))) == []
    driver.accept(write, a_recording())

    assert none(driver.actions, StartTransfer)
    assert driver.engine.state.recordings[UID].recording.spec.suspend


def test_a_conflict_with_what_was_seen_meanwhile_needs_no_read() -> None:
    driver = Driver(a_recording())
    driver.tell(RecordingSeen(recording=newer(a_recording(), by=3, priority=7)))

    actions = driver.tell(CONFLICT)

    assert none(actions, ReadRecording)
    assert only(actions, WriteStatus).resource_version == "4"


def test_an_echo_does_not_count_as_the_response_to_a_read() -> None:
    driver = Driver(a_recording())
    driver.tell(CONFLICT)

    assert driver.tell(RecordingSeen(recording=a_recording())) == []
    assert (
        only(driver.tell(RecordingRead(uid=UID, recording=newer(a_recording()))), WriteStatus).resource_version == "2"
    )


def test_a_read_without_response_is_repeated_before_anything_is_written() -> None:
    driver = Driver(a_recording())
    driver.tell(CONFLICT)

    assert driver.tell(NO_RESPONSE) == []
    actions = driver.wait(6)

    assert only(actions, ReadRecording)
    assert none(actions, WriteStatus)


def test_k6_a_flooded_api_server_gets_the_time_that_it_asks_for() -> None:
    driver = Driver(a_recording())
    driver.tell(WriteRejected(uid=UID, retry_after_s=40, detail="TooManyRequests"))

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


def test_a_write_whose_response_was_lost_is_recognised() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    driver.tell(NO_RESPONSE)

    actions = driver.tell(RecordingSeen(recording=applied(write, a_recording())))

    assert driver.started == ["video"]
    assert only(actions, EmitEvent).reason == Reason.UPLOADING
    assert none(actions, WriteStatus, ConfirmLeadership)


def test_what_was_written_without_response_is_replaced_when_it_is_outdated() -> None:
    ready, not_ready = (LocationSeen(location=a_location(), ready=ready) for ready in (True, False))
    driver = Driver()
    driver.tell(not_ready)
    waits = driver.accept(only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus), a_recording())
    begun = applied(only(driver.tell(ready), WriteStatus), waits)
    driver.tell(NO_RESPONSE, not_ready)

    assert only(driver.wait(6), ReadRecording)
    driver.tell(RecordingRead(uid=UID, recording=begun))
    write = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]

    assert begun.status.reason == Reason.UPLOADING
    assert write.status["reason"] == waits.status.reason == Reason.LOCATION_NOT_READY


def test_an_upload_is_in_the_status_before_its_first_part_even_if_the_response_is_lost() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    created = UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=80))
    write = only(driver.tell(created), WriteStatus)
    assert write.status["artifacts"][0]["uploadId"] == "u1"

    assert none(driver.tell(NO_RESPONSE), UploadPersisted)
    actions = driver.tell(RecordingSeen(recording=applied(write, recording)))

    assert only(actions, UploadPersisted).artifact == "video"


def test_an_upload_that_is_not_in_the_write_under_way_has_to_wait_for_the_next() -> None:
    driver = Driver()
    recording = driver.claimed(a_recording())
    driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=1, total_bytes=9))
    write = only(driver.wait(11), WriteStatus)
    driver.tell(UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=9)))

    driver.accept(write, recording)

    assert none(driver.actions, UploadPersisted)


def test_the_finalizer_is_set_before_any_transfer() -> None:
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


def test_after_a_restart_thresholds_are_not_reported_again() -> None:
    driver = Driver()

    driver.claimed(claimed_by(Claim(holder="op-b", transitions=4)))

    assert driver.started == ["video"]
    assert none(driver.actions, EmitEvent)
