"""Files that clients send in parts, by presigned URLs and plain HTTP."""

from typing import Any

import pytest

from recording_operator.kube.errors import Invalid
from tests.support.client_uploads import send_file
from tests.support.recordings import artifact_of, from_client
from tests.support.sending_client import LARGE, PAGE, PART, SMALL, Client, client_of
from tests.support.transfers import sum_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture
def client(world: World) -> Client:
    return client_of(world)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["one part", "three parts"])
@pytest.mark.parametrize("checksum", [None, "crc64nvme", "sha256"])
def test_what_a_client_sends_is_stored(world: World, client: Client, body: bytes, checksum: str | None) -> None:
    recording = world.create(from_client(body))
    client.upload(recording, body, **({"checksum": sum_of(checksum, body)} if checksum else {}))
    status = recording.wait_phase("Complete")
    artifact = artifact_of(status, "video")
    assert (artifact["bytesDone"], artifact.get("provedChecksum")) == (len(body), checksum)
    assert "uploadExpiresAt" not in artifact
    assert status["attempts"] == 0


def test_finish_before_all_parts_are_there_waits_for_them(world: World, client: Client) -> None:
    recording = world.create(from_client(LARGE))
    client.send(recording, LARGE, only=[1])
    client.finish(recording, LARGE)
    status = recording.wait(
        lambda status: "2 of 3 parts are missing" in status.get("message", ""), what="a count of the missing parts"
    )
    assert artifact_of(status, "video")["bytesDone"] == PART
    client.send(recording, LARGE, only=[2, 3])
    recording.wait_phase("Complete")


def test_finish_is_set_once(world: World, client: Client) -> None:
    recording = world.create(from_client(SMALL))
    client.upload(recording, SMALL)
    client.finish(recording, SMALL)
    with pytest.raises(Invalid):
        client.finish(recording, LARGE)
    recording.wait_phase("Complete")


def rejected(world: World, client: Client, body: bytes, finish: dict[str, Any], **upload: Any) -> dict[str, Any]:
    """A Recording that fails; nothing of it stays in the store."""
    recording = world.create(from_client(body, stored=False, **upload))
    client.send(recording, body)
    client.finish(recording, body, **finish)
    status = recording.wait_phase("Failed")
    artifact = artifact_of(status, "video")
    assert client.store.head(artifact["key"]) is None
    eventually(lambda: world.open_uploads() == [], what="no open upload")
    return artifact


def test_a_page_instead_of_a_video_is_removed(world: World, client: Client) -> None:
    artifact = rejected(world, client, PAGE, {})
    assert artifact["reason"] == "UnexpectedContent"
    assert artifact["message"] == (
        "The client has sent HTML, expected Video. If that is intended, declare it with contentType. It was removed."
    )


def test_a_type_that_is_not_listed_is_removed(world: World, client: Client) -> None:
    body = b"\x89PNG\r\n\x1a\n" + bytes(3000)
    recording = world.create(from_client(body, name="other", stored=False, contentTypes=["video/*"]))
    artifact = artifact_of(recording.wait_phase("Pending", reason="WaitingForUpload"), "other")
    send_file(client.store, artifact["key"], artifact["uploadId"], body, part_size=artifact["partSize"])
    recording.edit_source(
        "other", upload={"maxSize": "100Mi", "contentTypes": ["video/*"], "finish": {"size": len(body)}}
    )
    status = recording.wait_phase("Failed", reason="UnexpectedContent")
    assert "source.upload.contentTypes allows video/*" in status["message"]


@pytest.mark.parametrize("algorithm", ["crc64nvme", "sha256"])
def test_a_wrong_checksum_is_removed(world: World, client: Client, algorithm: str) -> None:
    artifact = rejected(world, client, SMALL, {"checksum": sum_of(algorithm, b"other")})
    assert artifact["reason"] == "ChecksumMismatch"


def test_more_than_the_client_says_is_removed(world: World, client: Client) -> None:
    assert rejected(world, client, LARGE, {"size": PART + 1})["reason"] == "SizeMismatch"


def test_more_than_the_location_allows_is_removed(world: World, client: Client) -> None:
    world.edit_location(limits={"maxArtifactSize": "8Mi"})
    world.wait_location("ProbeSucceeded")
    assert rejected(world, client, LARGE, {})["reason"] == "SourceTooLarge"


def test_an_abandoned_upload_expires_and_a_retry_opens_another(world: World, client: Client) -> None:
    recording = world.create(from_client(LARGE, expiresAfter="3s"))
    first = client.send(recording, LARGE, only=[1])
    status = recording.wait_phase("Failed", reason="UploadExpired")
    assert "Change spec.retryToken" in status["message"]
    eventually(lambda: world.open_uploads() == [], what="no open upload")
    recording.edit(retryToken="again")
    recording.wait_phase("Pending", reason="WaitingForUpload")
    assert client.upload(recording, LARGE) != first
    recording.wait_phase("Complete")


def test_a_lost_upload_is_opened_again_by_a_retry(world: World, client: Client) -> None:
    recording = world.create(from_client(SMALL))
    recording.wait_phase("Pending", reason="WaitingForUpload")
    artifact = artifact_of(recording.status(), "video")
    assert client.store.abort(artifact["key"], artifact["uploadId"])
    recording.edit(retryToken="again")
    recording.wait(
        lambda status: (
            status.get("reason") == "WaitingForUpload"
            and artifact_of(status, "video")["uploadId"] != artifact["uploadId"]
        ),
        what="another upload",
    )
    client.upload(recording, SMALL)
    recording.wait_phase("Complete")


def test_deleted_half_way(world: World, client: Client) -> None:
    recording = world.create(from_client(LARGE, stored=False))
    client.send(recording, LARGE, only=[1])
    recording.delete()
    recording.wait_gone()
    eventually(lambda: world.open_uploads() == [], what="no open upload")


def test_cancelled_half_way(world: World, client: Client) -> None:
    recording = world.create(from_client(LARGE, stored=False))
    client.send(recording, LARGE, only=[1])
    recording.edit(cancel=True)
    recording.wait_phase("Failed", reason="Cancelled")
    eventually(lambda: world.open_uploads() == [], what="no open upload")


def test_suspended_and_resumed_half_way(world: World, client: Client) -> None:
    recording = world.create(from_client(LARGE))
    upload_id = client.send(recording, LARGE, only=[1])
    recording.edit(suspend=True)
    recording.wait_phase("Pending", reason="Suspended")
    assert [found[1] for found in world.open_uploads()] == [upload_id]
    recording.edit(suspend=False)
    assert client.send(recording, LARGE, only=[2, 3]) == upload_id
    client.finish(recording, LARGE)
    recording.wait_phase("Complete")
