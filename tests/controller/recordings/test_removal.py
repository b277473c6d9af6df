"""Objects of deleted Recordings: what is removed although some are protected, and how those that stay are announced."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.removal import Removal, clean_up_failed
from recording_operator.engine.actions import ArtifactToClean, CleanUp, LeftObject, ReportLeftObjects
from recording_operator.engine.facts import CleanupEnded, RecordingRef
from recording_operator.errors import TransferError
from recording_operator.metrics import Metrics
from recording_operator.stores.store import Store
from tests.engine.builders import a_location

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

    def store_named(self, name: str, *, uid: str) -> Store:  # noqa: ARG002 - as StoreSource
        return cast("Store", self.store)


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
