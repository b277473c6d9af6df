"""Recordings in a directory instead of a bucket, with the operator as a process of its own."""

from pathlib import Path
from typing import Any

import pytest

from recording_operator.checksums import crc64nvme, to_text
from tests.support.invariants import check_invariants
from tests.support.recordings import Live, artifact_of, from_media, inline
from tests.support.reports import ReportFactory
from tests.support.uploads import PART, PROBES, SIZE, WORKERS, read_bytes, wait_share
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

UPLOADS = ".recording-operator/uploads"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of the location, in a volume."""
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume" / "acme"


@pytest.fixture
def disk(own_world: World, directory: Path) -> str:
    """A StorageLocation of the directory."""
    return own_world.add_directory(directory, deletionPolicies=["Retain", "Delete"], retry={"delays": ["2s", "4s"]})


def _files(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if not path.is_dir() and ".recording-operator" not in path.parts
    )


def test_a_recording_is_stored_counted_and_deleted(
    own_world: World, directory: Path, disk: str, report: ReportFactory
) -> None:
    own_world.start_operator(filesystem={"roots": [str(directory.parent)]})
    video = from_media(own_world.media, size_bytes=20 * 2**20)
    recording = own_world.create(
        video, inline('{"title": "weekly sync"}'), name="on-disk", location=disk, deletionPolicy="Delete"
    )

    status = recording.wait_phase("Complete", reason="Stored")

    stored = artifact_of(status, "video")
    path = directory / stored["key"]
    assert stored["uri"] == f"file://{path}"
    assert stored["integrity"] == "FullObjectCRC64NVME"
    assert stored["checksum"] == to_text(crc64nvme(path.read_bytes()))
    assert (status["bucket"], status["prefix"].startswith("team/")) == (str(directory), True)
    assert [path.rpartition("/")[2] for path in _files(directory)] == ["metadata.json", "summary.json", "video"]
    assert not list((directory / UPLOADS).iterdir())
    upload = f"Uploading to file://{directory}/team/"
    eventually(lambda: any(upload in event["note"] for event in own_world.events("on-disk")), what="the Event")
    counted = report(disk)
    found = counted.wait_refreshed()
    assert (found["source"], found["totals"]["recordings"]) == ("Inventory", 1)
    check_invariants(own_world)
    recording.delete()
    own_world.removed.add(recording.uid)
    recording.wait_gone()
    assert _files(directory) == []


def test_killed_and_started_again(own_world: World, directory: Path, disk: str) -> None:
    roots = {"roots": [str(directory.parent)]}
    first = own_world.start_operator(filesystem=roots)
    recording = own_world.create(from_media(own_world.media, size_bytes=SIZE, rate="10MB"), location=disk)
    wait_share(first, 0.5)
    own_world.kill(first)
    assert _files(directory) == []
    upload = artifact_of(recording.status(), "video")["uploadId"]
    assert [path.name for path in (directory / UPLOADS).iterdir()] == [upload]

    own_world.start_operator(filesystem=roots)

    status = recording.wait_phase("Complete")
    assert status["attempts"] == 0
    assert recording.upload_ids() == {upload}
    assert read_bytes(own_world) <= SIZE + WORKERS * PART + PROBES, "more than a part of each worker was read again"
    stored = artifact_of(status, "video")
    assert stored["checksum"] == to_text(crc64nvme((directory / stored["key"]).read_bytes()))
    assert not list((directory / UPLOADS).iterdir())


def test_a_path_that_the_settings_do_not_permit(own_world: World, directory: Path, disk: str) -> None:
    own_world.start_operator(filesystem={"roots": [f"{directory.parent}/other"]})
    condition = own_world.wait_location("PathNotAllowed", name=disk)
    assert "filesystem.roots" in condition["message"]
    recording = own_world.create(inline("{}"), location=disk)
    assert recording.wait_phase("Pending", reason="LocationNotReady")["attempts"] == 0
    assert not directory.exists()


def _moved(recording: Live, location: str) -> dict[str, Any]:
    """Wait until all of it is at the location, and nothing is left to do."""
    return recording.wait(
        lambda status: (
            status.get("storageLocation") == location and status.get("settled") is True and not status.get("move")
        ),
        what=f"moved to {location}",
        within_s=90,
    )


def test_moved_to_a_bucket_and_back_killed_on_the_way(own_world: World, directory: Path, disk: str) -> None:
    roots = {"roots": [str(directory.parent)]}
    operator = own_world.start_operator(filesystem=roots)
    own_world.edit_location(moves={"from": "Delete"}, limits={"bandwidthPerSecond": "4Mi"})
    own_world.edit_location(disk, moves={"from": "Delete"})
    video = from_media(own_world.media, size_bytes=SIZE)
    recording = own_world.create(video, inline("{}"), location=disk)
    recording.wait_phase("Complete")

    recording.edit(storageLocation=own_world.location)
    copying = recording.wait(
        lambda status: any(one.get("uploadId") for one in status.get("move", {}).get("artifacts", [])),
        what="a copy under way",
    )
    own_world.kill(operator)
    assert (copying["phase"], copying["storageLocation"]) == ("Complete", disk)
    assert len(_files(directory)) == 3
    own_world.edit_location(limits={"bandwidthPerSecond": None})
    own_world.start_operator(filesystem=roots)
    _moved(recording, own_world.location)
    assert _files(directory) == []
    check_invariants(own_world)

    recording.edit(storageLocation=disk)
    stored = artifact_of(_moved(recording, disk), "video")
    assert stored["checksum"] == to_text(crc64nvme((directory / stored["key"]).read_bytes()))
    assert not list((directory / UPLOADS).iterdir())
