"""Recordings in Kubernetes whose objects have expired."""

from collections.abc import Callable

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Identity, MoveStatus, Recording
from recording_operator.controller.expiry import recordings as expired_recordings
from recording_operator.engine.facts import ObjectsExpired
from recording_operator.errors import TransferError
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.stores.location_store import LocationStore
from tests.controller.expiry.scene import Scene
from tests.engine.builders import START, uid_of
from tests.engine.driver import deleting
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore


def test_the_operator_deletes_what_has_expired_and_its_manifest(scene: Scene) -> None:
    old, young = scene.a_recording("video", "notes", number=1), scene.a_recording(days=6.9, number=2)
    scene.with_manifest(old)
    kept = [*scene.stored()]
    assert scene.sweep() == [("rec-1", frozenset({"video", "notes"}))]
    assert scene.stored() == [key for key in kept if uid_of(2) in key]
    [fact] = scene.posted
    assert isinstance(fact, ObjectsExpired)
    assert fact.message.startswith("The operator deleted it on 20")
    assert b'objects_expired_total{enforced_by="Operator"} 2.0' in scene.metrics.render()
    assert young.metadata.uid in scene.stored()[0]


def test_a_restart_between_deletion_and_status_finds_it_again(scene: Scene) -> None:
    scene.a_recording()
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]
    scene.a_process()  # the status was not written
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]


def test_what_is_not_due_costs_no_request(scene: Scene) -> None:
    for number in range(1, 6):
        scene.a_recording(days=6, number=number)
    assert scene.sweep() == []
    assert scene.store.calls == []


@pytest.mark.parametrize("by", ["Bucket", "Operator"])
def test_an_object_of_another_owner_is_never_deleted(make: Callable[..., Scene], by: str) -> None:
    scene = make(by=by)
    recording = scene.a_recording()
    stranger = recording.model_copy(update={"metadata": recording.metadata.model_copy(update={"uid": uid_of(9)})})
    assert scene.real.delete(recording.status.artifacts[0].key or "", version_id=None, recording_uid=uid_of(1))
    scene.put(stranger, "video")
    before = scene.stored()
    scene.sweep()
    assert scene.stored() == before


def test_a_bucket_deletes_itself_and_is_only_asked(make: Callable[..., Scene]) -> None:
    scene = make(by="Bucket")
    recording = scene.a_recording(days=8.5)
    key = scene.with_manifest(recording)
    assert scene.sweep() == []
    assert (scene.store.calls, len(scene.stored())) == (["head"], 2)
    scene.real.delete(recording.status.artifacts[0].key or "", version_id=None, recording_uid=uid_of(1))
    scene.age(1)
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]
    assert key not in scene.stored()


def test_a_bucket_is_asked_from_a_day_after_the_rule_and_less_and_less_often(make: Callable[..., Scene]) -> None:
    scene = make(by="Bucket")
    scene.a_recording(days=6)
    for _ in range(4 * 60):
        scene.sweep()
        scene.age(0.25)
    assert len(scene.store.calls) == len((8, 9, 10, 12, 16, 24, 40)), "days after its end at which it was looked for"


def test_one_restart_costs_one_look_at_what_was_not_deleted(make: Callable[..., Scene]) -> None:
    scene = make(by="Bucket")
    scene.a_recording(days=100)
    for _ in range(3):
        scene.sweep()
    scene.a_process()
    for _ in range(3):
        scene.sweep()
    assert len(scene.store.calls) == 2


def test_only_the_artifacts_below_the_prefix_of_a_rule_expire(scene: Scene) -> None:
    scene.location = scene.a_location({"prefix": f"media/acme/{uid_of(1)}/", "expireAfterDays": 7})
    scene.a_recording(number=1)
    scene.a_recording(number=2)
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]


def test_a_recording_that_is_edited_or_deleted_is_left(scene: Scene) -> None:
    recording = scene.a_recording()
    key = (recording.metadata.namespace, recording.metadata.name)
    edited = recording.model_copy(update={"metadata": recording.metadata.model_copy(update={"generation": 2})})
    elsewhere = recording.model_copy(update={"status": recording.status.model_copy(update={"bucket": "older"})})
    for other in (edited, elsewhere, deleting(recording, START)):
        scene.in_kubernetes[key] = other
        assert scene.sweep() == []
    assert len(scene.stored()) == 1
    scene.in_kubernetes[key] = recording
    assert scene.sweep() != []


def test_a_move_that_waits_does_not_put_expiry_off(scene: Scene) -> None:
    recording = scene.a_recording()
    key = (recording.metadata.namespace, recording.metadata.name)
    waiting = recording.status.model_copy(update={"move": MoveStatus(to="no-such-location")})
    spec = recording.spec.model_copy(update={"storage_location": "no-such-location"})
    scene.in_kubernetes[key] = recording.model_copy(update={"spec": spec, "status": waiting})
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]
    assert scene.stored() == []


def test_a_recording_that_changed_between_list_and_look_is_left(scene: Scene) -> None:
    recording = scene.a_recording()
    scene.recordings.begin()
    scene.recordings.consider(recording)
    key = (recording.metadata.namespace, recording.metadata.name)
    scene.in_kubernetes[key] = deleting(recording, START)
    scene.recordings.turn()
    assert (scene.posted, len(scene.stored())) == ([], 1)


def test_a_store_that_fails_is_left_to_the_next_sweep(scene: Scene) -> None:
    for number in range(1, 4):
        scene.a_recording(number=number)
    scene.store.failure = TransferError(Reason.STORE_UNAVAILABLE, "no answer")
    assert scene.sweep() == []
    assert len(scene.store.calls) == 1, "the others at the location are not tried"
    scene.store.failure = None
    scene.age(0.25)
    assert len(scene.sweep()) == 3


def test_a_location_that_is_not_ready_is_left(scene: Scene) -> None:
    scene.a_recording()
    scene.is_ready = False
    assert scene.sweep() == []
    scene.is_ready = True
    assert len(scene.sweep()) == 1


def test_a_failure_of_the_api_server_loses_nothing(scene: Scene) -> None:
    scene.a_recording()
    scene.recordings.begin()
    scene.recordings.consider(scene.a_recording(number=2))
    scene.api_fails = True
    with pytest.raises(ApiUnavailable):
        scene.recordings.turn()
    scene.api_fails = False
    scene.recordings.turn()
    assert len(scene.posted) == 1


def test_what_is_too_much_for_one_sweep_comes_with_the_next(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expired_recordings, "MOST_DUE", 2)
    for number in range(1, 4):
        scene.a_recording(number=number)
    first = {name for name, _ in scene.sweep()}
    for name in first:
        del scene.in_kubernetes["team-a", name]
    second = {name for name, _ in scene.sweep()}
    assert (len(first), first | second) == (2, {"rec-1", "rec-2", "rec-3"})


def test_five_recordings_in_each_turn(scene: Scene) -> None:
    scene.recordings.begin()
    for number in range(1, 8):
        scene.recordings.consider(scene.a_recording(number=number))
    scene.recordings.turn()
    assert len(scene.posted) == 5


def test_what_is_under_retention_stays(strict: tuple[StrictStore, LocationStore]) -> None:
    server, store = strict
    server.reset(Bucket(object_lock_days=30))
    scene = Scene(store)
    scene.a_recording()
    for _ in range(8):
        assert scene.sweep() == []
        scene.age(0.25)
    assert len(scene.stored()) == 1
    assert scene.store.calls.count("delete") == 2, "at once, and a day later"


def a_rebuilt_one(scene: Scene, *, uid: str, namespace: str = "team-a") -> Recording:
    """A Recording in a new cluster that continues number 1, or claims to."""
    lost = scene.in_kubernetes.pop(("team-a", "rec-1"))
    identity = Identity(uid=uid_of(1), created_at=lost.metadata.creation_timestamp or START)
    meta = lost.metadata.model_copy(update={"uid": uid, "namespace": namespace})
    rebuilt = lost.model_copy(update={"metadata": meta, "spec": lost.spec.model_copy(update={"identity": identity})})
    scene.in_kubernetes[namespace, "rec-1"] = rebuilt
    return rebuilt


def test_a_rebuilt_recording_expires_under_its_former_uid(scene: Scene) -> None:
    scene.with_manifest(scene.a_recording())
    a_rebuilt_one(scene, uid=uid_of(9))
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]
    assert scene.stored() == []
    scene.a_process()  # the status was not written, and the manifest is gone too
    assert scene.sweep() == [("rec-1", frozenset({"video"}))]


def test_an_identity_that_is_not_confirmed_deletes_nothing(scene: Scene) -> None:
    scene.with_manifest(scene.a_recording())
    a_rebuilt_one(scene, uid=uid_of(9), namespace="team-b")
    assert scene.sweep() == []
    assert len(scene.stored()) == 2
