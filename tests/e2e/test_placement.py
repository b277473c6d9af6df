"""Recordings that name no StorageLocation: placed by weight, where it is ready, and kept there."""

import pytest

from localcluster import Credentials
from localcluster.install import OPERATOR_NAMESPACE
from tests.support.recordings import MIB, Live, from_media, inline
from tests.support.world import World

pytestmark = pytest.mark.cluster

SOON_S = 60.0


def weighted(world: World, weight: int, *, prefix: str, credentials: Credentials | None = None) -> str:
    """A location in the bucket of the test, below its own prefix."""
    spec = {"s3": {"prefix": prefix}, "placement": {"weight": weight}}
    return world.make_location(spec=spec, credentials=credentials)


def unplaced(world: World, name: str) -> Live:
    return world.create(inline(f'{{"title": "{name}"}}'), name=name, storageLocation=None)


def place_of(recording: Live) -> str:
    """Where it is stored, as its status, its objects and all its earlier statuses say."""
    status = recording.wait_phase("Complete", within_s=SOON_S)
    place = str(status["storageLocation"])
    said = {version.get("status", {}).get("storageLocation") for version in recording.versions()}
    assert said <= {None, place}, f"it was at {said}"
    assert "storageLocation" not in recording.spec
    return place


def test_a_recording_that_names_none_goes_where_it_is_ready_and_stays(world: World) -> None:
    wrong = Credentials(access_key=world.s3.root.access_key, secret_key="CANARY-not-the-key")
    world.secrets.add(wrong.secret_key)
    down = weighted(world, 1000, prefix="down/", credentials=wrong)
    up = weighted(world, 1, prefix="up/")
    world.wait_location("CredentialsInvalid", name=down)
    world.wait_location("ProbeSucceeded", name=up)

    early = [unplaced(world, f"early-{number}") for number in range(3)]
    assert {place_of(recording) for recording in early} == {up}
    assert {one.status()["artifacts"][0]["key"].split("/")[0] for one in early} == {"up"}
    shown = world.cluster.kubectl("get", "recording", "early-0", f"--namespace={world.namespace}")
    assert shown.splitlines()[0].split()[-2:] == ["LOCATION", "AGE"]
    assert shown.splitlines()[1].split()[-2] == up

    world.put_secret(down, {"AWS_SECRET_ACCESS_KEY": world.s3.root.secret_key}, namespace=OPERATOR_NAMESPACE)
    world.wait_location("ProbeSucceeded", name=down)
    late = [unplaced(world, f"late-{number}") for number in range(3)]
    assert {place_of(recording) for recording in late} <= {down, up}
    assert down in {place_of(recording) for recording in late}, "1000 of 1001, three times"

    for recording in early:
        recording.edit(retryToken="again")
    world.append(early[0], from_media(world.media, size_bytes=MIB))
    assert {place_of(recording) for recording in early} == {up}


def test_no_location_takes_it_then_none_is_ready_then_one_is(world: World) -> None:
    recording = unplaced(world, "waits")

    status = recording.wait_phase("Pending", reason="NoLocation")
    assert f"no StorageLocation with a weight admits namespace {world.namespace}" in status["message"]
    assert world.location not in status["message"]
    assert {c["type"]: c["status"] for c in status["conditions"]}["Stalled"] == "True"

    wrong = Credentials(access_key=world.s3.root.access_key, secret_key="CANARY-not-the-key")
    world.secrets.add(wrong.secret_key)
    name = weighted(world, 10, prefix="only/", credentials=wrong)
    status = recording.wait_phase("Pending", reason="LocationNotReady")
    assert name in status["message"]
    assert "storageLocation" not in status

    world.put_secret(name, {"AWS_SECRET_ACCESS_KEY": world.s3.root.secret_key}, namespace=OPERATOR_NAMESPACE)
    assert place_of(recording) == name
    assert all(version.get("status", {}).get("attempts", 0) == 0 for version in recording.versions())


def test_a_migration_moves_no_recording_that_was_placed(world: World) -> None:
    old, new = weighted(world, 90, prefix="old/"), weighted(world, 10, prefix="new/")
    for name in (old, new):
        world.wait_location("ProbeSucceeded", name=name)
    recordings = [unplaced(world, f"at-10-{number}") for number in range(8)]
    placed = {recording.uid: place_of(recording) for recording in recordings}

    for percent in (25, 50, 75, 100):
        world.edit_location(old, placement={"weight": 100 - percent})
        world.edit_location(new, placement={"weight": percent})
        for name in (old, new):  # the operator has seen the weights
            world.wait_location("ProbeSucceeded", name=name)
        recordings.append(unplaced(world, f"at-{percent}"))
        placed[recordings[-1].uid] = place_of(recordings[-1])
    for recording in recordings:
        recording.edit(priority=1)

    assert {recording.uid: place_of(recording) for recording in recordings} == placed
    assert place_of(unplaced(world, "at-last")) == new
