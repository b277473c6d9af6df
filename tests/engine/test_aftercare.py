"""What follows the end of the artifacts: the manifest, and `settled`."""

import json
from datetime import timedelta
from typing import Any

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.actions import Action, CleanUp, DeleteRecording, WriteManifest, WriteStatus
from recording_operator.engine.facts import (
    CleanupEnded,
    LocationGone,
    LocationSeen,
    ManifestFailed,
    ManifestWritten,
    RecordingSeen,
    TransferFailed,
)
from recording_operator.engine.manifest import revision_of
from tests.engine.builders import START, a_finished_recording, a_location, a_recording, an_artifact, an_artifact_status
from tests.engine.driver import STORED, Driver, deleting, newer, none, only
from tests.engine.scenes import UID

KEY = f"p/meeting-recordings/acme/-/{UID}/metadata.json"
URI = "s3://b/k"
DENIED = ManifestFailed(uid=UID, reason=Reason.STORE_DENIED, message="Not permitted.")


def a_driver(*, manifest: bool = True, ready: bool = True) -> Driver:
    """An engine whose location has manifests."""
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(manifest=manifest), ready=ready, message="no bucket"))
    return driver


def written(action: WriteManifest) -> ManifestWritten:
    """The store has it."""
    return ManifestWritten(uid=UID, uri=action.uri, revision=action.revision)


def status_of(actions: list[Action]) -> dict[str, Any]:
    """The one status that is written."""
    return only(actions, WriteStatus).status


def stored(driver: Driver) -> tuple[Recording, WriteManifest]:
    """A Recording whose only artifact was stored a moment ago."""
    claimed = driver.claimed(a_recording())
    return claimed, only(driver.end(claimed), WriteManifest)


def complete(driver: Driver) -> Recording:
    """A Recording that is Complete, settled and forgotten."""
    claimed, manifest = stored(driver)
    done = driver.accept(only(driver.tell(written(manifest)), WriteStatus), claimed)
    assert UID not in driver.engine.state.recordings
    return done


def earlier(**status: Any) -> Recording:
    """A Recording that an earlier version has completed."""
    artifact = an_artifact_status(phase=Phase.COMPLETE, key="k", uri=URI, etag="e")
    return a_finished_recording(status={"settled": None, "artifacts": [artifact], **status})


def labelled(recording: Recording, **labels: str) -> Recording:
    """A later version with these labels. Labels do not change the generation."""
    later = newer(recording)
    return later.model_copy(update={"metadata": later.metadata.model_copy(update={"labels": labels})})


def test_the_manifest_comes_before_the_end_and_one_write_says_both() -> None:
    driver = a_driver()
    claimed = driver.claimed(a_recording())
    actions = driver.end(claimed)
    manifest = only(actions, WriteManifest)
    assert none(actions, WriteStatus)
    assert (manifest.key, manifest.org, manifest.is_first) == (KEY, "acme", True)
    assert manifest.uri == f"s3://bucket-archive/{KEY}"
    said = json.loads(manifest.data)
    assert (said["phase"], said["completedAt"], len(said["artifacts"])) == ("Complete", "2026-11-21T09:00:00Z", 1)
    status = status_of(driver.tell(written(manifest)))
    assert (status["phase"], status["settled"], status["manifestUri"]) == ("Complete", True, manifest.uri)
    assert status["manifestRevision"] == manifest.revision
    assert status["completedAt"] == said["completedAt"]


def test_a_late_manifest_delays_the_end_by_a_moment_only() -> None:
    driver = a_driver()
    claimed, manifest = stored(driver)
    assert none(driver.wait(1.9), WriteStatus)
    write = only(driver.wait(0.2), WriteStatus)
    assert (write.status["phase"], write.status["settled"]) == ("Complete", False)
    assert "manifestUri" not in write.status
    assert write.status["completedAt"] == "2026-11-21T09:00:00Z"
    ended = driver.accept(write, claimed)
    again = status_of(driver.tell(written(manifest)))
    assert (again["settled"], again["manifestUri"]) == (True, manifest.uri)
    assert ended.status.completed_at == START


def test_a_failure_is_told_retried_and_spends_no_attempt() -> None:
    driver = a_driver()
    claimed, _ = stored(driver)
    write = only(driver.tell(DENIED), WriteStatus)
    [condition] = [one for one in write.status["conditions"] if one["type"] == "ManifestWritten"]
    assert (condition["status"], condition["reason"], condition["message"]) == (
        "False",
        "StoreDenied",
        "Not permitted.",
    )
    assert (write.status["phase"], write.status["settled"], write.status["attempts"]) == ("Complete", False, 0)
    driver.accept(write, claimed)
    assert none(driver.wait(4.9), WriteManifest)
    manifest = only(driver.wait(0.2), WriteManifest)
    status = status_of(driver.tell(written(manifest)))
    assert status["settled"] is True
    assert "ManifestWritten" not in {one["type"] for one in status["conditions"]}


def test_after_some_failures_it_is_forgotten_until_the_next_event() -> None:
    driver = a_driver()
    claimed, _ = stored(driver)
    ended = driver.accept(only(driver.tell(DENIED), WriteStatus), claimed)
    for _ in range(5):
        assert UID in driver.engine.state.recordings
        only(driver.wait(61), WriteManifest)
        driver.tell(DENIED)
    assert UID not in driver.engine.state.recordings
    assert none(driver.wait(3600), WriteManifest)
    only(driver.tell(RecordingSeen(recording=ended)), WriteManifest)


def test_nothing_tried_is_no_failure() -> None:
    driver = a_driver()
    claimed, _ = stored(driver)
    status = status_of(driver.tell(ManifestFailed(uid=UID)))
    assert (status["phase"], status["settled"]) == ("Complete", False)
    assert "ManifestWritten" not in {one["type"] for one in status["conditions"]}
    assert claimed.status.phase is Phase.UPLOADING


def test_while_the_location_is_not_ready_nothing_is_written_there() -> None:
    driver = a_driver(ready=False)
    recording = earlier()
    actions = driver.tell(RecordingSeen(recording=recording))
    assert none(actions, WriteManifest)
    [condition] = [one for one in status_of(actions)["conditions"] if one["type"] == "ManifestWritten"]
    assert condition["reason"] == "LocationNotReady"
    assert "StorageLocation archive is not ready: no bucket" in condition["message"]
    only(driver.tell(LocationSeen(location=a_location(manifest=True), ready=True)), WriteManifest)


def test_a_location_without_manifests_settles_at_once() -> None:
    driver = a_driver(manifest=False)
    claimed = driver.claimed(a_recording())
    actions = driver.end(claimed)
    assert none(actions, WriteManifest)
    assert status_of(actions)["settled"] is True


def test_a_failed_recording_has_a_manifest_of_what_is_stored() -> None:
    driver = a_driver()
    claimed = driver.claimed(a_recording(an_artifact(), an_artifact("audio")))
    driver.end(claimed)
    actions = driver.end(claimed, TransferFailed(reason=Reason.SOURCE_INVALID, message="no"), artifact="audio")
    said = json.loads(only(actions, WriteManifest).data)
    assert (said["phase"], [one["name"] for one in said["artifacts"]]) == ("Failed", ["video"])
    assert [(one["name"], one["reason"]) for one in said["missing"]] == [("audio", "SourceInvalid")]


def test_a_failed_recording_of_which_nothing_is_stored_has_none() -> None:
    driver = a_driver()
    claimed = driver.claimed(a_recording())
    actions = driver.end(claimed, TransferFailed(reason=Reason.SOURCE_INVALID, message="no"))
    assert none(actions, WriteManifest)
    assert status_of(actions)["phase"] == "Failed"


def test_edited_labels_and_titles_are_written_again() -> None:
    driver = a_driver()
    done = complete(driver)
    edited = labelled(done, team="red")
    manifest = only(driver.tell(RecordingSeen(recording=edited)), WriteManifest)
    assert json.loads(manifest.data)["labels"] == {"team": "red"}
    assert not manifest.is_first
    done = driver.accept(only(driver.tell(written(manifest)), WriteStatus), edited)
    assert done.status.settled is True
    titled = newer(done, title="Weekly sync")
    manifest = only(driver.tell(RecordingSeen(recording=titled)), WriteManifest)
    assert json.loads(manifest.data)["title"] == "Weekly sync"
    status = status_of(driver.tell(written(manifest)))
    assert (status["observedGeneration"], status["settled"]) == (2, True)


def test_a_recording_of_an_earlier_version_gets_its_manifest_when_it_is_seen() -> None:
    driver = a_driver()
    recording = earlier()
    manifest = only(driver.tell(RecordingSeen(recording=recording)), WriteManifest)
    assert manifest.is_first
    done = driver.accept(only(driver.tell(written(manifest)), WriteStatus), recording)
    assert (done.status.settled, done.status.phase) == (True, Phase.COMPLETE)
    assert UID not in driver.engine.state.recordings


def test_a_settled_recording_gets_its_manifest_when_its_location_has_manifests() -> None:
    driver = a_driver(manifest=False)
    recording = earlier(settled=True)
    assert driver.tell(RecordingSeen(recording=recording)) == []
    driver.tell(LocationSeen(location=a_location(manifest=True), ready=True))
    manifest = only(driver.tell(RecordingSeen(recording=recording)), WriteManifest)
    done = driver.accept(only(driver.tell(written(manifest)), WriteStatus), recording)
    assert (done.status.settled, done.status.manifest_uri) == (True, manifest.uri)
    assert UID not in driver.engine.state.recordings
    assert driver.tell(RecordingSeen(recording=done)) == []


def test_a_manifest_that_is_written_later_may_fail() -> None:
    driver = a_driver()
    recording = earlier(settled=True)
    only(driver.tell(RecordingSeen(recording=recording)), WriteManifest)
    status = status_of(driver.tell(DENIED))
    assert (status["settled"], status["phase"]) == (False, "Complete")
    assert [one["reason"] for one in status["conditions"] if one["type"] == "ManifestWritten"] == ["StoreDenied"]


def test_without_its_location_nothing_is_left_to_do() -> None:
    driver = a_driver()
    driver.tell(LocationGone(name="archive"))
    status = status_of(driver.tell(RecordingSeen(recording=earlier(manifestRevision="old", manifestUri=URI))))
    assert (status["settled"], status["manifestUri"]) == (True, URI)
    assert "manifestRevision" not in status


def test_a_location_with_another_bucket_gets_no_manifest() -> None:
    driver = a_driver()
    actions = driver.tell(RecordingSeen(recording=earlier(bucket="other")))
    assert none(actions, WriteManifest)
    assert status_of(actions)["settled"] is True


def test_a_settled_recording_is_forgotten_at_once() -> None:
    driver = a_driver()
    recording = earlier()
    recording = recording.model_copy(
        update={
            "status": recording.status.model_copy(
                update={"settled": True, "manifest_revision": revision_of(recording), "manifest_uri": URI}
            )
        }
    )
    assert driver.tell(RecordingSeen(recording=recording)) == []
    assert UID not in driver.engine.state.recordings


def test_an_artifact_that_is_appended_unsettles_it() -> None:
    driver = a_driver()
    done = complete(driver)
    appended = newer(done, artifacts=(*done.spec.artifacts, an_artifact("notes")))
    write = only(driver.tell(RecordingSeen(recording=appended)), WriteStatus)
    assert "settled" not in write.status
    assert write.status["manifestUri"] == done.status.manifest_uri
    claimed = driver.accept(write, appended)
    manifest = only(driver.end(claimed, STORED, artifact="notes"), WriteManifest)
    assert [one["name"] for one in json.loads(manifest.data)["artifacts"]] == ["video", "notes"]


def test_a_deletion_takes_the_manifest_along() -> None:
    driver = a_driver()
    claimed, manifest = stored(driver)
    gone = deleting(claimed)
    meta = gone.metadata.model_copy(update={"finalizers": ("recordings.dev/delete-object",)})
    policy = gone.spec.model_copy(update={"deletion_policy": DeletionPolicy.DELETE})
    gone = gone.model_copy(update={"metadata": meta, "spec": policy})
    assert none(driver.tell(RecordingSeen(recording=gone)), CleanUp)  # the manifest would come after it
    clean = only(driver.tell(written(manifest)), CleanUp)
    assert clean.manifest_key == KEY
    driver.tell(CleanupEnded(uid=UID, ok=True))


def test_a_deletion_that_keeps_the_objects_keeps_the_manifest() -> None:
    driver = a_driver()
    done = complete(driver)
    assert none(driver.tell(RecordingSeen(recording=deleting(done))), CleanUp)


def test_the_time_to_live_does_not_wait_for_a_manifest_that_fails() -> None:
    driver = a_driver()
    recording = a_recording(ttl=timedelta(hours=1))
    claimed = driver.claimed(recording)
    driver.end(claimed)
    driver.accept(only(driver.tell(DENIED), WriteStatus), claimed)
    for _ in range(5):
        driver.wait(61)
        driver.tell(DENIED)
    assert UID not in driver.engine.state.recordings
    only(driver.wait(3600), WriteManifest)  # it may work by now
    for _ in range(5):
        driver.tell(DENIED)
        driver.wait(61)
    only(driver.tell(DENIED), DeleteRecording)


def test_a_process_does_not_end_before_its_manifest() -> None:
    driver = a_driver()
    claimed, manifest = stored(driver)
    driver.engine.drain(driver.now)
    assert not driver.engine.idle()
    driver.accept(only(driver.tell(written(manifest)), WriteStatus), claimed)
    assert driver.engine.idle()
