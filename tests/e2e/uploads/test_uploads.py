"""Files that clients send through the console: real API server, operator and S3 server."""

import json
from typing import Any

import pytest

from tests.console.conftest import Visitors
from tests.e2e.uploads.conftest import Senders
from tests.e2e.uploads.sender import Sender, put
from tests.support.recordings import artifact_of, from_client, from_media
from tests.support.sending_client import LARGE, PAGE, PART, SMALL
from tests.support.transfers import sum_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["one part", "three parts"])
def test_a_file_is_sent_and_stored(world: World, sender: Senders, body: bytes) -> None:
    recording = world.create(from_client(body))
    client = sender(recording)
    upload = client.send(body)
    assert (upload["partSize"], upload["maxSize"], upload["finished"]) == (PART, 100 * 2**20, False)
    assert upload["md5Etags"] is True
    done = client.complete(upload["uploadId"], size=len(body), checksum=sum_of("crc64nvme", body))
    assert done.status == 202, done.body
    artifact = artifact_of(recording.wait_phase("Complete"), "video")
    assert (artifact["bytesDone"], artifact["provedChecksum"]) == (len(body), "crc64nvme")
    assert artifact["key"] == upload["key"]
    late = client.begin()
    assert (late.status, late.detail, late.headers.get("retry-after")) == (
        409,
        "Artifact video is stored already.",
        None,
    )


def test_a_client_that_was_killed_goes_on(world: World, sender: Senders) -> None:
    recording = world.create(from_client(LARGE))
    first = sender(recording).send(LARGE, only=[1, 3])
    another = sender(recording)
    upload = another.opened()
    assert upload["uploadId"] == first["uploadId"]
    listed = another.listed(upload["uploadId"])
    assert [(one["PartNumber"], one["Size"]) for one in listed] == [(1, PART), (3, 1234)]
    early = another.complete(upload["uploadId"], size=len(LARGE))
    assert (early.status, early.document["missing"]) == (409, [2])
    another.send(LARGE, only=[2])
    assert another.complete(upload["uploadId"]).status == 202
    recording.wait_phase("Complete")


def test_finished_twice(world: World, sender: Senders) -> None:
    recording = world.create(from_client(SMALL))
    client = sender(recording)
    upload_id = client.send(SMALL)["uploadId"]
    assert client.complete(upload_id, size=len(SMALL)).status == 202
    assert client.complete(upload_id, size=len(SMALL)).status == 202
    other = client.complete(upload_id, size=len(SMALL) - 1)
    assert other.status == 409
    assert other.detail == f"The upload was finished already, with {len(SMALL)} bytes. That cannot be changed."
    recording.wait_phase("Complete")
    assert client.complete(upload_id).document["phase"] == "Complete"


def test_parts_that_do_not_fit(world: World, sender: Senders) -> None:
    recording = world.create(from_client(SMALL, maxSize="9Mi"))
    client = sender(recording)
    upload_id = client.opened()["uploadId"]

    def rejected(number: int, **part: Any) -> str:
        reply = client.url(upload_id, number, **part)
        assert reply.status == 422
        return reply.detail

    assert rejected(1, size=PART + 1) == (
        f"The part has {PART + 1} bytes. Every part but the last has exactly {PART} bytes."
    )
    assert rejected(2, size=2**20 + 1) == f"The file has {9 * 2**20 + 1} bytes, allowed are {9 * 2**20}."
    assert rejected(3, size=1) == "Part 3 is beyond the largest file, which has 2 parts."
    assert rejected(0) == rejected(10_001) == rejected(1, size=0) == "The request is not valid."
    assert client.url(upload_id, 1).document["size"] == PART
    assert client.url(upload_id, 2).document["size"] == 2**20
    too_large = client.begin({"size": 9 * 2**20 + 1, "filename": "x.mp4"})
    assert (too_large.status, client.begin({"size": 9 * 2**20}).status) == (422, 200)

    made = client.url(upload_id, 1, size=len(SMALL), md5=bytes(16)).document
    assert put(made, SMALL) == 400
    made = client.url(upload_id, 1, size=len(SMALL)).document
    assert put(made, SMALL + b"x") == 403
    assert client.listed(upload_id) == []
    nothing = client.complete(upload_id)
    assert (nothing.status, nothing.detail) == (409, "No part was sent.")
    client.send(SMALL)
    assert client.complete(upload_id).status == 202
    recording.wait_phase("Complete")


def test_a_url_is_for_one_part_of_one_upload(world: World, sender: Senders) -> None:
    recording = world.create(from_client(LARGE))
    client = sender(recording)
    upload_id, rest = client.send(LARGE, only=[1, 2])["uploadId"], LARGE[2 * PART :]
    made = client.url(upload_id, 3, size=len(rest)).document
    assert put({**made, "url": made["url"].replace("partNumber=3", "partNumber=2")}, rest) == 403
    assert made["url"].split("?")[0].endswith(client.opened()["key"])
    assert put(made, rest) == 200
    assert client.complete(upload_id).status == 202
    recording.wait_phase("Complete")


def test_nobody_touches_the_upload_of_another_tenant(world: World, sender: Senders, visitors: Visitors) -> None:
    recording = world.create(from_client(SMALL))
    client = sender(recording)
    upload_id = client.opened()["uploadId"]
    elsewhere = Sender(visitor=visitors.tenant, namespace="default", name=recording.name)
    viewer = Sender(visitor=visitors.viewer, namespace=recording.namespace, name=recording.name)
    nobody = Sender(visitor=visitors.nobody, namespace=recording.namespace, name=recording.name)
    for other, status in ((elsewhere, 403), (viewer, 403), (nobody, 401)):
        replies = (
            other.begin(),
            other.parts(upload_id),
            other.url(upload_id, 1),
            other.complete(upload_id, size=1),
            other.abort(upload_id),
        )
        assert [reply.status for reply in replies] == [status] * 5
    another = world.create(from_client(SMALL), name="another")
    foreign = sender(another)
    foreign.opened()
    for reply in (foreign.parts(upload_id), foreign.url(upload_id, 1), foreign.complete(upload_id, size=1)):
        assert reply.status == 404
    for one in (client, foreign):
        one.complete(one.send(SMALL)["uploadId"])
    recording.wait_phase("Complete")
    another.wait_phase("Complete")


def test_the_key_in_a_status_is_not_believed(world: World, sender: Senders) -> None:
    recording = world.create(from_client(SMALL, stored=False))
    client = sender(recording)
    upload = client.opened()
    world.admin.request(
        "PATCH",
        f"/apis/recordings.dev/v1alpha1/namespaces/{recording.namespace}/recordings/{recording.name}/status",
        body={"status": {"artifacts": [{**artifact_of(recording.status(), "video"), "key": "of/another/video"}]}},
        content_type="application/merge-patch+json",
    )
    assert client.url(upload["uploadId"], 1).document["url"].split("?")[0].endswith(upload["key"])
    recording.edit(cancel=True)
    recording.wait_phase("Failed")


@pytest.mark.parametrize(
    ("body", "file", "reason"),
    [
        (SMALL, {"checksum": sum_of("crc64nvme", b"other")}, "ChecksumMismatch"),
        (SMALL, {"checksum": sum_of("sha256", b"other")}, "ChecksumMismatch"),
        (PAGE, {}, "UnexpectedContent"),
    ],
    ids=["crc64nvme", "sha256", "another content"],
)
def test_a_wrong_file_is_removed(world: World, sender: Senders, body: bytes, file: dict[str, Any], reason: str) -> None:
    recording = world.create(from_client(body, stored=False))
    client = sender(recording)
    upload_id = client.send(body)["uploadId"]
    assert client.complete(upload_id, size=len(body), **file).status == 202
    recording.wait_phase("Failed", reason=reason)
    eventually(lambda: world.open_uploads() == [], what="no open upload")
    again = client.begin()
    assert again.status == 409
    assert reason in again.detail
    assert "It was removed. Retry the Recording to open another upload." in again.detail
    key = artifact_of(recording.status(), "video")["key"]
    assert world.s3.client().list_objects_v2(Bucket=world.bucket, Prefix=key)["KeyCount"] == 0


def test_the_time_is_over(world: World, sender: Senders) -> None:
    recording = world.create(from_client(LARGE, stored=False, expiresAfter="4s"))
    client = sender(recording)
    upload = client.opened()
    made = client.url(upload["uploadId"], 1)
    if made.status == 200:
        assert made.document["expiresAt"] <= upload["expiresAt"]
    recording.wait_phase("Failed", reason="UploadExpired")
    replies = (client.begin(), client.url(upload["uploadId"], 1), client.complete(upload["uploadId"], size=len(LARGE)))
    assert [reply.status for reply in replies] == [409] * 3
    assert "UploadExpired" in replies[0].detail
    assert "retry-after" not in replies[0].headers


def test_given_up(world: World, sender: Senders) -> None:
    recording = world.create(from_client(LARGE, stored=False))
    client = sender(recording)
    upload_id = client.send(LARGE, only=[1])["uploadId"]
    assert client.abort(upload_id).status == 202
    recording.wait_phase("Failed", reason="Cancelled")
    eventually(lambda: world.open_uploads() == [], what="no open upload")
    assert client.abort(upload_id).status == 409


def test_giving_up_one_file_does_not_end_the_others(world: World, sender: Senders) -> None:
    recording = world.create(from_client(SMALL), from_client(SMALL, name="audio"))
    client = sender(recording)
    upload_id = client.send(SMALL)["uploadId"]
    kept = client.abort(upload_id)
    assert kept.status == 409
    assert "audio would end, too" in kept.detail
    client.complete(upload_id)
    other = Sender(visitor=client.visitor, namespace=client.namespace, name=client.name, artifact="audio")
    other.complete(other.send(SMALL)["uploadId"])
    recording.wait_phase("Complete")


def test_only_artifacts_that_clients_send(world: World, sender: Senders, visitors: Visitors) -> None:
    recording = world.create(from_media(world.media))
    client = sender(recording)
    assert (client.begin().status, client.begin().detail) == (
        409,
        "Artifact video comes from elsewhere: it has no source.upload.",
    )
    missing = Sender(visitor=visitors.tenant, namespace=client.namespace, name=client.name, artifact="audio")
    assert (missing.begin().status, missing.begin().detail) == (404, "The Recording has no artifact audio.")
    gone = Sender(visitor=visitors.tenant, namespace=client.namespace, name="gone")
    assert gone.begin().status == 404
    recording.wait_phase("Complete")


def test_the_paths_of_uppy(world: World, sender: Senders) -> None:
    recording = world.create(from_client(SMALL))
    client = sender(recording)
    upload = client.opened()
    visitor, at = client.visitor, f"{client.path}/s3/multipart"
    created = visitor.post(at, {"filename": "v.mp4", "type": "video/mp4", "metadata": {"name": "v.mp4"}}).document
    assert (created["uploadId"], created["key"]) == (upload["uploadId"], upload["key"])
    one = f"{at}/{created['uploadId']}"
    assert put(visitor.get(f"{one}/1?key=x&size={len(SMALL)}").document, SMALL) == 200
    [part] = json.loads(visitor.get(f"{one}?key=x").body)
    done = visitor.post(f"{one}/complete?key=x", {"parts": [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]}]})
    assert (done.status, done.document["key"]) == (202, upload["key"])
    recording.wait_phase("Complete")


def test_uppy_needs_no_size_of_a_part_if_its_endpoint_has_that_of_the_file(world: World, sender: Senders) -> None:
    recording = world.create(from_client(LARGE))
    client = sender(recording)
    client.opened()
    visitor, at = client.visitor, f"{client.path}/sized/{len(LARGE)}/s3/multipart"
    created = visitor.post(at, {"filename": "v.mp4", "type": "video/mp4"}).document
    one = f"{at}/{created['uploadId']}"
    for number, begin in enumerate(range(0, len(LARGE), PART), start=1):
        made = visitor.get(f"{one}/{number}?key=x")
        assert made.status == 200, made.body
        assert put(made.document, LARGE[begin : begin + PART]) == 200
    assert visitor.get(f"{one}/4?key=x").status == 422
    assert visitor.post(at.replace(str(len(LARGE)), "x"), {}).status == 422
    assert visitor.post(at.replace(str(len(LARGE)), str(2**40)), {}).status == 422
    assert visitor.post(f"{one}/complete?key=x", {"parts": []}).status == 202
    recording.wait_phase("Complete")
