"""The last events of a deleted Recording."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.notification import EventName, Notification
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.api.recording_status import ArtifactStatus
from recording_operator.engine.actions import CleanUp, ReportNotification, SendNotification, WriteFinalizers
from recording_operator.engine.facts import CleanupEnded, LocationSeen, RecordingGone, RecordingSeen
from recording_operator.engine.farewell import FOR_EARLIER_EVENTS, LONGEST
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed, Sink
from tests.engine.builders import a_finished_recording, a_location, an_artifact_status
from tests.engine.driver import Driver, deleting, none, only
from tests.engine.scenes import UID

APP = Sink(namespace="team-a", name="app", events=frozenset({"Deleted"}))
ID = f"{UID}/deleted/1"
COMPLETED = f"{UID}/completed/1"
DELIVERED = NotificationDelivered(uid=UID, sink="app", id=ID)
KEPT_BY_ANOTHER = "others.example/keep"
FAILED = NotificationFailed(uid=UID, sink="app", id=ID, message="503")


STORED = an_artifact_status(phase=Phase.COMPLETE, key="k", uri="s3://b/k", etag="e")


def finished(*, policy: DeletionPolicy = DeletionPolicy.RETAIN, artifact: ArtifactStatus = STORED) -> Recording:
    finalizers = (DELETE_OBJECT_FINALIZER,) if policy is DeletionPolicy.DELETE else ()
    return a_finished_recording(
        deletion_policy=policy, finalizers=finalizers, status={"artifacts": [artifact], "bucket": None}
    )


def cleaned_up(driver: Driver, kept: Recording | None = None) -> Recording:
    """A Recording with deletionPolicy Delete, whose objects are deleted."""
    driver.tell(LocationSeen(location=a_location(policies=(DeletionPolicy.RETAIN, DeletionPolicy.DELETE)), ready=True))
    recording = deleting(kept or finished(policy=DeletionPolicy.DELETE))
    only(driver.tell(RecordingSeen(recording=recording)), CleanUp)
    driver.tell(CleanupEnded(uid=UID, ok=True))
    return recording


def with_finalizers(recording: Recording, *finalizers: str) -> Recording:
    """The Recording with other finalizers."""
    return recording.model_copy(update={"metadata": recording.metadata.model_copy(update={"finalizers": finalizers})})


def sent(driver: Driver) -> list[SendNotification]:
    return [action for action in driver.actions if isinstance(action, SendNotification)]


def test_the_finalizer_stays_until_the_event_is_delivered() -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver)

    assert [(one.id, one.objects_deleted) for one in sent(driver)] == [(ID, True)]
    assert none(driver.actions, WriteFinalizers)
    assert only(driver.tell(DELIVERED), WriteFinalizers).finalizers == ()


def test_a_dead_sink_delays_a_deletion_by_30_seconds_at_most() -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver)
    driver.tell(FAILED)
    driver.wait(6)
    assert len(sent(driver)) == 2

    actions = driver.wait(LONGEST.total_seconds())

    assert only(actions, WriteFinalizers).finalizers == ()
    assert only(actions, ReportNotification).outcome.value == "failed"


def test_without_a_finalizer_it_is_announced_when_it_is_gone() -> None:
    driver = Driver(sinks=(APP,))

    driver.tell(RecordingGone(uid=UID, recording=finished()))

    assert [(one.id, one.objects_deleted) for one in sent(driver)] == [(ID, False)]
    driver.tell(DELIVERED)
    assert UID not in driver.engine.state.recordings


def test_its_end_is_not_announced_twice() -> None:
    driver = Driver(sinks=(APP,))
    recording = cleaned_up(driver)
    driver.tell(DELIVERED)

    driver.tell(RecordingGone(uid=UID, recording=recording), RecordingGone(uid=UID, recording=recording))

    assert len(sent(driver)) == 1


@pytest.mark.parametrize("upload", [None, "an-upload-that-was-aborted"])
def test_a_restarted_operator_does_not_repeat_what_was_sent_before_our_finalizer_was_removed(
    upload: str | None,
) -> None:
    driver = Driver(sinks=(APP,))
    phase = Phase.UPLOADING if upload else Phase.COMPLETE
    recording = finished(policy=DeletionPolicy.DELETE, artifact=an_artifact_status(phase=phase, upload_id=upload))
    waiting = with_a_completed_event_that_waits(recording, driver)
    released = deleting(with_finalizers(waiting, KEPT_BY_ANOTHER))

    driver.tell(RecordingSeen(recording=released), CleanupEnded(uid=UID, ok=True))
    driver.tell(RecordingGone(uid=UID, recording=released))

    assert sent(driver) == []
    assert UID not in driver.engine.state.recordings


def test_objects_whose_finalizer_a_person_removes_are_announced_as_kept() -> None:
    driver = Driver(sinks=(APP,))
    driver.tell(LocationSeen(location=a_location(policies=(DeletionPolicy.RETAIN, DeletionPolicy.DELETE)), ready=True))
    recording = deleting(finished(policy=DeletionPolicy.DELETE))
    driver.tell(RecordingSeen(recording=recording))
    failed = CleanupEnded(uid=UID, ok=False, reason=Reason.STORE_UNAVAILABLE)

    driver.tell(failed, RecordingGone(uid=UID, recording=with_finalizers(recording)))
    driver.wait(60)

    assert [(one.id, one.objects_deleted) for one in sent(driver)] == [(ID, False)]


def test_a_deletion_does_not_wait_for_a_sink_that_does_not_select_it() -> None:
    driver = Driver(sinks=(replace(APP, events=frozenset({"Completed"})),))

    cleaned_up(driver)

    assert sent(driver) == []
    assert only(driver.actions, WriteFinalizers).finalizers == ()


def with_a_completed_event_that_waits(recording: Recording, driver: Driver) -> Recording:
    """Completed has failed twice, and is due in 25 minutes."""
    later = driver.now + timedelta(minutes=25)
    waiting = Notification(
        sink="app", event=EventName.COMPLETED, id=COMPLETED, time=driver.now, attempts=2, next_retry_time=later
    )
    return recording.model_copy(
        update={"status": recording.status.model_copy(update={"notifications": (waiting,), "settled": False})}
    )


def test_deleted_does_not_wait_behind_an_event_that_is_due_much_later() -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver, with_a_completed_event_that_waits(finished(policy=DeletionPolicy.DELETE), driver))

    assert [one.id for one in sent(driver)] == [COMPLETED]
    driver.tell(replace(FAILED, id=COMPLETED))
    driver.wait(6)
    driver.tell(replace(DELIVERED, id=COMPLETED))

    assert [one.id for one in sent(driver)] == [COMPLETED, COMPLETED, ID]
    assert none(driver.actions, WriteFinalizers)
    assert only(driver.tell(DELIVERED), WriteFinalizers).finalizers == ()


def test_an_earlier_event_that_fails_is_given_up_in_time_for_deleted() -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver, with_a_completed_event_that_waits(finished(policy=DeletionPolicy.DELETE), driver))
    for _ in range(3):
        driver.tell(replace(FAILED, id=COMPLETED))
        assert {one.id for one in sent(driver)} == {COMPLETED}
        actions = driver.wait(5)

    assert only(actions, ReportNotification).outcome.value == "failed"
    assert [one.id for one in sent(driver)] == [COMPLETED, COMPLETED, COMPLETED, ID]
    assert only(driver.tell(DELIVERED), WriteFinalizers).finalizers == ()


@pytest.mark.parametrize("tried", [True, False])
def test_deleted_does_not_wait_for_the_retry_after_of_an_earlier_event(*, tried: bool) -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver, with_a_completed_event_that_waits(finished(policy=DeletionPolicy.DELETE), driver))
    driver.tell(replace(FAILED, id=COMPLETED, retry_after_s=600, tried=tried))
    driver.wait(FOR_EARLIER_EVENTS.total_seconds())

    assert [one.id for one in sent(driver)] == [COMPLETED, ID]


@pytest.mark.parametrize(("result", "outcomes"), [(DELIVERED, ["delivered"]), (FAILED, ["retried", "failed"])])
def test_deleted_is_sent_after_the_response_to_an_earlier_event(
    result: NotificationDelivered | NotificationFailed, outcomes: list[str]
) -> None:
    driver = Driver(sinks=(APP,))
    cleaned_up(driver, with_a_completed_event_that_waits(finished(policy=DeletionPolicy.DELETE), driver))
    driver.wait(FOR_EARLIER_EVENTS.total_seconds() + 1)
    assert [one.id for one in sent(driver)] == [COMPLETED]

    actions = driver.tell(replace(result, id=COMPLETED))

    assert [one.outcome.value for one in actions if isinstance(one, ReportNotification)] == outcomes
    assert [one.id for one in sent(driver)] == [COMPLETED, ID]


def test_nothing_is_given_up_while_the_operator_drains() -> None:
    driver = Driver(sinks=(APP,))
    driver.engine.drain(driver.now)
    cleaned_up(driver)

    driver.wait(LONGEST.total_seconds() + 1)

    assert sent(driver) == []
    assert none(driver.actions, WriteFinalizers, ReportNotification)
