"""Objects of deleted Recordings: what is removed although some are protected, and how those that stay are announced."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.removal import Removal, clean_up_failed
from recording_operator.engine.actions import AbortUpload, ArtifactToClean, CleanUp, LeftObject, ReportLeftObjects
from recording_operator.engine.facts import CleanupEnded, RecordingRef
from recording_operator.engine.identity import FormerRecording
from recording_operator.engine.manifest import manifest_key
from recording_operator.errors import TransferError
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore
from tests.engine.builders import START, a_location
from tests.support.lost_recordings import LostCluster
from tests.support.transfers import an_object

REF = RecordingRef(namespace="team-a", name="meeting", uid="uid-1")
ARTIFACTS = tuple(
    ArtifactToClean(name=name, key=f"k/{name}", upload_id=None, version_id="v1", delete_object=True)
    for name in ("audio", "video", "transcript")
)


@dataclass
class ScriptedStore:
    """A store whose deletions fail by key."""

    failures: dict[str, Reason] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def uploads(self, prefix: str) -> list[str]:  # noqa: ARG002 - as Store
        return []

    def delete(self, key: str, **_: Any) -> bool:
        if key in self.failures:
            raise TransferError(self.failures[key], "It cannot be deleted.")
        self.deleted.append(key)
        return True


@dataclass
class Stores:
    store: ScriptedStore

    def store_named(self, name: str, *, uid: str) -> LocationStore:  # noqa: ARG002 - as StoreSource
        return cast("LocationStore", self.store)


def clean(store: ScriptedStore) -> CleanupEnded:
    """What the engine hears of the removal."""
    action = CleanUp(ref=REF, location=a_location(), artifacts=ARTIFACTS)
    try:
        [fact] = Removal(Stores(store)).clean_up(action)
    except TransferError as error:
        return clean_up_failed(action, error)
    assert isinstance(fact, CleanupEnded)
    return fact


def test_objects_beside_a_protected_one_are_deleted() -> None:
    store = ScriptedStore({"k/audio": Reason.RETENTION_IN_FORCE})
    fact = clean(store)
    assert (fact.ok, fact.reason) == (False, Reason.RETENTION_IN_FORCE)
    assert store.deleted == ["k/video", "k/transcript"]


def test_another_failure_ends_the_removal() -> None:
    store = ScriptedStore({"k/video": Reason.STORE_UNAVAILABLE})
    assert clean(store).reason is Reason.STORE_UNAVAILABLE
    assert store.deleted == ["k/audio"]


def test_objects_that_stay_are_logged_counted_and_announced(caplog: pytest.LogCaptureFixture) -> None:
    metrics, posted = Metrics(version="test"), list[tuple[str, str, str]]()

    class Events:
        def emit(self, regarding: Any, *, reason: str, note: str, **_: Any) -> None:
            posted.append((regarding["kind"], reason, note))

    report: Callable[[ReportLeftObjects], None] = Announcements(events=Events(), metrics=metrics).report_left_objects
    objects = tuple(
        LeftObject(artifact=name, address=f"s3://b/k/{name}", version_id=version)
        for name, version in (("audio", "v7"), ("video", None))
    )
    with caplog.at_level(logging.WARNING):
        report(ReportLeftObjects(ref=REF, objects=objects, reason=Reason.RETENTION_IN_FORCE, note="They stay: locked."))

    assert [(kind, reason) for kind, reason, _ in posted] == [
        ("Recording", Reason.OBJECTS_LEFT),
        ("Namespace", Reason.OBJECTS_LEFT),
    ]
    assert posted[0][2] == "They stay: locked. s3://b/k/audio s3://b/k/video"
    assert posted[1][2] == "Recording meeting: They stay: locked. s3://b/k/audio s3://b/k/video"
    assert caplog.messages == [
        "They stay: locked.",
        "The object stays in the store: s3://b/k/audio, version v7",
        "The object stays in the store: s3://b/k/video",
    ]
    assert {vars(record)["recording"] for record in caplog.records} == {"meeting"}
    assert b'recording_operator_objects_left_total{reason="RetentionInForce"} 2.0' in metrics.render()


def rebuilt_cleaning(lost: LostCluster, recording: Recording, **claimed: str) -> CleanUp:
    """The removal of a Recording that claims to be the lost one."""
    key, name = recording.status.artifacts[0].key or "", recording.metadata.name
    former = FormerRecording(
        uid=recording.metadata.uid,
        namespace=claimed.get("namespace", "team-a"),
        name=claimed.get("name", name),
        org="acme",
        user=None,
        project=None,
        created=START,
        location=lost.location.metadata.name,
        location_uid=lost.location.metadata.uid,
        manifest_key=manifest_key(recording, lost.location),
    )
    artifact = ArtifactToClean(name="video", key=key, upload_id=None, version_id=None, delete_object=True)
    return CleanUp(
        ref=REF, location=lost.location, artifacts=(artifact,), manifest_key=former.manifest_key, former=former
    )


@dataclass
class OneStore:
    store: LocationStore

    def store_named(self, location: str, *, uid: str) -> LocationStore:  # noqa: ARG002 - as StoreSource
        return self.store


def keys_left(lost: LostCluster) -> list[str]:
    return [found.key.rpartition("/")[2] for found in lost.store.objects("p/")]


def test_the_objects_of_a_rebuilt_recording_go_with_their_manifest(lost: LostCluster) -> None:
    cleaning = rebuilt_cleaning(lost, lost.lose())
    assert list(Removal(OneStore(lost.store)).clean_up(cleaning)) == [CleanupEnded(uid="uid-1", ok=True)]
    assert keys_left(lost) == []
    assert list(Removal(OneStore(lost.store)).clean_up(cleaning)) == [CleanupEnded(uid="uid-1", ok=True)], "again"


@pytest.mark.parametrize("claimed", [{"namespace": "team-b"}, {"name": "rec-2"}])
def test_an_identity_that_is_not_confirmed_removes_nothing(lost: LostCluster, claimed: dict[str, str]) -> None:
    recording = lost.lose()
    removal = Removal(OneStore(lost.store))
    assert list(removal.clean_up(rebuilt_cleaning(lost, recording, **claimed))) == [CleanupEnded(uid="uid-1", ok=True)]
    assert keys_left(lost) == ["metadata.json", "video.mp4"]
    obj = an_object(key="p/open", recording_uid=recording.metadata.uid)
    upload = lost.store.create_upload(obj, part_size_bytes=2**23)
    former = rebuilt_cleaning(lost, recording, **claimed).former
    abort = AbortUpload(
        uid="uid-1", artifact="video", location=lost.location, key="p/open", upload_id=upload, former=former
    )
    list(removal.abort(abort))
    assert [one.upload_id for one in lost.store.uploads("p/")] == [upload]
    list(removal.abort(replace(abort, former=None)))
    assert list(lost.store.uploads("p/")) == []
