"""What has expired of Recordings that are no longer in Kubernetes."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import MoveStatus
from recording_operator.checksums import crc64nvme
from recording_operator.engine.manifest import CONTENT_TYPE, decode, encode, manifest_key, manifest_of
from recording_operator.errors import TransferError
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.objects import ObjectSpec
from tests.controller.expiry.scene import Scene
from tests.engine.builders import uid_of


def test_objects_and_manifest_of_a_removed_recording_are_deleted(scene: Scene) -> None:
    recording = scene.a_recording("video", "notes", days=0)
    scene.with_manifest(recording)
    scene.removed(recording)
    for expected in (3, 0):
        scene.age(3)
        scene.list_manifests()
        assert len(scene.stored()) == expected
    assert b'objects_expired_total{enforced_by="Operator"} 2.0' in scene.metrics.render()


def test_what_is_young_costs_no_request_but_the_listing(scene: Scene) -> None:
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    scene.removed(recording)
    scene.age(6)
    scene.list_manifests()
    assert scene.store.calls == []


def test_a_recording_in_kubernetes_is_left_to_itself(scene: Scene) -> None:
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 2


def test_another_recording_of_the_same_name_does_not_keep_it(scene: Scene) -> None:
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    other = recording.model_copy(update={"metadata": recording.metadata.model_copy(update={"uid": uid_of(9)})})
    scene.in_kubernetes[recording.metadata.namespace, recording.metadata.name] = other
    scene.age(8)
    scene.list_manifests()
    assert scene.stored() == []


@pytest.mark.parametrize("by", ["Bucket", "Auto"])
def test_a_bucket_that_deletes_itself_is_not_listed(make: Callable[..., Scene], by: str) -> None:
    scene = make(by="Bucket")
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    scene.removed(recording)
    scene.age(30)
    scene.list_manifests()
    assert (by, len(scene.stored())) == (by, 2)


def test_a_prefix_of_another_cluster_is_left(scene: Scene) -> None:
    assert scene.real.claim_prefix("another-cluster") == "another-cluster"
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    scene.removed(recording)
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 2


def test_a_part_is_deleted_and_the_manifest_says_so(scene: Scene) -> None:
    template = "{artifact}/{org}/{uid}{ext}"
    scene.location = scene.a_location({"prefix": "notes/", "expireAfterDays": 7}, {"expireAfterDays": 365})
    scene.location.spec.__dict__["key_template"] = template
    recording = scene.a_recording("video", "notes", days=0)
    key = scene.with_manifest(recording)
    assert key.startswith("rec/.recording-operator/manifests/")
    scene.removed(recording)
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 2
    said = decode(scene.real.read_document(key, 2**20) or b"")
    assert [one.name for one in said.artifacts] == ["video"]
    assert [(one.name, one.reason) for one in said.missing] == [("notes", Reason.EXPIRED)]


def forged(scene: Scene, **changes: object) -> None:
    """A manifest that says something else than the operator would write."""
    recording = scene.a_recording(days=0)
    manifest = manifest_of(recording).model_copy(update=changes)
    owner = DocumentOwner(recording_uid=recording.metadata.uid, name=MANIFEST_FILE, org="acme")
    key = manifest_key(recording, scene.location)
    assert scene.real.create_document(key, encode(manifest), CONTENT_TYPE, owner)
    scene.removed(recording)


@pytest.mark.parametrize("at", ["archive", "other"])
@pytest.mark.parametrize("move", [None, MoveStatus(from_="archive")])
def test_what_a_move_has_left_behind_expires(scene: Scene, at: str, move: MoveStatus | None) -> None:
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    status = recording.status.model_copy(update={"storage_location": at, "move": move})
    moved = recording.model_copy(update={"status": status})
    scene.in_kubernetes[recording.metadata.namespace, recording.metadata.name] = moved
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == (0 if at == "other" and move is None else 2)


@pytest.mark.parametrize("move", [None, MoveStatus(to="other"), MoveStatus(from_="other")])
@pytest.mark.parametrize(("reason", "left"), [(Reason.EXPIRED, 0), (Reason.STORED, 2)])
def test_what_a_recording_finds_when_it_returns_expires(
    scene: Scene, reason: Reason, left: int, move: MoveStatus | None
) -> None:
    """It has expired elsewhere, so its status names none of the objects that were kept here."""
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    states = tuple(one.model_copy(update={"reason": reason}) for one in recording.status.artifacts)
    status = recording.status.model_copy(update={"artifacts": states, "move": move})
    returned = recording.model_copy(update={"status": status})
    scene.in_kubernetes[recording.metadata.namespace, recording.metadata.name] = returned
    scene.list_manifests()
    assert len(scene.stored()) == 2, "it is young"
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == (left if move is None else 2)


def test_a_manifest_of_another_location_is_left(scene: Scene) -> None:
    forged(scene, storage_location="other")
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 2


def test_a_manifest_that_lists_objects_of_others_deletes_nothing(scene: Scene) -> None:
    victim = scene.a_recording(days=0, number=2)
    stolen = manifest_of(victim).artifacts
    forged(scene, artifacts=stolen)
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 3


def test_a_manifest_that_says_it_ended_earlier_does_not_delete_early(scene: Scene) -> None:
    forged(scene, completed_at=scene.now - timedelta(days=100))
    scene.age(3)
    scene.list_manifests()
    assert len(scene.stored()) == 2


def test_an_artifact_that_looks_like_a_manifest_is_none(scene: Scene) -> None:
    recording = scene.a_recording(days=0)
    key, body = manifest_key(recording, scene.location), encode(manifest_of(recording))
    obj = ObjectSpec(
        key=key, content_type="application/json", kind="Other", recording_uid=uid_of(1), artifact="metadata"
    )
    scene.real.put(obj, body, crc64nvme=crc64nvme(body))
    scene.removed(recording)
    scene.age(8)
    scene.list_manifests()
    assert len(scene.stored()) == 2


def test_a_store_that_fails_is_tried_again_with_the_next_listing(scene: Scene) -> None:
    recording = scene.a_recording(days=0)
    scene.with_manifest(recording)
    scene.removed(recording)
    scene.age(8)
    scene.store.failure = TransferError(Reason.STORE_UNAVAILABLE, "no answer")
    scene.list_manifests()
    assert len(scene.stored()) == 2
    scene.store.failure = None
    scene.list_manifests()
    assert scene.stored() == []


def test_old_uploads_are_aborted(scene: Scene) -> None:
    scene.location = scene.a_location({"abortIncompleteAfterDays": 2})
    key = f"rec/media/acme/{uid_of(1)}/video.mp4"
    for one in (key, "rec/of-somebody-else"):
        obj = ObjectSpec(key=one, content_type="video/mp4", kind="Video", recording_uid=uid_of(1), artifact="video")
        scene.real.create_upload(obj, part_size_bytes=5 * 2**20)
    scene.age(1)
    scene.list_manifests()
    assert len(list(scene.real.uploads("rec/"))) == 2
    scene.list_manifests()
    assert [upload.key for upload in scene.real.uploads("rec/")] == ["rec/of-somebody-else"]
