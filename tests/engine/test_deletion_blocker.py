"""A deletion that the store prevents: it is reported, the location is checked, and the deletion ends when it can."""

import pytest

from recording_operator.api.meta import ConditionStatus, DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.engine.actions import (
    CleanUp,
    EmitEvent,
    EmitLocationEvent,
    ProbeLocation,
    ReportLeftObjects,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import CleanupEnded, LocationGone, LocationSeen, RecordingSeen
from tests.engine.builders import a_location
from tests.engine.driver import Driver, applied, deleting, newer, none, only
from tests.engine.scenes import UID, finished

NO_BUCKET = CleanupEnded(uid=UID, ok=False, reason=Reason.BUCKET_NOT_FOUND, detail="The bucket does not exist.")
DENIED = CleanupEnded(uid=UID, ok=False, reason=Reason.STORE_DENIED, detail="The store does not permit this.")
BUSY = CleanupEnded(uid=UID, ok=False, reason=Reason.STORE_UNAVAILABLE, detail="The store failed.")


def found(reason: Reason) -> LocationSeen:
    """The result of the location's check."""
    return LocationSeen(
        location=a_location(), ready=reason is Reason.PROBE_SUCCEEDED, message=f"{reason}.", reason=reason
    )


def being_deleted(driver: Driver) -> Recording:
    """A stored Recording whose objects are being removed at this moment."""
    recording = deleted()
    only(driver.tell(RecordingSeen(recording=recording)), CleanUp)
    return recording


def not_removed(driver: Driver, answer: CleanupEnded) -> Recording:
    """A Recording whose objects could not be removed, with that status."""
    recording = being_deleted(driver)
    return driver.accept(only(driver.tell(answer), WriteStatus), recording)


def blocked(recording: Recording) -> tuple[ConditionStatus, str] | None:
    """Status and reason of the condition."""
    return next(
        ((one.status, one.reason) for one in recording.status.conditions if one.type == "DeletionBlocked"), None
    )


def test_t60_a_denied_deletion_is_reported_and_the_location_is_checked_again() -> None:
    driver = Driver()
    recording = being_deleted(driver)

    actions = driver.tell(DENIED)

    assert only(actions, ProbeLocation).name == "archive"
    event, about = only(actions, EmitEvent), only(actions, EmitLocationEvent)
    assert (event.reason, event.warning, about.reason) == (Reason.DELETION_BLOCKED, True, Reason.DELETION_BLOCKED)
    assert "deletionPolicy to Retain" in event.note
    after = applied(only(actions, WriteStatus), recording)
    assert blocked(after) == (ConditionStatus.TRUE, Reason.STORE_DENIED)
    assert (after.status.phase, after.status.reason) == (recording.status.phase, Reason.DELETION_BLOCKED)
    assert "does not permit" in str(after.status.message)


def test_t60_it_is_retried_without_a_limit_and_reported_once() -> None:
    driver = Driver()
    not_removed(driver, DENIED)
    driver.tell(found(Reason.ACCESS_DENIED))
    tries = 0
    for _ in range(100):
        tries += sum(isinstance(action, CleanUp) for action in driver.wait(60))
        driver.tell(DENIED)

    assert tries > 90
    assert none(driver.actions, WriteFinalizers)
    assert len([action for action in driver.actions if isinstance(action, EmitLocationEvent)]) <= 2
    assert len([action for action in driver.actions if isinstance(action, EmitEvent)]) <= 2
    assert len([action for action in driver.actions if isinstance(action, ProbeLocation)]) == 1


def test_t60_a_location_that_works_again_is_used_at_once_and_the_condition_goes_first() -> None:
    driver = Driver()
    recording = not_removed(driver, DENIED)
    driver.tell(found(Reason.CREDENTIALS_INVALID))

    only(driver.tell(found(Reason.PROBE_SUCCEEDED)), CleanUp)
    write = only(driver.tell(CleanupEnded(uid=UID, ok=True)), WriteStatus)
    assert blocked(applied(write, recording)) == (ConditionStatus.FALSE, Reason.DELETING)
    driver.accept(write, recording)

    assert only(driver.actions, WriteFinalizers).finalizers == ()


def deleted() -> Recording:
    """As being_deleted made it."""
    return deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))


def test_t61_without_a_bucket_the_recording_goes_once_the_location_s_own_check_agrees() -> None:
    driver = Driver()
    not_removed(driver, NO_BUCKET)
    assert none(driver.wait(4), WriteFinalizers)
    driver.tell(found(Reason.BUCKET_NOT_FOUND))
    only(driver.wait(2), CleanUp)

    actions = driver.tell(NO_BUCKET)

    assert only(actions, EmitEvent).reason == Reason.BUCKET_NOT_FOUND
    driver.accept(only(actions, WriteStatus), driver.engine.state.recordings[UID].recording)
    assert only(driver.actions, WriteFinalizers).finalizers == ()


@pytest.mark.parametrize(
    "check", [Reason.ACCESS_DENIED, Reason.ENDPOINT_UNREACHABLE, Reason.CREDENTIALS_INVALID, Reason.PROBE_SUCCEEDED]
)
def test_t61_a_bucket_that_only_the_deletion_does_not_find_releases_nothing(check: Reason) -> None:
    driver = Driver()
    not_removed(driver, NO_BUCKET)
    driver.tell(found(check))
    for _ in range(20):
        driver.wait(60)
        driver.tell(NO_BUCKET)

    assert none(driver.actions, WriteFinalizers)


@pytest.mark.parametrize("last", [DENIED, BUSY])
def test_t61_a_bucket_that_only_the_check_does_not_find_releases_nothing(last: CleanupEnded) -> None:
    driver = Driver()
    being_deleted(driver)
    driver.tell(last)
    driver.tell(found(Reason.BUCKET_NOT_FOUND))
    for _ in range(20):
        driver.wait(60)
        driver.tell(last)

    assert none(driver.actions, WriteFinalizers)


def test_t61_another_bucket_than_the_one_that_holds_the_objects_releases_nothing() -> None:
    driver = Driver()
    recording = deleted()
    status = recording.status.model_copy(update={"bucket": "of-another-time"})
    driver.tell(RecordingSeen(recording=recording.model_copy(update={"status": status})))
    for _ in range(5):
        driver.tell(NO_BUCKET, found(Reason.BUCKET_NOT_FOUND))
        driver.wait(60)

    assert none(driver.actions, WriteFinalizers)


def test_t60_a_new_operator_keeps_the_condition_until_the_next_result() -> None:
    driver = Driver()
    recording = being_deleted(driver)
    told = applied(only(driver.tell(DENIED), WriteStatus), recording)

    successor = Driver()
    successor.tell(found(Reason.ENDPOINT_UNREACHABLE), RecordingSeen(recording=told))
    assert none(successor.wait(30), WriteStatus)
    written = [action for action in successor.tell(BUSY) if isinstance(action, WriteStatus)]

    assert [blocked(applied(write, told)) for write in written] == [(ConditionStatus.TRUE, Reason.ENDPOINT_UNREACHABLE)]


def test_t60_a_store_that_fails_for_a_moment_is_not_reported() -> None:
    driver = Driver()
    being_deleted(driver)
    driver.tell(BUSY)
    only(driver.wait(5), CleanUp)

    driver.tell(CleanupEnded(uid=UID, ok=True))

    assert none(driver.actions, EmitEvent, EmitLocationEvent, WriteStatus)
    assert only(driver.actions, WriteFinalizers)


def test_t60_a_store_that_keeps_failing_is_reported() -> None:
    driver = Driver()
    being_deleted(driver)
    driver.tell(BUSY)
    driver.wait(5)
    driver.tell(BUSY)
    driver.wait(10)

    assert only(driver.tell(BUSY), EmitEvent).reason == Reason.DELETION_BLOCKED


def test_t60_a_person_may_let_the_objects_stay() -> None:
    driver = Driver()
    recording = not_removed(driver, DENIED)
    edited = newer(recording, deletion_policy=DeletionPolicy.RETAIN)

    write = only(driver.tell(RecordingSeen(recording=edited)), WriteStatus)
    driver.accept(write, edited)

    assert only(driver.actions, WriteFinalizers).finalizers == ()


def test_t60_the_objects_may_stay_also_where_the_location_is_gone() -> None:
    driver = Driver()
    driver.tell(LocationGone(name="archive"))
    recording = deleted()
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)
    edited = newer(recording, deletion_policy=DeletionPolicy.RETAIN)

    driver.accept(only(driver.tell(RecordingSeen(recording=edited)), WriteStatus), edited)

    assert only(driver.actions, WriteFinalizers).finalizers == ()


def test_t60_a_location_created_again_with_another_bucket_does_not_show_that_objects_are_removed() -> None:
    driver = Driver()
    recording = in_bucket("of-another-time")

    actions = driver.tell(RecordingSeen(recording=recording))

    assert none(actions, CleanUp)
    assert "of-another-time" in only(actions, EmitEvent).note
    recording = driver.accept(only(actions, WriteStatus), recording)
    assert blocked(recording) == (ConditionStatus.TRUE, Reason.LOCATION_NOT_FOUND)
    driver.wait(driver.engine.state.options.give_up_cleaning_after.total_seconds() - 60)
    assert none(driver.actions, WriteFinalizers)

    write = only(driver.wait(600), WriteStatus)
    driver.accept(write, recording)
    assert only(driver.actions, WriteFinalizers).finalizers == ()
    assert only(driver.actions, ReportLeftObjects).reason is Reason.LOCATION_NOT_FOUND


def test_t60_the_location_that_holds_the_objects_removes_them_once_it_is_back() -> None:
    driver = Driver()
    recording = in_bucket("of-another-time")
    driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)
    there = a_location()
    s3 = there.store.model_copy(update={"bucket": "of-another-time"})
    there = there.model_copy(update={"spec": there.spec.model_copy(update={"s3": s3})})

    actions = driver.tell(LocationSeen(location=there, ready=True, reason=Reason.PROBE_SUCCEEDED))

    assert only(actions, CleanUp).location.store.bucket == "of-another-time"


def in_bucket(name: str) -> Recording:
    """A stored Recording that is being deleted, its objects in this bucket."""
    recording = deleted()
    status = recording.status.model_copy(update={"bucket": name})
    return recording.model_copy(update={"status": status})
