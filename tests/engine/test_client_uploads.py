"""Files that clients send: an artifact waits for its client without a slot, and ends if the client does not come."""

from datetime import timedelta

import pytest

from recording_operator.api.quotas import Quota
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase, Recording, SourceFacts, SourceUpload
from recording_operator.api.source_upload import UploadFinish
from recording_operator.api.storagelocation_lifecycle import Lifecycle, LifecycleRule
from recording_operator.engine.actions import AbortUpload, Action, CleanUp, StartTransfer, StopTransfer, WriteStatus
from recording_operator.engine.client_uploads import LONGEST_BETWEEN_LISTINGS
from recording_operator.engine.facts import (
    AbortEnded,
    ClientAwaited,
    LocationSeen,
    OwnerUsage,
    RecordingSeen,
    TransferEnded,
    TransferFailed,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
    UsageCountBegan,
    UsageCounted,
)
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_location, a_recording, an_artifact, an_artifact_status
from tests.engine.driver import CLAIM, STORED, Driver, deleting, newer, none, only

HOUR = 3600
OPEN = ClientAwaited(stored_bytes=0)
UPLOAD = SourceUpload(max_size=1000, expires_after=timedelta(hours=2))


def waiting_for(upload: SourceUpload = UPLOAD, **fields: object) -> Recording:
    """A Recording of one file that a client sends."""
    return a_recording(an_artifact(upload=upload), **fields)  # type: ignore[arg-type]


def finished(recording: Recording, size: int = 600) -> Recording:
    """The client has set `finish`."""
    [artifact] = recording.spec.artifacts
    assert artifact.source is not None
    upload = UPLOAD.model_copy(update={"finish": UploadFinish(size=size)})
    changed = artifact.model_copy(update={"source": artifact.source.model_copy(update={"upload": upload})})
    return newer(recording, artifacts=(changed,))


def opened(driver: Driver, recording: Recording | None = None) -> Recording:
    """The upload of a Recording is open, and the API server shows it."""
    seen = driver.claimed(recording or waiting_for())
    uid = seen.metadata.uid
    created = UploadCreated(uid=uid, artifact="video", upload_id="u1", part_size_bytes=100, source=SourceFacts())
    seen = driver.accept(only(driver.tell(created), WriteStatus), seen)
    return awaited(driver, seen)


def awaited(driver: Driver, seen: Recording, outcome: ClientAwaited = OPEN) -> Recording:
    """The transfer has ended without a file."""
    return driver.accept(only(driver.tell(ended(seen, outcome)) + driver.wait(1), WriteStatus), seen)


def ended(
    seen: Recording, outcome: TransferSucceeded | TransferFailed | TransferStopped | ClientAwaited
) -> TransferEnded:
    return TransferEnded(uid=seen.metadata.uid, artifact="video", outcome=outcome)


def state_of(recording: Recording) -> ArtifactStatus:
    [status] = recording.status.artifacts
    return status


def restarted(seen: Recording) -> Driver:
    """Another operator, which sees the Recording first."""
    return Driver(seen, claim=CLAIM.model_copy(update={"transitions": 6}))


def test_an_open_upload_is_shown_and_costs_neither_slot_nor_attempt() -> None:
    driver = Driver(capacity=Capacity(total=1, per_namespace=1))
    seen = opened(driver)
    status = state_of(seen)
    assert (status.phase, status.reason, status.attempts) == (Phase.PENDING, Reason.WAITING_FOR_UPLOAD, 0)
    assert (status.upload_id, status.part_size) == ("u1", 100)
    assert status.upload_expires_at is not None
    assert timedelta(0) <= status.upload_expires_at - (START + timedelta(hours=2)) < timedelta(seconds=5)
    assert status.message == (
        f"A client has to send the file and then to set source.upload.finish, until "
        f"{status.upload_expires_at:%Y-%m-%dT%H:%M:%SZ}."
    )
    assert (seen.status.reason, seen.status.claim) == (Reason.WAITING_FOR_UPLOAD, None)
    other = driver.claimed(a_recording(number=2))
    assert driver.started == ["video", "video"]
    assert other.metadata.uid != seen.metadata.uid
    assert none(driver.wait(HOUR), StartTransfer)


def test_a_client_has_no_more_time_than_the_rule_that_aborts_uploads_leaves() -> None:
    driver, location = Driver(), a_location()
    rules = (
        LifecycleRule(prefix="other/", abort_incomplete_after_days=1),
        LifecycleRule(abort_incomplete_after_days=2),
    )
    spec = location.spec.model_copy(update={"lifecycle": Lifecycle(rules=rules)})
    driver.tell(LocationSeen(location=location.model_copy(update={"spec": spec}), ready=True))
    seen = opened(driver, waiting_for(UPLOAD.model_copy(update={"expires_after": timedelta(days=7)})))
    expires_at = state_of(seen).upload_expires_at
    assert expires_at is not None
    assert timedelta(0) <= expires_at - (START + timedelta(days=2)) < timedelta(seconds=5)


def test_finish_starts_a_transfer_with_the_upload() -> None:
    driver = Driver()
    seen = finished(opened(driver))
    done = driver.claimed(seen)
    started = [action for action in driver.actions if isinstance(action, StartTransfer)][-1]
    assert (started.upload_id, started.part_size_bytes) == ("u1", 100)
    written = only(driver.tell(ended(done, STORED)) + driver.wait(1), WriteStatus)
    assert written.status["phase"] == "Complete"
    [artifact] = written.status["artifacts"]
    assert not {"uploadId", "partSize", "uploadExpiresAt"} & artifact.keys()


def test_finish_that_comes_while_the_upload_is_being_opened_is_not_missed() -> None:
    driver = Driver()
    seen = driver.claimed(waiting_for())
    driver.tell(RecordingSeen(recording=finished(seen)))
    driver.tell(ended(seen, OPEN))
    driver.wait(1)
    assert driver.started == ["video", "video"]


def test_an_upload_that_expires_is_aborted() -> None:
    driver = Driver()
    seen = opened(driver)
    write = only(driver.wait(2 * HOUR + 5), WriteStatus)
    assert write.status["artifacts"][0]["reason"] == "UploadExpired"
    driver.accept(write, seen)
    abort = only(driver.actions, AbortUpload)
    assert abort.upload_id == "u1"
    write = only(driver.tell(AbortEnded(uid=abort.uid, artifact="video", ok=True)), WriteStatus)
    assert write.status["phase"] == "Failed"
    assert "uploadId" not in write.status["artifacts"][0]


def test_a_client_that_has_finished_in_time_is_served_later() -> None:
    driver = Driver()
    seen = opened(driver)
    driver.tell(LocationSeen(location=a_location(), ready=False))
    write = only(driver.tell(RecordingSeen(recording=finished(seen))) + driver.wait(1), WriteStatus)
    seen = driver.accept(write, finished(seen))
    assert state_of(seen).reason == Reason.LOCATION_NOT_READY
    driver.wait(5 * HOUR)
    driver.tell(LocationSeen(location=a_location(), ready=True))
    assert not [one for one in driver.actions if isinstance(one, WriteStatus) and "UploadExpired" in str(one.status)]


def test_missing_parts_are_waited_for_with_growing_delays_until_the_time_is_over() -> None:
    driver = Driver()
    seen = driver.claimed(finished(opened(driver)))
    lacks = ClientAwaited(stored_bytes=200, missing="4 of 6 parts are missing or incomplete")
    listings = 0
    while True:
        seen = awaited(driver, seen, lacks)
        if state_of(seen).phase is Phase.FAILED:
            break
        assert (state_of(seen).bytes_done, state_of(seen).attempts) == (200, 0)
        assert (state_of(seen).message or "").startswith("The client has finished, but 4 of 6 parts are missing")
        new: list[Action] = []
        while not new:
            new = driver.wait(1)
        seen = driver.accept(only(new, WriteStatus), seen)
        listings += 1
    assert state_of(seen).reason == Reason.UPLOAD_EXPIRED
    assert timedelta(hours=2) <= driver.now - START < timedelta(hours=2, seconds=10)
    assert 20 < listings < 60
    assert only(driver.actions, AbortUpload).upload_id == "u1"


def test_parts_that_were_sent_since_the_last_listing_are_seen_before_an_upload_expires() -> None:
    driver = Driver()
    seen = driver.claimed(finished(opened(driver)))
    lacks = ClientAwaited(stored_bytes=200, missing="4 of 6 parts are missing or incomplete")
    expires_at = START + timedelta(hours=2)
    while driver.now < expires_at:
        seen = awaited(driver, seen, lacks)
        write = only(driver.wait(LONGEST_BETWEEN_LISTINGS.total_seconds() + 1), WriteStatus)
        seen = driver.accept(write, seen)
    assert driver.now - expires_at <= LONGEST_BETWEEN_LISTINGS
    assert none(driver.actions, AbortUpload)
    write = only(driver.tell(ended(seen, STORED)) + driver.wait(1), WriteStatus)
    assert write.status["phase"] == "Complete"


def test_a_listing_that_began_before_the_time_was_over_is_not_the_last_one() -> None:
    driver = Driver()
    lacks = ClientAwaited(stored_bytes=200, missing="4 of 6 parts are missing or incomplete")
    seen = awaited(driver, driver.claimed(finished(opened(driver))), lacks)
    seen = driver.accept(only(driver.wait(10), WriteStatus), seen)
    assert none(driver.wait(3 * HOUR), StartTransfer)
    only(driver.tell(ended(seen, lacks)) + driver.wait(1), StartTransfer)
    assert state_of(awaited(driver, seen, lacks)).reason == Reason.UPLOAD_EXPIRED


def test_suspending_keeps_the_upload_and_resuming_gives_the_whole_time_again() -> None:
    driver = Driver()
    seen = newer(opened(driver), suspend=True)
    seen = driver.accept(only(driver.tell(RecordingSeen(recording=seen)), WriteStatus), seen)
    assert (state_of(seen).reason, state_of(seen).upload_id) == (Reason.SUSPENDED, "u1")
    assert none(driver.wait(10 * HOUR), WriteStatus, AbortUpload)
    seen = driver.claimed(newer(seen, suspend=False))
    seen = awaited(driver, seen)
    expires_at = state_of(seen).upload_expires_at
    assert state_of(seen).reason == Reason.WAITING_FOR_UPLOAD
    assert expires_at is not None
    assert expires_at - driver.now > timedelta(hours=1, minutes=59)


def test_cancelling_aborts_the_upload() -> None:
    driver = Driver()
    seen = newer(opened(driver), cancel=True)
    driver.accept(only(driver.tell(RecordingSeen(recording=seen)), WriteStatus), seen)
    assert only(driver.actions, AbortUpload).upload_id == "u1"


def test_deleting_aborts_the_upload() -> None:
    driver = Driver()
    seen = deleting(opened(driver))
    [artifact] = only(driver.tell(RecordingSeen(recording=seen)), CleanUp).artifacts
    assert artifact.upload_id == "u1"


def test_deleting_while_the_upload_is_being_completed_stops_that() -> None:
    driver = Driver()
    seen = driver.claimed(finished(opened(driver)))
    only(driver.tell(RecordingSeen(recording=deleting(seen))), StopTransfer)
    only(driver.tell(ended(seen, TransferStopped())), CleanUp)


def test_a_retry_opens_a_new_upload_for_the_same_file() -> None:
    driver = Driver()
    seen = driver.claimed(finished(opened(driver)))
    wrong = TransferFailed(reason=Reason.CHECKSUM_MISMATCH, message="wrong")
    seen = driver.accept(only(driver.tell(ended(seen, wrong)), WriteStatus), seen)
    uid = seen.metadata.uid
    seen = driver.accept(only(driver.tell(AbortEnded(uid=uid, artifact="video", ok=True)), WriteStatus), seen)
    assert state_of(seen).phase is Phase.FAILED
    seen = newer(seen, retry_token="again")
    driver.claimed(seen)
    assert [action for action in driver.actions if isinstance(action, StartTransfer)][-1].upload_id is None


def test_another_operator_waits_on() -> None:
    seen = opened(Driver())
    driver = restarted(seen)
    assert none(driver.actions, StartTransfer, AbortUpload)
    assert none(driver.wait(HOUR), StartTransfer, AbortUpload)
    assert "UploadExpired" in str(only(driver.wait(2 * HOUR), WriteStatus).status)


def test_another_operator_looks_at_the_store_before_it_lets_an_upload_expire() -> None:
    """The operator before it may have completed the upload just before it ended."""
    driver = Driver()
    seen = finished(opened(driver))
    seen = driver.claimed(seen)
    seen = awaited(driver, seen, ClientAwaited(stored_bytes=0, missing="parts"))
    seen = driver.accept(only(driver.wait(10), WriteStatus), seen)
    assert seen.status.claim == CLAIM
    late = state_of(seen).model_copy(update={"upload_expires_at": START})
    seen = seen.model_copy(update={"status": seen.status.model_copy(update={"artifacts": (late,)})})
    driver = restarted(seen)
    driver.accept(only(driver.actions, WriteStatus), seen)
    assert driver.started == ["video"]


@pytest.mark.parametrize("hours", [3, 1000])
def test_a_forged_expiry_is_no_later_than_the_spec_allows(hours: int) -> None:
    status = an_artifact_status(
        reason="WaitingForUpload", uploadId="u1", partSize=100, uploadExpiresAt=START + timedelta(hours=hours)
    )
    seen = waiting_for()
    seen = seen.model_copy(update={"status": seen.status.model_copy(update={"artifacts": (status,)})})
    driver = restarted(seen)
    seen = driver.accept(only(driver.actions, WriteStatus), seen)
    assert state_of(seen).upload_expires_at == START + timedelta(hours=2)
    assert "UploadExpired" in str(only(driver.wait(2 * HOUR + 10), WriteStatus).status)


def test_a_waiting_upload_has_its_room_in_the_quota() -> None:
    driver = Driver()
    location = a_location(quotas=(Quota(org="acme", bytes=1500),))
    driver.tell(LocationSeen(location=location, ready=True), UsageCountBegan(locations=frozenset({"archive"})))
    driver.tell(UsageCounted(location="archive", usage=(OwnerUsage("acme", "team-a", 100, 1),)))
    opened(driver)
    other = waiting_for(number=2)
    write = only(driver.tell(RecordingSeen(recording=other)) + driver.wait(1), WriteStatus)
    assert write.status["artifacts"][0]["reason"] == "QuotaExceeded"
