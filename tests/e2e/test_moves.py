"""Recordings move between stores, with the operator as a process of its own."""

from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.invariants import check_uploads
from tests.support.recordings import MIB, Live, artifact_of, from_media, inline
from tests.support.stored_invariants import check_manifests, check_objects
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_store import StrictStore
from tests.support.strict_world import strict_world
from tests.support.waiting import eventually
from tests.support.world import Expected, World

pytestmark = pytest.mark.cluster

LARGE = 20 * MIB
WITHIN_S = 90.0


def wait_moved(recording: Live, location: str) -> dict[str, Any]:
    """Wait until all of it is at the location, and nothing is left to do."""
    return recording.wait(
        lambda status: (
            status.get("storageLocation") == location and status.get("settled") is True and not status.get("move")
        ),
        what=f"moved to {location}",
        within_s=WITHIN_S,
    )


def check_always_complete(recording: Live) -> None:
    """Since it was Complete first, every version was, and named objects with their versions."""
    phases = [version.get("status", {}).get("phase") for version in recording.versions()]
    assert set(phases[phases.index("Complete") :]) == {"Complete"}


def other_prefix(world: World, prefix: str, **spec: Any) -> str:
    """A location in the same bucket."""
    return world.make_location(spec={"s3": {"prefix": prefix}, "moves": {"from": "Delete"}, **spec})


def test_inside_one_bucket_and_back(world: World) -> None:
    world.edit_location(moves={"from": "Delete"}, manifest={"enabled": True})
    other = other_prefix(world, "moved/", manifest={"enabled": True})
    recording = world.create(from_media(world.media, size_bytes=LARGE), inline("{}"), title="Weekly sync")
    before = recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=WITHIN_S)

    recording.edit(storageLocation=other)
    status = wait_moved(recording, other)

    for name in ("video", "summary"):
        old, new = artifact_of(before, name), artifact_of(status, name)
        assert new["key"] == f"moved/{old['key']}"
        assert (new["checksum"], new["bytesTotal"], new["contentType"]) == tuple(
            old[field] for field in ("checksum", "bytesTotal", "contentType")
        )
        assert new["versionId"] != old["versionId"]
    assert status["manifestUri"].startswith(f"s3://{world.bucket}/moved/")
    check_always_complete(recording)
    world.wait_events("meeting", "Uploading", "Stored", "Moving", "Stored")
    shown = world.cluster.kubectl("describe", "recording", "meeting", f"--namespace={world.namespace}")
    assert f"Moving from {world.location} to {other}: 0 of 2 objects are copied" in shown

    recording.edit(storageLocation=world.location)
    back = wait_moved(recording, world.location)
    assert [one["key"] for one in back["artifacts"]] == [one["key"] for one in before["artifacts"]]


def test_from_one_server_to_another_like_r2_and_back(world: World) -> None:
    world.edit_location(moves={"from": "Delete"})
    with ExitStack() as stack:
        strict = stack.enter_context(StrictStore())
        far = strict_world(world, strict, dialect=DIALECTS["equal-parts"])
        world.edit_location(far.location, moves={"from": "Delete"})
        far.wait_location("ProbeSucceeded", within_s=60)
        recording = world.create(from_media(world.media, size_bytes=LARGE), inline("{}"))
        recording.wait_phase("Complete", within_s=WITHIN_S)

        recording.edit(storageLocation=far.location)
        status = wait_moved(recording, far.location)

        assert {one["uri"].split("/")[2] for one in status["artifacts"]} == {far.bucket}
        far.expected, world.expected = world.expected, {}
        for one in (world, far):
            check_uploads(one)
            check_objects(one)
        recording.edit(storageLocation=world.location)
        wait_moved(recording, world.location)
        far.expected, world.expected = {}, far.expected
        check_objects(far)
        check_uploads(far)
        check_always_complete(recording)


def test_going_back_removes_the_copies_and_a_failure_keeps_everything(world: World) -> None:
    other = other_prefix(world, "other/", retry={"delays": ["1s"]}, limits={"contentTypes": ["audio/*"]})
    recording = world.create(from_media(world.media, size_bytes=LARGE), inline("{}"))
    recording.wait_phase("Complete", within_s=WITHIN_S)

    recording.edit(storageLocation=other)
    status = recording.wait(lambda status: status.get("reason") == "MoveFailed", what="to fail", within_s=WITHIN_S)

    assert (status["phase"], status["storageLocation"]) == ("Complete", world.location)
    assert f"stay at {world.location}" in status["message"]
    recording.edit(storageLocation=world.location)
    wait_moved(recording, world.location)
    check_objects(world)


def test_a_deletion_on_the_way_removes_both(world: World) -> None:
    world.edit_location(deletionPolicies=["Retain", "Delete"])
    other = other_prefix(world, "other/")
    recording = world.create(from_media(world.media, size_bytes=LARGE), inline("{}"), deletionPolicy="Delete")
    recording.wait_phase("Complete", within_s=WITHIN_S)
    recording.edit(storageLocation=other)
    recording.wait(lambda status: bool(status.get("move")), what="a move", within_s=WITHIN_S)

    recording.delete()
    recording.wait_gone(within_s=WITHIN_S)

    world.removed.add(recording.uid)
    world.expected[recording.uid] = Expected(live=recording, artifacts={})
    eventually(lambda: not world.open_uploads(), within_s=WITHIN_S, what="no open upload")
    check_objects(world)
    check_manifests(world)
