"""Quotas of a location, as the engine applies them."""

from dataclasses import replace

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Identity, Phase, Recording, RecordingStatus
from recording_operator.engine.actions import AdmitTransfer, CleanUp, RejectTransfer, StartTransfer, WriteStatus
from recording_operator.engine.facts import (
    CleanupEnded,
    LocationSeen,
    ObjectsExpired,
    OwnerUsage,
    RecordingSeen,
    SizeFound,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    UsageCountBegan,
    UsageCounted,
    UsageNotCounted,
)
from recording_operator.engine.quotas import CountWish, QuotaUsage
from tests.engine.builders import a_location, a_recording, an_artifact, an_artifact_status
from tests.engine.driver import STORED, Driver, deleting, none, only

HUNDRED = Quota(org="acme", most_bytes=100)
ARCHIVE = frozenset({"archive"})


def limited(driver: Driver, *quotas: Quota, counted: int | None = 0, recordings: int = 0) -> None:
    """The location gets quotas; `counted` are the bytes of acme that a count finds."""
    driver.tell(LocationSeen(location=a_location(quotas=quotas), ready=True))
    if counted is not None:
        count(driver, counted, recordings)


def count(driver: Driver, size_bytes: int, recordings: int = 0) -> None:
    usage = (OwnerUsage("acme", "team-a", size_bytes, recordings),)
    driver.tell(UsageCountBegan(locations=ARCHIVE), UsageCounted(location="archive", usage=usage))


def found(driver: Driver, recording: Recording, size_bytes: int | None) -> list[object]:
    """The transfer of the video knows its size: the response."""
    uid = recording.metadata.uid
    actions = driver.tell(SizeFound(uid=uid, artifact="video", size_bytes=size_bytes))
    return [action for action in actions if isinstance(action, AdmitTransfer | RejectTransfer)]


def rejected(driver: Driver, recording: Recording, size_bytes: int) -> Recording:
    """A Recording whose transfer is rejected, as its status says then."""
    [rejection] = found(driver, recording, size_bytes)
    assert isinstance(rejection, RejectTransfer)
    failure = TransferFailed(reason=Reason.QUOTA_EXCEEDED, message=rejection.message, is_final=rejection.is_final)
    write = only(driver.end(recording, failure), WriteStatus)
    return driver.accept(write, recording)


def usage(driver: Driver) -> QuotaUsage:
    [one] = driver.engine.quota_report().usages
    return one


def test_nothing_starts_that_a_quota_concerns_before_the_location_was_counted() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=None)

    waits, other = a_recording(), a_recording(number=2, org="globex")
    assert none(driver.tell(RecordingSeen(recording=waits)), StartTransfer, WriteStatus) or not driver.started
    driver.claimed(other)

    assert driver.started == ["video"]
    assert driver.engine.quota_report().wishes == {"archive": CountWish.UNKNOWN}
    count(driver, 0)
    assert driver.engine.quota_report().wishes == {}
    assert any(isinstance(action, WriteStatus) for action in driver.actions[-3:])


def test_a_count_that_began_before_the_quotas_were_known_does_not_count() -> None:
    driver = Driver()
    driver.tell(UsageCountBegan(locations=ARCHIVE))
    limited(driver, HUNDRED, counted=None)

    driver.tell(UsageCounted(location="archive", usage=()))

    assert driver.engine.quota_report().usages == ()


def test_a_failed_count_is_why_recordings_wait() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=None)
    driver.tell(RecordingSeen(recording=a_recording()))

    write = only(driver.tell(UsageNotCounted(location="archive", message="The store is down.")), WriteStatus)

    assert write.status["reason"] == "LocationNotReady"
    assert "its quotas cannot be checked: The store is down." in write.status["message"]


def test_an_artifact_is_admitted_by_the_size_that_its_source_states() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=40)
    first, second = driver.claimed(a_recording()), driver.claimed(a_recording(number=2))

    assert found(driver, first, 50) == [AdmitTransfer(uid=first.metadata.uid, artifact="video")]
    waits = rejected(driver, second, 11)

    assert (waits.status.phase, waits.status.reason, waits.status.attempts) == (Phase.PENDING, "QuotaExceeded", 0)
    assert "no room for the 11 B of this artifact in its quota of 100 B" in str(waits.status.message)
    assert (usage(driver).used_bytes, usage(driver).waiting, usage(driver).exceeded) == (90, 1, True)
    assert none(driver.wait(24 * 3600), StartTransfer)


def test_it_starts_when_there_is_room_and_its_status_is_not_written_in_between() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=95)
    waits = rejected(driver, driver.claimed(a_recording()), 10)
    driver.wait(2)

    count(driver, 91)
    assert none(driver.actions[-1:], WriteStatus)
    driver.actions.clear()
    count(driver, 90)
    driver.wait(2)

    write = only(driver.actions, WriteStatus)
    assert write.status["reason"] == "Uploading"
    driver.accept(write, waits)
    assert driver.started == ["video"]


def test_a_smaller_one_goes_first_if_only_it_fits() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=95)
    rejected(driver, driver.claimed(a_recording()), 50)
    rejected(driver, driver.claimed(a_recording(number=2)), 10)
    driver.wait(2)
    driver.actions.clear()

    count(driver, 80)
    driver.wait(2)

    write = only(driver.actions, WriteStatus)
    assert write.ref.name == "rec-2"


def test_a_quota_that_fails_ends_the_artifact_at_once() -> None:
    driver = Driver()
    limited(driver, replace_action(HUNDRED, QuotaAction.FAIL), counted=95)

    ended = rejected(driver, driver.claimed(a_recording()), 10)

    assert (ended.status.phase, ended.status.reason) == (Phase.FAILED, "QuotaExceeded")
    assert (usage(driver).waiting, usage(driver).exceeded) == (0, True)


def replace_action(quota: Quota, action: QuotaAction) -> Quota:
    return quota.model_copy(update={"action": action})


def test_what_waits_fails_when_the_quota_is_changed_so_that_it_fails() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=99)
    waits = a_recording(an_artifact(inline="text"))
    held = driver.accept(only(driver.tell(RecordingSeen(recording=waits)), WriteStatus), waits)
    driver.actions.clear()

    limited(driver, replace_action(HUNDRED, QuotaAction.FAIL), counted=None)
    driver.wait(2)
    driver.wait(2)

    write = only(driver.actions, WriteStatus)
    assert (write.ref.uid, write.status["phase"], write.status["reason"]) == (
        held.metadata.uid,
        "Failed",
        "QuotaExceeded",
    )


def test_sizes_that_the_spec_states_are_compared_before_a_slot_is_used() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=99)

    write = only(driver.tell(RecordingSeen(recording=a_recording(an_artifact(inline="text")))), WriteStatus)

    assert (write.status["phase"], write.status["reason"]) == ("Pending", "QuotaExceeded")
    assert driver.started == []


def test_recordings_are_counted_once_for_all_their_artifacts() -> None:
    driver = Driver()
    limited(driver, Quota(org="acme", recordings=2), recordings=1)
    both = a_recording(an_artifact("video"), an_artifact("audio"))
    driver.claimed(both)

    write = only(driver.tell(RecordingSeen(recording=a_recording(number=2))), WriteStatus)

    assert sorted(driver.started) == ["audio", "video"]
    assert write.status["reason"] == "QuotaExceeded"
    assert usage(driver).recordings == 2


def test_one_artifact_without_a_length_at_a_time() -> None:
    driver = Driver()
    limited(driver, HUNDRED)
    first, second = driver.claimed(a_recording()), driver.claimed(a_recording(number=2))
    assert len(found(driver, first, None)) == 1
    [rejection] = found(driver, second, None)
    assert isinstance(rejection, RejectTransfer)
    assert "one at a time" in rejection.message
    failure = TransferFailed(reason=Reason.QUOTA_EXCEEDED, message=rejection.message)
    driver.accept(only(driver.end(second, failure), WriteStatus), second)

    driver.tell(TransferProgress(uid=first.metadata.uid, artifact="video", sent_bytes=70, total_bytes=None))
    assert usage(driver).used_bytes == 70
    driver.actions.clear()
    driver.end(first)  # 10 bytes
    driver.wait(2)

    assert usage(driver).used_bytes == 10
    assert any(isinstance(act, WriteStatus) and act.ref.name == "rec-2" for act in driver.actions)


def test_what_is_stored_during_a_count_counts_until_the_next() -> None:
    driver = Driver()
    limited(driver, HUNDRED)
    recording = driver.claimed(a_recording())
    found(driver, recording, 10)
    driver.tell(UsageCountBegan(locations=ARCHIVE))
    driver.accept(only(driver.end(recording), WriteStatus), recording)

    driver.tell(UsageCounted(location="archive", usage=(OwnerUsage("acme", "team-a", 10, 1),)))
    assert usage(driver).used_bytes == 20
    count(driver, 10, 1)
    assert (usage(driver).used_bytes, usage(driver).recordings) == (10, 1)


def test_what_a_former_operator_was_uploading_keeps_its_room_and_continues() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=None)
    state = an_artifact_status(phase=Phase.UPLOADING, uploadId="u", bytesTotal=60, sourceRevision="r", key="k")
    left = a_recording(status=RecordingStatus(phase=Phase.UPLOADING, artifacts=(state,), claim=None))
    driver.tell(RecordingSeen(recording=left))

    count(driver, 90)

    assert usage(driver).used_bytes == 150
    write = next(action for action in reversed(driver.actions) if isinstance(action, WriteStatus))
    assert write.status["reason"] == "Uploading"


@pytest.mark.parametrize("policy", [DeletionPolicy.DELETE, DeletionPolicy.RETAIN])
def test_deleted_objects_are_counted_again_soon(policy: DeletionPolicy) -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=95)
    rejected(driver, driver.claimed(a_recording()), 10)
    state = an_artifact_status(phase=Phase.COMPLETE, bytesDone=50, key="k", versionId="v")
    stored = a_recording(
        number=2,
        deletion_policy=policy,
        finalizers=(DELETE_OBJECT_FINALIZER,) if policy is DeletionPolicy.DELETE else (),
        status=RecordingStatus(phase=Phase.COMPLETE, artifacts=(state,), started_at=driver.now, observed_generation=1),
    )
    assert driver.engine.quota_report().wishes == {"archive": CountWish.WAITING}

    actions = driver.tell(RecordingSeen(recording=deleting(stored)))
    if policy is DeletionPolicy.DELETE:
        only(actions, CleanUp)
        driver.tell(CleanupEnded(uid=stored.metadata.uid, ok=True))

    wish = CountWish.FREED if policy is DeletionPolicy.DELETE else CountWish.WAITING
    assert driver.engine.quota_report().wishes == {"archive": wish}
    assert usage(driver).used_bytes == 95


@pytest.mark.parametrize("names", [{"video"}, {"video", "notes"}])
def test_expired_objects_are_counted_again_soon(names: set[str]) -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=95)
    rejected(driver, driver.claimed(a_recording()), 10)
    states = tuple(
        an_artifact_status(name, phase=Phase.COMPLETE, reason="Stored", bytesDone=20, key=f"k/{name}")
        for name in ("video", "notes")
    )
    ended = RecordingStatus(phase=Phase.COMPLETE, artifacts=states, started_at=driver.now, observed_generation=1)
    stored = a_recording(an_artifact(), an_artifact("notes"), number=2, status=ended)

    driver.tell(ObjectsExpired(recording=stored, artifacts=frozenset({"other"}), message="It has expired."))
    assert driver.engine.quota_report().wishes == {"archive": CountWish.WAITING}
    driver.tell(ObjectsExpired(recording=stored, artifacts=frozenset(names), message="It has expired."))

    assert driver.engine.quota_report().wishes == {"archive": CountWish.FREED}


def test_without_quotas_nothing_is_remembered_or_asked() -> None:
    driver = Driver()
    driver.claimed(a_recording())

    assert not any(action.has_quota for action in driver.actions if isinstance(action, StartTransfer))
    assert driver.engine.quota_report().usages == ()


def test_recordings_continue_when_the_quotas_are_removed() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=100)
    waits = driver.accept(only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus), a_recording())
    assert waits.status.reason == "QuotaExceeded"
    driver.actions.clear()

    driver.tell(LocationSeen(location=a_location(), ready=True))

    assert only(driver.actions, WriteStatus).status["reason"] == "Uploading"


def test_locations_of_one_prefix_share_their_account() -> None:
    driver = Driver()
    limited(driver, HUNDRED, counted=None)
    twin = a_location("twin", bucket="bucket-archive")
    driver.tell(LocationSeen(location=twin, ready=True))
    count(driver, 50)
    assert driver.engine.quota_report().wishes == {"twin": CountWish.UNKNOWN}

    names = frozenset({"twin"})
    rows = (OwnerUsage("acme", "team-b", 7, 1),)
    driver.tell(UsageCountBegan(locations=names), UsageCounted(location="twin", usage=rows))

    assert usage(driver).used_bytes == 57


def test_an_end_that_is_told_twice_changes_nothing() -> None:
    driver = Driver()
    limited(driver, HUNDRED)
    recording = driver.claimed(a_recording())
    found(driver, recording, 10)
    end = TransferEnded(uid=recording.metadata.uid, artifact="video", outcome=replace(STORED, size_bytes=10))

    driver.tell(end, end)

    assert usage(driver).used_bytes == 10


def test_what_a_rebuilt_recording_had_stored_before_needs_no_room() -> None:
    driver = Driver()
    limited(driver, Quota(org="acme", most_bytes=100, recordings=1), counted=100, recordings=1)
    rebuilt = a_recording(an_artifact().model_copy(update={"source": None}))
    spec = rebuilt.spec.model_copy(update={"identity": Identity(uid="former", created_at=driver.now)})

    driver.claimed(rebuilt.model_copy(update={"spec": spec}))

    assert driver.started == ["video"]
    assert (usage(driver).used_bytes, usage(driver).recordings) == (100, 1)


def test_what_has_expired_frees_its_room() -> None:
    driver = Driver()
    limited(driver, HUNDRED)
    claimed = driver.claimed(a_recording())
    found(driver, claimed, 60)
    done = driver.accept(only(driver.end(claimed, replace(STORED, size_bytes=60)), WriteStatus), claimed)
    assert usage(driver).used_bytes == 60

    driver.tell(ObjectsExpired(recording=done, artifacts=frozenset({"video"}), message="The bucket deleted it."))

    assert usage(driver).used_bytes == 0
