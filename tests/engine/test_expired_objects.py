"""Stored objects that a lifecycle rule has deleted: what the status and the manifest say."""

import json
from typing import Any

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.actions import CleanUp, EmitEvent, WriteManifest, WriteStatus
from recording_operator.engine.facts import LocationSeen, ManifestWritten, ObjectsExpired, RecordingSeen, WriteAccepted
from recording_operator.engine.manifest import decode
from recording_operator.engine.settled import is_settled
from tests.engine.builders import a_finished_recording, a_location, an_artifact, an_artifact_status
from tests.engine.driver import Driver, deleting, newer, none, only
from tests.engine.scenes import UID

MESSAGE = "The operator deleted it on 2026-11-29, as spec.lifecycle of the StorageLocation says."


def a_driver(*, manifest: bool = True) -> Driver:
    """An engine whose location has manifests."""
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(manifest=manifest), ready=True))
    return driver


def stored(*names: str, **fields: Any) -> Recording:
    """A Recording that was stored and settled long ago."""
    states = [
        an_artifact_status(name, phase=Phase.COMPLETE, reason="Stored", key=f"k/{name}", etag="e", bytesTotal=10)
        for name in names or ("video",)
    ]
    status = {"artifacts": states, "reason": "Stored", "storageLocation": "archive", "bucket": "bucket-archive"}
    return a_finished_recording(
        Phase.COMPLETE,
        status={**status, "manifestUri": "s3://b/k/metadata.json", "progress": "100%"},
        **{"artifacts": tuple(an_artifact(name) for name in names or ("video",)), **fields},
    )


def expired(recording: Recording, *names: str) -> ObjectsExpired:
    """The fact that these artifacts have expired."""
    return ObjectsExpired(recording=recording, artifacts=frozenset(names or ("video",)), message=MESSAGE)


def test_a_recording_says_that_everything_has_expired_and_is_settled() -> None:
    driver, recording = a_driver(), stored()
    write = only(driver.tell(expired(recording)), WriteStatus)
    status = write.status
    assert (status["phase"], status["reason"], status["progress"]) == ("Complete", "Expired", "Expired")
    assert status["message"] == f"1 of 1 stored artifact has expired. {MESSAGE}"
    assert (status["completedAt"], status["settled"]) == ("2026-11-21T09:00:00Z", True)
    assert "manifestUri" not in status
    assert "manifestRevision" not in status
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert conditions["Stored"] == ("False", "Expired")
    assert conditions["Ready"][0] == "True"
    assert conditions["Stalled"][0] == "False"
    [artifact] = status["artifacts"]
    assert (artifact["phase"], artifact["reason"], artifact["message"]) == ("Complete", "Expired", MESSAGE)
    actions_before = len(driver.actions)
    done = driver.accept(write, recording)
    assert is_settled(done)
    assert UID not in driver.engine.state.recordings
    event = only(driver.actions[actions_before:], EmitEvent)
    assert (event.reason, event.action, event.warning) == (Reason.EXPIRED, "Expire", False)
    assert "under" not in event.note


def test_the_condition_stays_when_the_recording_is_edited() -> None:
    driver, recording = a_driver(), stored()
    done = driver.accept(only(driver.tell(expired(recording)), WriteStatus), recording)
    edited = newer(done, title="another")
    driver.tell(RecordingSeen(recording=edited))
    driver.wait(5)
    status = [action for action in driver.actions if isinstance(action, WriteStatus)][-1].status
    assert (status["observedGeneration"], status["reason"], status["settled"]) == (2, "Expired", True)
    assert "Stored" in {one["type"] for one in status["conditions"]}
    assert none(driver.actions, WriteManifest)


def test_a_part_that_expired_is_missing_in_the_manifest() -> None:
    driver, recording = a_driver(), stored("video", "notes")
    actions = driver.tell(expired(recording, "notes"))
    manifest = only(actions, WriteManifest)
    said = decode(manifest.data)
    assert [one.name for one in said.artifacts] == ["video"]
    assert [(one.name, one.reason) for one in said.missing] == [("notes", Reason.EXPIRED)]
    first = driver.accept(only(actions, WriteStatus), recording)
    assert first.status.settled is False
    written = driver.tell(ManifestWritten(uid=UID, uri=manifest.uri, revision=manifest.revision))
    status = only(written, WriteStatus).status
    assert (status["reason"], status["progress"], status["settled"]) == ("Expired", "100%", True)
    assert status["message"].startswith("1 of 2 stored artifacts have expired.")
    assert status["manifestRevision"] == manifest.revision


def test_what_is_not_stored_does_not_expire() -> None:
    driver = a_driver(manifest=False)
    failed = an_artifact_status("notes", phase=Phase.FAILED, reason="SourceNotFound")
    recording = a_finished_recording(Phase.FAILED, status={"artifacts": [failed]}, artifacts=(an_artifact("notes"),))
    for action in driver.tell(expired(recording, "notes", "other")):
        assert not isinstance(action, WriteStatus) or "Expired" not in json.dumps(action.status)


def test_a_failed_recording_keeps_its_phase() -> None:
    driver = a_driver(manifest=False)
    states = [
        an_artifact_status("video", phase=Phase.COMPLETE, key="k", etag="e"),
        an_artifact_status("notes", phase=Phase.FAILED, reason="SourceNotFound", message="404"),
    ]
    recording = a_finished_recording(
        Phase.FAILED, status={"artifacts": states}, artifacts=(an_artifact("video"), an_artifact("notes"))
    )
    status = only(driver.tell(expired(recording)), WriteStatus).status
    assert (status["phase"], status["reason"]) == ("Failed", "SourceNotFound")
    assert "Stored" in {one["type"] for one in status["conditions"]}


def test_a_deletion_afterwards_looks_for_what_is_left() -> None:
    driver = a_driver()
    recording = stored(deletion_policy=DeletionPolicy.DELETE, finalizers=("recordings.dev/delete-object",))
    done = driver.accept(only(driver.tell(expired(recording)), WriteStatus), recording)
    clean = only(driver.tell(RecordingSeen(recording=deleting(done))), CleanUp)
    assert [one.name for one in clean.artifacts] == ["video"]


def test_what_has_expired_at_an_earlier_location_was_moved_away_before() -> None:
    driver, recording = a_driver(), stored()
    driver.tell(LocationSeen(location=a_location("b"), ready=True))
    moving = newer(recording, storage_location="b")
    status = moving.status.model_copy(update={"storage_location": "b", "bucket": "bucket-b"})
    write = only(driver.tell(RecordingSeen(recording=moving)), WriteStatus)
    driver.tell(WriteAccepted(uid=UID, recording=newer(moving.model_copy(update={"status": status}))))
    driver.tell(expired(recording))
    assert write.status["reason"] == "Moving"
    assert not any("Expired" in json.dumps(one.status) for one in driver.actions if isinstance(one, WriteStatus))


def test_an_outdated_version_is_not_written() -> None:
    driver, recording = a_driver(), stored()
    driver.accept(only(driver.tell(expired(recording)), WriteStatus), recording)
    assert driver.tell(expired(recording)) == []
