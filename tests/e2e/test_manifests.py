"""The manifest of a Recording on a real API server and a real S3 server."""

import json
from typing import Any

import pytest

from recording_operator.kube.rest import MERGE_PATCH
from tests.support.recordings import CANARY, MIB, Live, from_media, inline
from tests.support.world import World

pytestmark = pytest.mark.cluster

JsonObject = dict[str, Any]


@pytest.fixture
def described(world: World) -> World:
    """A world whose location has manifests."""
    world.location = world.make_location(spec={"manifest": {"enabled": True}, "deletionPolicies": ["Retain", "Delete"]})
    return world


def settled(recording: Live, *, other_than: str = "") -> JsonObject:
    """Its status when nothing is left to do."""
    return recording.wait(
        lambda status: status.get("settled") is True and status.get("manifestRevision") != other_than, what="settled"
    )


def manifest_of(world: World, status: JsonObject) -> JsonObject:
    """What the store has."""
    key = status["manifestUri"].removeprefix(f"s3://{world.bucket}/")
    body = world.s3.client().get_object(Bucket=world.bucket, Key=key)["Body"].read()
    found: JsonObject = json.loads(body)
    return found


def test_one_write_of_the_status_says_complete_and_settled(described: World) -> None:
    recording = described.create(from_media(described.media, size_bytes=MIB), inline('{"a": 1}'), title="Weekly sync")
    status = settled(recording)
    assert status["phase"] == "Complete"
    assert recording.reasons() == ["Uploading/Uploading", "Complete/Stored"]
    found = manifest_of(described, status)
    assert (found["title"], found["uid"], found["completedAt"]) == ("Weekly sync", recording.uid, status["completedAt"])
    assert [one["key"] for one in found["artifacts"]] == [one["key"] for one in status["artifacts"]]
    assert status["manifestUri"] == f"s3://{described.bucket}/{status['prefix']}metadata.json"
    assert CANARY not in json.dumps(found)
    listed = described.admin.request(
        "GET",
        f"/apis/recordings.dev/v1alpha1/namespaces/{described.namespace}/recordings",
        query={"fieldSelector": "status.settled=true"},
    )["items"]
    assert [one["metadata"]["uid"] for one in listed] == [recording.uid]


def test_an_edit_of_title_or_labels_is_written_again(described: World) -> None:
    recording = described.create(inline("{}"), title="first")
    before = settled(recording)
    recording.edit(title="second")
    status = settled(recording, other_than=before["manifestRevision"])
    assert manifest_of(described, status)["title"] == "second"
    labels = {"metadata": {"labels": {"team": "red"}}}
    described.admin.request("PATCH", recording.path, body=labels, content_type=MERGE_PATCH)
    status = settled(recording, other_than=status["manifestRevision"])
    assert manifest_of(described, status)["labels"] == {"team": "red"}
    assert status["completedAt"] == before["completedAt"]


def test_the_key_of_an_artifact_is_not_used(described: World) -> None:
    recording = described.create(inline("{}", name="metadata"))
    status = settled(recording)
    key = status["manifestUri"].removeprefix(f"s3://{described.bucket}/")
    assert key != status["artifacts"][0]["key"]
    assert manifest_of(described, status)["artifacts"][0]["key"] == status["artifacts"][0]["key"]


def test_a_foreign_object_at_its_key_is_kept_and_told(described: World) -> None:
    recording = described.create(from_media(described.media, size_bytes=4 * MIB, rate="1MB"))
    status = recording.wait(lambda found: bool(found.get("prefix")), what="a prefix")
    key = f"{status['prefix']}metadata.json"
    foreign = described.s3.client().put_object(Bucket=described.bucket, Key=key, Body=b"of somebody else")["VersionId"]
    described.foreign_keys.add(key)
    status = recording.wait_phase("Complete")
    status = recording.wait(lambda found: found.get("settled") is False, what="not settled")
    [condition] = [one for one in status["conditions"] if one["type"] == "ManifestWritten"]
    assert (condition["status"], condition["reason"]) == ("False", "StoreKeyConflict")
    described.s3.client().delete_object(Bucket=described.bucket, Key=key, VersionId=foreign)
    assert "ManifestWritten" not in {one["type"] for one in settled(recording)["conditions"]}


def test_a_deletion_takes_every_version_along(described: World) -> None:
    recording = described.create(inline("{}"), title="first", deletionPolicy="Delete")
    before = settled(recording)
    recording.edit(title="second")
    settled(recording, other_than=before["manifestRevision"])
    recording.delete()
    recording.wait_gone(within_s=10)
    described.removed.add(recording.uid)
    answer = described.s3.client().list_object_versions(Bucket=described.bucket, Prefix=before["prefix"])
    assert answer.get("Versions", []) == answer.get("DeleteMarkers", []) == []


def test_a_recording_of_an_earlier_version_settles_without_moving_a_byte(described: World) -> None:
    recording = described.create(from_media(described.media, size_bytes=MIB))
    before = settled(recording)
    served = len(described.media.served)
    patch = {"status": {"settled": None, "manifestUri": None, "manifestRevision": None}}
    described.admin.request("PATCH", f"{recording.path}/status", body=patch, content_type=MERGE_PATCH)
    recording.wait(lambda status: "settled" not in status, what="as before the upgrade")
    status = settled(recording)
    assert (status["manifestUri"], status["completedAt"]) == (before["manifestUri"], before["completedAt"])
    assert len(described.media.served) == served
