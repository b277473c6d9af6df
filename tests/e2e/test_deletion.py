"""Deleted Recordings: which objects stay in the store, and which are deleted with them."""

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.kube.errors import NotFound
from tests.support.recordings import MIB, Live, a_recording, artifact_of, from_media, path_of
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


def stored_in_a_bucket_of_its_own(world: World) -> Live:
    """A stored Recording that takes its objects with it, in a namespace and a bucket that the test may remove."""
    own = f"{world.namespace}-own"
    world.s3.create_bucket(own, versioned=True)
    world.cluster.kubectl("create", "namespace", own)
    location = world.make_location(
        spec={
            "s3": {"bucket": own},
            "allowedNamespaces": {"names": [own]},
            "deletionPolicies": ["Retain", "Delete"],
        }
    )
    manifest = a_recording(own, from_media(world.media), name="meeting", location=location, deletionPolicy="Delete")
    recording = Live(world.admin.request("POST", path_of(own), body=manifest), admin=world.admin, history=world.history)
    recording.wait_phase("Complete")
    return recording


def bucket_of(recording: Live) -> str:
    """Where its objects are."""
    return str(recording.status()["bucket"])


def empty_and_delete(world: World, bucket: str) -> None:
    """Remove a bucket with all that is in it."""
    client = world.s3.client()
    listing = client.list_object_versions(Bucket=bucket)
    for found in [*listing.get("Versions", []), *listing.get("DeleteMarkers", [])]:
        client.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    client.delete_bucket(Bucket=bucket)


def namespace_is_gone(world: World, name: str) -> bool:
    """Whether the namespace has ended."""
    try:
        world.admin.request("GET", f"/api/v1/namespaces/{name}")
    except NotFound:
        return True
    return False


def location_events(world: World, name: str) -> list[str]:
    """Reasons of the Events about a StorageLocation."""
    found = world.admin.request("GET", "/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    return [str(event["reason"]) for event in found if event["regarding"]["name"] == name]


def put_key(world: World, location: str, *, secret_key: str) -> None:
    """Replace the secret key that a location uses."""
    key = {"AWS_ACCESS_KEY_ID": world.s3.root.access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    world.put_secret(location, key, namespace=OPERATOR_NAMESPACE)


def keys_of(world: World, bucket: str) -> list[str]:
    """What a bucket shows."""
    return [found["Key"] for found in world.s3.client().list_objects_v2(Bucket=bucket).get("Contents", [])]


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
        eventually(lambda: recording.read()["metadata"].get("finalizers", []) == wanted, what="the finalizer")  # noqa: B023 - called before the next round
        recording.delete()
        recording.wait_gone(within_s=10)

    world.removed.add(to_delete.uid)
    assert versions_at(world, artifact_of(to_delete.versions()[-1]["status"], "video")["key"]) == []


def test_t61_a_namespace_whose_bucket_is_gone_ends(world: World) -> None:
    recording = stored_in_a_bucket_of_its_own(world)
    empty_and_delete(world, bucket_of(recording))

    world.cluster.kubectl("delete", "namespace", recording.namespace, "--wait=false")

    recording.wait_gone(within_s=45)
    eventually(lambda: namespace_is_gone(world, recording.namespace), within_s=60, what="the end of the namespace")
    world.wait_location("BucketNotFound", name=recording.spec["storageLocation"])
    assert {"DeletionBlocked", "BucketNotFound"} <= set(location_events(world, recording.spec["storageLocation"]))


def test_t60_a_namespace_blocked_by_the_store_reports_it_and_ends_after_the_repair(world: World) -> None:
    recording = stored_in_a_bucket_of_its_own(world)
    name, bucket = recording.spec["storageLocation"], bucket_of(recording)
    put_key(world, name, secret_key="wrong-secret-key-of-nobody")
    world.edit_location(name, limits={"concurrentUploads": 9})  # which has it checked, with the new key
    world.wait_location("CredentialsInvalid", name=name)

    world.cluster.kubectl("delete", "namespace", recording.namespace, "--wait=false")

    def told() -> bool:
        conditions = recording.status().get("conditions", [])
        return any((one["type"], one["status"]) == ("DeletionBlocked", "True") for one in conditions)

    eventually(told, within_s=45, what="the condition DeletionBlocked")
    status = recording.status()
    assert status["reason"] == "DeletionBlocked"
    assert "deletionPolicy" in status["message"]
    eventually(lambda: "DeletionBlocked" in location_events(world, name), what="an Event on the StorageLocation")
    assert recording.read()["metadata"]["finalizers"] == [DELETE_OBJECT_FINALIZER]

    put_key(world, name, secret_key=world.s3.root.secret_key)
    recording.wait_gone(within_s=45)
    assert [key for key in keys_of(world, bucket) if not key.startswith(".recording-operator/")] == []


def test_deleted_and_created_again_under_the_same_name(world: World) -> None:
    first = world.create(from_media(world.media, size_bytes=64 * MIB, rate="2MB"))
    first.wait_upload()
    first.delete()
    second = world.create(from_media(world.media))

    second.wait_phase("Complete")

    assert first.uid != second.uid
    world.removed.add(first.uid)
    eventually(lambda: not world.open_uploads(), within_s=30, what="an aborted upload")
