"""The scenarios of Recordings in a directory, and of those that move there and back."""

from functools import partial
from typing import Any

from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.objects import ObjectSpec
from tests.e2e.chaos.stage import LOCATION, Stage
from tests.support.holdings import DirectoryHolding
from tests.support.recordings import MIB, Live, from_media, inline
from tests.support.waiting import eventually
from tests.support.world import Expected, World

PATIENCE_S = 60.0
_LARGE = 20 * MIB


def disk_of(world: World) -> str:
    """The name of the location in the directory of the test."""
    return f"{world.location}-disk"


def disk_before(stage: Stage, **spec: Any) -> None:
    """There is a location in a directory."""
    stage.world.add_directory(stage.volume / "acme", **LOCATION, **spec)


def on_disk(stage: Stage) -> None:
    """A large file, a small one and their manifest, which is written again after an edit."""
    recording = _large_one(stage, "on-disk", title="stand-up")
    before = _settled(recording)["manifestRevision"]
    recording.edit(title="Weekly sync")
    recording.wait(
        lambda status: status.get("settled") is True and status["manifestRevision"] != before,
        what="another manifest",
        within_s=PATIENCE_S,
    )


def disk_resume_before(stage: Stage) -> None:
    """An operator is killed in the middle of an upload."""
    disk_before(stage)
    first = stage.launch()
    _large_one(stage, "resumed-on-disk").wait_upload()
    stage.world.kill(first)


def disk_resume(stage: Stage) -> None:
    """Its parts are read, and the upload continues."""
    (expected,) = stage.world.expected.values()
    _settled(expected.live)
    assert len(expected.live.upload_ids()) == 1


def disk_cancelled(stage: Stage) -> None:
    """Given up in the middle of an upload."""
    world, recording = stage.world, _large_one(stage, "cancelled-on-disk")
    recording.wait_upload()
    recording.edit(cancel=True)
    recording.wait_phase("Failed", reason="Cancelled", within_s=PATIENCE_S)
    kept = {name: wanted for name, wanted in world.expected[recording.uid].artifacts.items() if name != "video"}
    world.expected[recording.uid] = Expected(live=recording, artifacts={**kept, "video": None})


def disk_deleted(stage: Stage) -> None:
    """Stored, and then deleted; another one is deleted in the middle of its upload."""
    world = stage.world
    whole = _large_one(stage, "deleted-on-disk", deletionPolicy="Delete")
    _settled(whole)
    begun = _large_one(stage, "deleted-early-on-disk", deletionPolicy="Delete")
    begun.wait_upload()
    for recording in (whole, begun):
        recording.delete()
        world.removed.add(recording.uid)
    for recording in (whole, begun):
        recording.wait_gone(within_s=PATIENCE_S)


def there_and_back_before(stage: Stage) -> None:
    """Both locations delete what was moved away."""
    stage.world.edit_location(moves={"from": "Delete"})
    disk_before(stage, moves={"from": "Delete"})


def there_and_back(stage: Stage) -> None:
    """From the bucket into the directory, and back."""
    world = stage.world
    recording = world.create(from_media(world.media, size_bytes=_LARGE), inline("{}"), name="there-and-back")
    _settled(recording)
    for to in (disk_of(world), world.location):
        recording.edit(storageLocation=to)
        recording.wait(partial(_is_settled_at, to), what=f"moved to {to}", within_s=PATIENCE_S)
    phases = [version.get("status", {}).get("phase") for version in recording.versions()]
    assert set(phases[phases.index("Complete") :]) == {"Complete"}, "it was not readable all the time"


def _is_settled_at(location: str, status: dict[str, Any]) -> bool:
    return status.get("storageLocation") == location and status.get("settled") is True


def disk_left_over(stage: Stage) -> None:
    """An upload whose Recording no longer exists is swept."""
    world = stage.world
    holding = world.directories[disk_of(world)]
    eventually(holding.path.exists, within_s=PATIENCE_S, what="a checked directory")
    key = f"team/acme/{world.namespace}/gone/6f1c6d0e-1c6b-4c64-9a55-0d2f4a0b7c11/video.mp4"
    upload = _store(holding).create_upload(_object(key, uid="gone"), part_size_bytes=MIB)
    eventually(lambda: (key, upload) not in holding.uploads(), within_s=PATIENCE_S, what="swept")


def put_old(holding: DirectoryHolding, key: str, *, uid: str, age_s: float) -> None:
    """A file of a Recording, stored a while ago."""
    owner = DocumentOwner(recording_uid=uid, name="video", org="acme")
    _store(holding).create_document(key, b"of a lost Recording", "video/mp4", owner)
    holding.grow_old(key, age_s=age_s)


def _object(key: str, *, uid: str) -> ObjectSpec:
    return ObjectSpec(key=key, content_type="video/mp4", kind="Video", recording_uid=uid, artifact="video")


def _store(holding: DirectoryHolding) -> FilesystemLocationStore:
    return FilesystemLocationStore(Tree(root=str(holding.path.parent), path=str(holding.path)))


def _large_one(stage: Stage, name: str, **spec: Any) -> Live:
    world = stage.world
    video = from_media(world.media, size_bytes=_LARGE, rate="8MB")
    return world.create(video, inline("{}"), name=name, location=disk_of(world), **spec)


def _settled(recording: Live) -> dict[str, Any]:
    status = recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    assert status["phase"] == "Complete", status
    return status
