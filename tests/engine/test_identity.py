"""A Recording that was rebuilt: its keys, what the store has to confirm, and how it becomes Complete."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Identity, Phase, Recording
from recording_operator.engine.actions import AbortUpload, CleanUp, StartTransfer, WriteManifest, WriteStatus
from recording_operator.engine.facts import BudgetHoldsChanged, FormerTimes, LocationSeen, RecordingSeen, TransferFailed
from recording_operator.engine.former import contradiction, former_of
from recording_operator.engine.identity import FormerRecording, recording_uid
from recording_operator.engine.manifest import manifest_key, manifest_of
from recording_operator.engine.placement import key_of
from tests.engine.builders import (
    START,
    a_budget_hold,
    a_location,
    a_recording,
    an_artifact,
    an_artifact_status,
    uid_of,
)
from tests.engine.driver import STORED, Driver, deleting, newer, none, only

FORMER_UID = uid_of(7)
CREATED = datetime(2025, 3, 2, 1, 0, 0, tzinfo=UTC)
BEGAN, ENDED = CREATED + timedelta(minutes=1), CREATED + timedelta(minutes=5)
LOCATION = a_location(manifest=True)
FOLDER = f"p/meeting-recordings/acme/-/{FORMER_UID}/"
FORMER = FormerRecording(
    uid=FORMER_UID,
    namespace="team-a",
    name="rec-1",
    org="acme",
    user=None,
    project=None,
    created=CREATED,
    location="archive",
    location_uid="location-archive",
    manifest_key=f"{FOLDER}metadata.json",
)
FOUND = replace(STORED, former=FormerTimes(started_at=BEGAN, completed_at=ENDED))


def rebuilt(*names: str, **fields: object) -> Recording:
    """A Recording with an identity, and artifacts without a source."""
    artifacts = [an_artifact(name, url=None).model_copy(update={"source": None}) for name in names or ("video",)]
    recording = a_recording(*artifacts, **fields)  # type: ignore[arg-type]
    return with_identity(recording)


def with_identity(recording: Recording) -> Recording:
    """The same with an identity."""
    identity = Identity(uid=FORMER_UID, created_at=CREATED)
    return recording.model_copy(update={"spec": recording.spec.model_copy(update={"identity": identity})})


def a_driver() -> Driver:
    """An engine whose location has manifests."""
    driver = Driver()
    driver.tell(LocationSeen(location=LOCATION, ready=True))
    return driver


def test_keys_and_manifest_have_the_former_uid_and_creation_time() -> None:
    template = "{org}/{year}/{month}/{uid}/{artifact}{ext}"
    location = LOCATION.model_copy(update={"spec": LOCATION.spec.model_copy(update={"key_template": template})})
    recording = rebuilt()
    assert recording_uid(recording) == FORMER_UID
    assert key_of(recording, "video", location) == f"p/acme/2025/03/{FORMER_UID}/video.mp4"
    assert manifest_key(recording, location) == f"p/acme/2025/03/{FORMER_UID}/metadata.json"


def test_without_an_identity_nothing_has_to_be_confirmed() -> None:
    assert former_of(a_recording(), LOCATION) is None
    assert former_of(rebuilt(), LOCATION) == FORMER


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ({}, None),
        ({"uid": uid_of(8)}, "uid"),
        ({"namespace": "team-b"}, "namespace"),
        ({"name": "rec-2"}, "name"),
        ({"created_at": CREATED + timedelta(seconds=1)}, "creation time"),
        ({"namespace": "team-b", "name": "x"}, "namespace and name"),
    ],
)
def test_the_manifest_has_to_say_the_same(said: dict[str, object], other: str | None) -> None:
    status = {"phase": Phase.COMPLETE, "storage_location": "archive"}
    lost = rebuilt()
    lost = lost.model_copy(update={"status": lost.status.model_copy(update=status)})
    assert contradiction(FORMER, manifest_of(lost).model_copy(update=said)) == other


@pytest.mark.parametrize("field", ["org", "user", "project"])
def test_so_does_its_owner(field: str) -> None:
    lost = rebuilt()
    status = lost.status.model_copy(update={"phase": Phase.COMPLETE})
    manifest = manifest_of(lost.model_copy(update={"status": status}))
    assert contradiction(replace(FORMER, **{field: "else"}), manifest) == "owner"  # type: ignore[arg-type]


def test_it_is_complete_with_the_times_of_the_lost_one() -> None:
    driver = a_driver()
    claimed = driver.claimed(rebuilt())
    start = only(driver.actions, StartTransfer)
    assert (start.key, start.recording.metadata.uid) == (f"{FOLDER}video.mp4", uid_of(1))
    manifest = only(driver.end(claimed, outcome=FOUND), WriteManifest)
    assert (manifest.former, manifest.owner_uid, manifest.ref.uid) == (FORMER, FORMER_UID, uid_of(1))
    assert not manifest.is_first, "a document is at the key already"
    write = only(driver.wait(3), WriteStatus)
    times = (write.status["startedAt"], write.status["completedAt"])
    assert (write.status["phase"], *times) == ("Complete", "2025-03-02T01:01:00Z", "2025-03-02T01:05:00Z")


def test_what_is_transferred_now_ends_now() -> None:
    driver = a_driver()
    recording = rebuilt()
    artifacts = (*recording.spec.artifacts, an_artifact("audio"))
    both = recording.model_copy(update={"spec": recording.spec.model_copy(update={"artifacts": artifacts})})
    claimed = driver.claimed(both)
    driver.end(claimed, outcome=FOUND)
    driver.end(claimed, artifact="audio")
    write = only(driver.wait(3), WriteStatus)
    times = (write.status["startedAt"], write.status["completedAt"])
    assert (write.status["phase"], *times) == ("Complete", "2025-03-02T01:01:00Z", "2026-11-21T09:00:00Z")


def test_a_rejected_identity_fails_at_once() -> None:
    driver = a_driver()
    claimed = driver.claimed(rebuilt())
    failure = TransferFailed(reason=Reason.IDENTITY_REJECTED, message="spec.identity is not confirmed.")
    status = only(driver.end(claimed, outcome=failure), WriteStatus).status
    assert (status["phase"], status["reason"], status["attempts"]) == ("Failed", "IdentityRejected", 0)
    assert none(driver.actions, WriteManifest)


def test_a_budget_holds_it_only_if_something_is_to_be_transferred() -> None:
    driver = a_driver()
    driver.tell(BudgetHoldsChanged(holds=(a_budget_hold(),)))
    driver.claimed(rebuilt())
    assert len([one for one in driver.actions if isinstance(one, StartTransfer)]) == 1
    held = a_driver()
    held.tell(BudgetHoldsChanged(holds=(a_budget_hold(),)))
    held.tell(RecordingSeen(recording=with_identity(a_recording())))
    assert none(held.actions, StartTransfer)


def test_nothing_is_removed_before_the_store_confirms_it() -> None:
    driver = a_driver()
    state = an_artifact_status(phase=Phase.COMPLETE, key="k", etag="e", version_id="v1")
    done = rebuilt(deletion_policy=DeletionPolicy.DELETE, finalizers=("recordings.dev/delete-object",))
    status = done.status.model_copy(
        update={"phase": Phase.COMPLETE, "started_at": START, "artifacts": (state,), "storage_location": "archive"}
    )
    driver.tell(RecordingSeen(recording=deleting(newer(done.model_copy(update={"status": status})))))
    cleaning = only(driver.actions, CleanUp)
    assert (cleaning.former, cleaning.owner_uid) == (FORMER, FORMER_UID)
    assert [one.key for one in cleaning.artifacts] == [f"{FOLDER}video.mp4"]


def test_no_upload_is_aborted_before_either() -> None:
    driver = a_driver()
    claimed = driver.claimed(rebuilt())
    failure = TransferFailed(reason=Reason.IDENTITY_REJECTED, message="spec.identity is not confirmed.")
    write = only(driver.end(claimed, outcome=failure), WriteStatus)
    driver.accept(write, claimed)
    assert only(driver.actions, AbortUpload).former == FORMER
