"""Edits of an existing Recording: suspend, cancel, priority, ttlAfterFinished."""

import re

import pytest

from tests.support.history import JsonObject
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import MIB, artifact_of, from_media, from_source, inline
from tests.support.transfers import pattern
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

SIZE = 64 * MIB
WORKERS, PART = 4, 8 * MIB


def test_suspended_and_resumed(world: World) -> None:
    recording = world.create(from_media(world.media, size_bytes=SIZE, rate="3MB"))
    upload = recording.wait_upload()

    recording.edit(suspend=True)
    status = recording.wait_phase("Pending", reason="Suspended")
    assert (artifact_of(status, "video")["uploadId"], status["attempts"]) == (upload, 0)
    assert "claim" not in status
    recording.edit(suspend=False)

    recording.wait_phase("Complete")
    assert recording.upload_ids() == {upload}
    read = sum(served.sent_bytes for served in world.media.served)
    assert read <= SIZE + WORKERS * PART + MIB, "more than a part of each worker was read again"


def test_suspended_from_the_start(world: World) -> None:
    recording = world.create(from_media(world.media), suspend=True)
    recording.wait_phase("Pending", reason="Suspended")
    assert not world.media.served

    recording.edit(suspend=False)

    recording.wait_phase("Complete")


def test_cancelled_and_started_again(world: World) -> None:
    recording = world.create(from_media(world.media, size_bytes=SIZE, rate="3MB"))
    first = recording.wait_upload()

    recording.edit(cancel=True)
    recording.wait_phase("Failed", reason="Cancelled")
    eventually(lambda: not world.open_uploads(), within_s=30, what="an aborted upload")
    recording.edit(cancel=False)

    recording.wait_phase("Complete")
    assert first in recording.upload_ids()
    assert len(recording.upload_ids()) == 2, "an aborted upload cannot go on"


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_ttl_ends_the_kubernetes_object_only(world: World, policy: str) -> None:
    world.location = world.make_location(spec={"deletionPolicies": ["Retain", "Delete"]})
    recording = world.create(from_media(world.media), deletionPolicy=policy, ttlAfterFinished="2s")
    recording.wait_phase("Complete")

    recording.wait_gone(within_s=15)

    stored = world.s3.client().list_object_versions(Bucket=world.bucket)["Versions"]
    key = artifact_of(recording.versions()[-1]["status"], "video")["key"]
    assert key in [version["Key"] for version in stored], "ttlAfterFinished removed an object from the store"


def test_priority_then_earliest_expiry_with_one_slot(world: World) -> None:
    world.location = world.make_location(spec={"limits": {"concurrentUploads": 1}})
    wait = world.wait_location("ProbeSucceeded", name=world.location)
    assert wait["status"] == "True"
    world.secrets.add(URL_CANARY)
    valid_s = {"latest": 3000, "earliest": 600, "middle": 1200, "important": 9000}
    with LyingSource(Content(body=pattern(32 * MIB))) as source:
        let_go = source.release.is_set  # what flows slowly is cut then, and goes on as fast as it can
        source.behave = lambda request: Behaviour(pause_s=0.0 if request.number == 1 or let_go() else 0.2)
        blocker = world.create(from_source(source), name="blocker")
        blocker.wait_upload()
        waiting = {
            name: world.create(from_media(world.media, valid_s=valid), name=name, priority=10 * (name == "important"))
            for name, valid in valid_s.items()
        }
        eventually(lambda: _waiting(world) >= len(waiting), what="the operator knows of all four")
        source.release.set()
        ended = {name: recording.wait_phase("Complete", within_s=60) for name, recording in waiting.items()}

    assert all(status["startedAt"] for status in ended.values())
    blocked = max(int(version["metadata"]["resourceVersion"]) for version in blocker.versions())
    begun = {name: _begun(recording.versions()) for name, recording in waiting.items()}
    assert sorted(begun, key=lambda name: begun[name]) == ["important", "earliest", "middle", "latest"]
    assert blocked < begun["latest"]


def test_an_edit_of_something_else_starts_nothing_again(world: World) -> None:
    recording = world.create(from_media(world.media), inline("{}"))
    recording.wait_phase("Complete")
    asked = len(world.media.served)

    recording.edit(priority=7, ttlAfterFinished="1h")

    recording.wait(lambda status: status["observedGeneration"] == 2, what="the edit observed")
    assert recording.reasons() == ["Uploading/Uploading", "Complete/Stored"]
    assert len(world.media.served) == asked


def _waiting(world: World) -> int:
    """How many Recordings wait, by the operator's own metric."""
    found = re.search(r"^recording_operator_queue_depth (\S+)$", world.running[0].metrics(), re.MULTILINE)
    return int(float(found[1])) if found else 0


def _begun(versions: list[JsonObject]) -> int:
    """When (as a resourceVersion) it began to upload."""
    return next(
        int(version["metadata"]["resourceVersion"])
        for version in versions
        if version.get("status", {}).get("phase") == "Uploading"
    )
