"""Recordings that are deleted: what stays in the store, and what goes with them."""

import pytest

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from tests.support.recordings import MIB, Live, artifact_of, from_media
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def deletion_allowed(world: World) -> None:
    world.location = world.make_location(spec={"deletionPolicies": ["Retain", "Delete"]})


def object_of(recording: Live) -> tuple[str, str]:
    """Key and version of the stored video."""
    artifact = artifact_of(recording.status(), "video")
    return artifact["key"], artifact["versionId"]


def versions_at(world: World, key: str) -> list[str]:
    """Ids of all versions at the key."""
    found = world.s3.client().list_object_versions(Bucket=world.bucket, Prefix=key).get("Versions", [])
    return [version["VersionId"] for version in found]


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_in_the_middle_of_an_upload(world: World, policy: str) -> None:
    recording = world.create(from_media(world.media, size_bytes=64 * MIB, rate="2MB"), deletionPolicy=policy)
    recording.wait(lambda status: bool(status.get("bytesDone")), what="bytes on their way")

    recording.delete()

    recording.wait_gone(within_s=10)
    eventually(lambda: not world.open_uploads(), within_s=30, what="an aborted upload")
    world.removed.add(recording.uid)


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_while_it_waits(world: World, policy: str) -> None:
    recording = world.create(from_media(world.media), location="not-there", deletionPolicy=policy)
    recording.wait_phase("Pending", reason="LocationNotFound")

    recording.delete()

    recording.wait_gone(within_s=10)


def test_retained_after_it_is_complete(world: World) -> None:
    recording = world.create(from_media(world.media))
    recording.wait_phase("Complete")
    key, version = object_of(recording)
    assert "finalizers" not in recording.read()["metadata"]

    recording.delete()

    recording.wait_gone(within_s=5)
    assert versions_at(world, key) == [version]


def test_deleted_with_exactly_our_version(world: World) -> None:
    recording = world.create(from_media(world.media), deletionPolicy="Delete")
    recording.wait_phase("Complete")
    key, ours = object_of(recording)
    assert recording.read()["metadata"]["finalizers"] == [DELETE_OBJECT_FINALIZER]
    foreign = world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=b"of somebody else")["VersionId"]
    world.foreign_keys.add(key)

    recording.delete()

    recording.wait_gone(within_s=10)
    world.removed.add(recording.uid)
    assert versions_at(world, key) == [foreign]
    assert ours != foreign


def test_deletion_that_the_location_does_not_allow(world: World) -> None:
    forbids = world.make_location()
    recording = world.create(from_media(world.media), location=forbids, deletionPolicy="Delete")
    recording.wait_phase("Complete")
    key, version = object_of(recording)

    recording.delete()

    recording.wait_gone(within_s=10)
    assert versions_at(world, key) == [version]
    world.wait_events("meeting", "DeletionPolicyNotAllowed", only_warnings=True)


def test_policy_changed_after_it_is_complete(world: World) -> None:
    to_delete = world.create(from_media(world.media), name="to-delete")
    to_retain = world.create(from_media(world.media), name="to-retain", deletionPolicy="Delete")
    for recording, policy in ((to_delete, "Delete"), (to_retain, "Retain")):
        recording.wait_phase("Complete")
        recording.edit(deletionPolicy=policy)
        recording.wait_phase("Complete")
        wanted = [DELETE_OBJECT_FINALIZER] if policy == "Delete" else []
        eventually(lambda: recording.read()["metadata"].get("finalizers", []) == wanted, what="the finalizer")  # noqa: B023
        recording.delete()
        recording.wait_gone(within_s=10)

    world.removed.add(to_delete.uid)
    assert versions_at(world, artifact_of(to_delete.versions()[-1]["status"], "video")["key"]) == []


def test_deleted_and_created_again_under_the_same_name(world: World) -> None:
    first = world.create(from_media(world.media, size_bytes=64 * MIB, rate="2MB"))
    first.wait_upload()
    first.delete()
    second = world.create(from_media(world.media))

    second.wait_phase("Complete")

    assert first.uid != second.uid
    world.removed.add(first.uid)
    eventually(lambda: not world.open_uploads(), within_s=30, what="an aborted upload")
