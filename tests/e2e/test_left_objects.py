"""A deletion that a retention prevents: it is reported, and given up after the time in the settings."""

from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from tests.support.recordings import Live, a_recording, artifact_of, from_media, path_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


def stored_under_retention(world: World) -> Live:
    """A stored Recording in a namespace and a bucket of its own. No client may delete its object for an hour."""
    own, client = f"{world.namespace}-own", world.s3.client()
    client.create_bucket(Bucket=own, ObjectLockEnabledForBucket=True)
    client.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": "Enabled"})
    world.cluster.kubectl("create", "namespace", own)
    location = world.make_location(
        spec={"s3": {"bucket": own}, "allowedNamespaces": {"names": [own]}, "deletionPolicies": ["Retain", "Delete"]}
    )
    manifest = a_recording(own, from_media(world.media), name="meeting", location=location, deletionPolicy="Delete")
    recording = Live(world.admin.request("POST", path_of(own), body=manifest), admin=world.admin, history=world.history)
    recording.wait_phase("Complete")
    video = artifact_of(recording.status(), "video")
    until = datetime.now(UTC) + timedelta(hours=1)
    client.put_object_retention(
        Bucket=own,
        Key=video["key"],
        VersionId=video["versionId"],
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
    )
    return recording


def events_of_namespace(world: World, name: str) -> list[str]:
    """Notes of the Events ObjectsLeft about a Namespace."""
    found = world.admin.request("GET", "/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    about = [
        event for event in found if (event["regarding"]["kind"], event["regarding"]["name"]) == ("Namespace", name)
    ]
    return [str(event["note"]) for event in about if event["reason"] == "ObjectsLeft"]


def test_t62_a_deletion_under_retention_is_given_up_and_its_objects_are_named(own_world: World) -> None:
    world = own_world
    operator = world.start_operator(deletion={"giveUpAfter": "20s"})
    recording = stored_under_retention(world)
    video = artifact_of(recording.status(), "video")

    world.cluster.kubectl("delete", "namespace", recording.namespace, "--wait=false")

    def said() -> bool:
        return recording.status().get("reason") == "DeletionBlocked"

    eventually(said, within_s=15, what="the condition DeletionBlocked")
    status = recording.status()
    assert "protected by Object Lock (GOVERNANCE) until" in status["message"]
    assert recording.read()["metadata"]["finalizers"] == [DELETE_OBJECT_FINALIZER]

    recording.wait_gone(within_s=60)

    kept = world.s3.client().list_object_versions(Bucket=recording.namespace, Prefix=video["key"])["Versions"]
    assert [version["VersionId"] for version in kept] == [video["versionId"]]
    eventually(lambda: events_of_namespace(world, recording.namespace), within_s=15, what="an Event on the Namespace")
    [note] = events_of_namespace(world, recording.namespace)
    assert f"s3://{recording.namespace}/{video['key']}" in note
    assert f"The object stays in the store: {video['uri']}, version {video['versionId']}" in operator.log_text()
    # The manifest stays with its object.
    assert 'recording_operator_objects_left_total{reason="RetentionInForce"} 2.0' in operator.metrics()
