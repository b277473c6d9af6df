"""A deletion that is given up: the finalizer goes, the objects stay, and each of them is reported."""

from datetime import timedelta

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.engine.actions import CleanUp, LeftObject, ReportLeftObjects, WriteFinalizers, WriteStatus
from recording_operator.engine.facts import CleanupEnded, LocationGone, RecordingSeen
from tests.engine.builders import START
from tests.engine.driver import Driver, deleting, newer, none, only
from tests.engine.scenes import UID, finished

AFTER = timedelta(hours=3)
LOCKED = CleanupEnded(
    uid=UID, ok=False, reason=Reason.RETENTION_IN_FORCE, detail="The object is protected until 2027-01-01 00:00 UTC."
)
DENIED = CleanupEnded(uid=UID, ok=False, reason=Reason.STORE_DENIED, detail="The store does not permit this.")
BUSY = CleanupEnded(uid=UID, ok=False, reason=Reason.STORE_UNAVAILABLE, detail="The store failed.")


def deleted() -> Recording:
    """A stored Recording whose deletion was requested at START."""
    return deleting(finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER]))


def blocked(answer: CleanupEnded, *, gives_up_after: timedelta | None = AFTER) -> tuple[Driver, Recording]:
    """A Recording whose objects could not be removed, with that status."""
    driver = Driver(gives_up_after=gives_up_after)
    recording = deleted()
    only(driver.tell(RecordingSeen(recording=recording)), CleanUp)
    return driver, driver.accept(only(driver.tell(answer), WriteStatus), recording)


def keep_failing(driver: Driver, answer: CleanupEnded, *, seconds: float) -> int:
    """Let time pass; each removal fails. Returns how many there were."""
    end, tries = driver.now + timedelta(seconds=seconds), 0
    while driver.now < end:
        begun = [action for action in driver.wait(60) if isinstance(action, CleanUp)]
        tries += len(begun)
        if begun:
            driver.tell(answer)
    return tries


def reported(driver: Driver) -> ReportLeftObjects:
    return only(driver.actions, ReportLeftObjects)


def test_t62_retention_is_reported_at_once_with_its_end_and_retried_rarely() -> None:
    driver, recording = blocked(LOCKED)
    assert recording.status.reason == Reason.DELETION_BLOCKED
    message = str(recording.status.message)
    assert "protected until 2027-01-01" in message
    assert "deletionPolicy to Retain" in message
    assert "3h after its deletion, the Recording is removed, and its objects stay." in message
    assert keep_failing(driver, LOCKED, seconds=3600) in (4, 5)


def test_t62_retention_that_ends_lets_the_deletion_end() -> None:
    driver, _ = blocked(LOCKED)
    only(driver.wait(15 * 60), CleanUp)
    write = only(driver.tell(CleanupEnded(uid=UID, ok=True)), WriteStatus)
    driver.accept(write, driver.engine.state.recordings[UID].recording)
    assert only(driver.actions, WriteFinalizers).finalizers == ()
    assert none(driver.actions, ReportLeftObjects)


def test_t62_after_the_time_of_the_settings_the_recording_goes_and_its_objects_are_reported() -> None:
    driver, recording = blocked(DENIED)
    keep_failing(driver, DENIED, seconds=AFTER.total_seconds() - 120)
    assert none(driver.actions, ReportLeftObjects, WriteFinalizers)

    keep_failing(driver, DENIED, seconds=240)

    report = reported(driver)
    [artifact] = recording.status.artifacts
    assert report.objects == (LeftObject(artifact="video", address=str(artifact.key), version_id=artifact.version_id),)
    assert report.reason is Reason.STORE_DENIED
    assert "1 object stays in the store: they could not be deleted within 3h" in report.note
    assert "The store does not permit this." in report.note
    writes = [action for action in driver.actions if isinstance(action, WriteStatus)]
    driver.accept(writes[-1], recording)
    assert only(driver.actions, WriteFinalizers).finalizers == ()


def test_t62_the_manifest_stays_too() -> None:
    driver = Driver(gives_up_after=AFTER)
    recording = deleted()
    uri = "s3://bucket-archive/p/metadata.json"
    with_manifest = recording.status.model_copy(update={"manifest_uri": uri, "manifest_revision": "r"})
    driver.tell(RecordingSeen(recording=recording.model_copy(update={"status": with_manifest})))
    driver.tell(DENIED)
    keep_failing(driver, DENIED, seconds=AFTER.total_seconds() + 120)

    report = reported(driver)
    assert report.objects[1:] == (LeftObject(artifact="metadata.json", address=uri, version_id=None),)
    assert "2 objects stay in the store" in report.note


def test_t62_without_the_setting_nothing_is_given_up() -> None:
    driver, _ = blocked(DENIED, gives_up_after=None)
    driver.now += timedelta(days=400)
    keep_failing(driver, DENIED, seconds=3600)
    assert none(driver.actions, ReportLeftObjects, WriteFinalizers)


def test_t62_the_time_counts_from_the_request_and_a_new_operator_tries_once_more() -> None:
    driver, recording = blocked(DENIED)
    successor = Driver(gives_up_after=AFTER)
    successor.now = START + AFTER + timedelta(hours=1)

    only(successor.tell(RecordingSeen(recording=recording)), CleanUp)
    assert none(successor.actions, ReportLeftObjects)
    successor.tell(DENIED)
    successor.wait(60)

    assert reported(successor).reason is Reason.STORE_DENIED
    assert none(driver.actions, ReportLeftObjects)


def test_t62_a_store_that_fails_for_a_moment_gives_nothing_up() -> None:
    driver = Driver(gives_up_after=AFTER)
    driver.now = START + AFTER + timedelta(hours=1)
    only(driver.tell(RecordingSeen(recording=deleted())), CleanUp)
    driver.tell(BUSY)
    only(driver.wait(5), CleanUp)
    driver.tell(CleanupEnded(uid=UID, ok=True))
    assert none(driver.actions, ReportLeftObjects)
    assert only(driver.actions, WriteFinalizers)


def test_t62_objects_that_a_person_keeps_are_not_reported() -> None:
    driver, recording = blocked(DENIED)
    edited = newer(recording, deletion_policy=DeletionPolicy.RETAIN)
    driver.accept(only(driver.tell(RecordingSeen(recording=edited)), WriteStatus), edited)
    driver.wait(AFTER.total_seconds())
    assert none(driver.actions, ReportLeftObjects)


def test_t62_objects_without_a_location_are_reported_too() -> None:
    driver = Driver()
    driver.tell(LocationGone(name="archive"))
    recording = deleted()
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)
    driver.wait(3 * 3600)
    report = reported(driver)
    assert report.reason is Reason.LOCATION_NOT_FOUND
    assert [found.address for found in report.objects] == [str(recording.status.artifacts[0].key)]
