"""Changes that were made while no operator was running are found by the next one."""

import json

import pytest

from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import MIB, artifact_of, from_media, from_source, inline
from tests.support.transfers import pattern
from tests.support.waiting import eventually
from tests.support.world import World, moved_bytes

pytestmark = pytest.mark.cluster

SWEEPS = {"finishedInterval": "1s", "uploadsInterval": "1s", "uploadMinAge": "1s"}
OWNER_MARKER = ".recording-operator/owner"


def test_finished_recordings_edited_or_deleted_meanwhile(own_world: World) -> None:
    world = own_world
    world.location = world.make_location(spec={"deletionPolicies": ["Retain", "Delete"]})
    world.secrets.add(URL_CANARY)
    with LyingSource(Content(body=pattern(MIB))) as source:
        source.behave = lambda _: Behaviour(status=410, body=b"")
        operator = world.start_operator()
        failed = world.create(from_source(source), name="failed")
        grown = world.create(from_media(world.media), name="grown")
        retained = world.create(from_media(world.media), name="retained")
        deleted = world.create(from_media(world.media), name="deleted", deletionPolicy="Delete")
        short = world.create(from_media(world.media), name="short-lived")
        for recording in (grown, retained, deleted, short):
            recording.wait_phase("Complete")
        failed.wait_phase("Failed", reason="SourceNotFound")
        world.terminate(operator)

        source.behave = lambda _: Behaviour()
        failed.edit(retryToken="1")
        world.append(grown, inline("{}"))
        retained.delete()
        deleted.delete()
        short.edit(ttlAfterFinished="1s")
        retained.wait_gone(within_s=5)
        world.start_operator()

        failed.wait_phase("Complete")
        assert len(grown.wait_phase("Complete")["artifacts"]) == 2
        deleted.wait_gone(within_s=15)
        short.wait_gone(within_s=15)
        world.removed.add(deleted.uid)


def test_uploads_left_over_are_aborted_others_are_not(own_world: World) -> None:
    world, client = own_world, own_world.s3.client()
    operator = world.start_operator()
    orphan = world.create(from_media(world.media, size_bytes=64 * MIB, rate="500KB"), name="orphan")
    waiting = world.create(from_media(world.media, size_bytes=64 * MIB, rate="500KB"), name="waiting")
    kept, left_over = waiting.wait_upload(), orphan.wait_upload()
    waiting.edit(suspend=True)
    waiting.wait_phase("Pending", reason="Suspended")
    world.kill(operator)
    orphan.delete()
    orphan.wait_gone()
    world.removed.add(orphan.uid)
    strange = client.create_multipart_upload(Bucket=world.bucket, Key="of/somebody/else")["UploadId"]
    world.foreign_uploads.add(strange)
    assert {upload for _, upload in world.open_uploads()} == {kept, left_over, strange}

    world.start_operator(sweep=SWEEPS)

    eventually(lambda: left_over not in {upload for _, upload in world.open_uploads()}, within_s=20, what="aborted")
    assert {upload for _, upload in world.open_uploads()} == {kept, strange}
    waiting.edit(suspend=False)
    waiting.wait(lambda status: bool(status.get("bytesDone")), what="it goes on")
    waiting.edit(cancel=True)
    waiting.wait_phase("Failed", reason="Cancelled")
    assert waiting.upload_ids() == {kept}


def test_uploads_under_the_prefix_of_another_cluster_are_let_alone(own_world: World) -> None:
    world, client = own_world, own_world.s3.client()
    world.foreign_keys.add(OWNER_MARKER)
    client.put_object(Bucket=world.bucket, Key=OWNER_MARKER, Body=b"00000000-0000-4000-8000-000000000000")
    world.location = world.make_location(spec={"keyTemplate": "{namespace}/{uid}/{artifact}{ext}"})
    key = "team/00000000-0000-4000-8000-000000000001/video.mp4"
    theirs = client.create_multipart_upload(Bucket=world.bucket, Key=key)["UploadId"]
    world.foreign_uploads.add(theirs)

    operator = world.start_operator(sweep={**SWEEPS, "uploadMinAge": "100ms"})
    world.create(from_media(world.media)).wait_phase("Complete")

    eventually(lambda: "belongs to another cluster" in operator.log_text(), what="a warning")
    assert [upload for _, upload in world.open_uploads()] == [theirs]


def test_an_upload_that_no_status_names_is_aborted_with_its_recording(own_world: World) -> None:
    """Killed between the upload's creation and the write of its id (T5): made by hand here."""
    world, client = own_world, own_world.s3.client()
    operator = world.start_operator()
    recording = world.create(from_media(world.media, size_bytes=32 * MIB, rate="1MB"))
    recording.wait_upload()
    world.kill(operator)
    key = artifact_of(recording.status(), "video")["key"]
    client.create_multipart_upload(Bucket=world.bucket, Key=key)
    recording.edit_source(url=from_media(world.media, size_bytes=32 * MIB).spec["source"]["url"])

    operator = world.start_operator()

    recording.wait_phase("Complete")
    assert moved_bytes(operator) > 0
    eventually(lambda: not world.open_uploads(), within_s=10, what="no upload is left at the key")


def test_manifests_that_are_turned_on_later_are_written_for_recordings_that_have_ended(own_world: World) -> None:
    world = own_world
    world.edit_location(manifest={"enabled": False})
    world.start_operator(sweep=SWEEPS)
    recording = world.create(from_media(world.media), title="Weekly sync")
    before = recording.wait(lambda status: status.get("settled") is True, what="settled")
    served = len(world.media.served)
    assert "manifestUri" not in before

    world.edit_location(manifest={"enabled": True})

    status = recording.wait(lambda status: bool(status.get("manifestUri")), what="a manifest")
    key = status["manifestUri"].removeprefix(f"s3://{world.bucket}/")
    found = json.loads(world.s3.client().get_object(Bucket=world.bucket, Key=key)["Body"].read())
    assert (found["title"], found["completedAt"]) == ("Weekly sync", before["completedAt"])
    assert (status["settled"], status["completedAt"]) == (True, before["completedAt"])
    assert len(world.media.served) == served
