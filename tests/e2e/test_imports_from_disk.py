"""Recordings of files in a directory: streamed into a bucket, resumed after a kill, links lead nowhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import OperatorProcess
from localcluster.media import Media
from tests.support.recordings import MIB, from_object
from tests.support.uploads import PART, WORKERS
from tests.support.waiting import eventually
from tests.support.world import World, moved_bytes

pytestmark = pytest.mark.cluster


def media(size_bytes: int) -> bytes:
    return Media(name="video.mp4", size_bytes=size_bytes).read(0, size_bytes)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of a location, in a volume."""
    (tmp_path / "volume" / "acme").mkdir(parents=True)
    return tmp_path / "volume" / "acme"


@pytest.fixture
def disk(own_world: World, directory: Path) -> Iterator[str]:
    """A StorageLocation of the directory, which opens a folder of it."""
    name = f"{own_world.namespace}-disk"
    own_world.cluster.kubectl.apply(
        {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "StorageLocation",
            "metadata": {"name": name},
            "spec": {
                "filesystem": {"path": str(directory), "prefix": "team/"},
                "allowedNamespaces": {"names": [own_world.namespace]},
                "imports": [{"prefix": "old/"}],
                "manifest": {"enabled": False},
                "retry": {"delays": ["1s"]},
            },
        }
    )
    yield name
    own_world.cluster.kubectl("delete", "storagelocation", name)


def start_with_disk(world: World, directory: Path) -> OperatorProcess:
    return world.start_operator(filesystem={"roots": [str(directory.parent)]})


def test_between_two_stores_it_is_streamed_and_resumed_after_a_kill(
    own_world: World, directory: Path, disk: str
) -> None:
    size_bytes = 96 * MIB
    body = media(size_bytes)
    (directory / "old").mkdir()
    file = directory / "old" / "video.mp4"
    file.write_bytes(body)
    before = file.stat()
    own_world.edit_location(limits={"bandwidthPerSecond": "24Mi"})
    first = start_with_disk(own_world, directory)
    recording = own_world.create(from_object(disk, "old/video.mp4", body))
    eventually(lambda: moved_bytes(first) >= 40 * MIB, within_s=60, what="40 MiB", poll_s=0.01)
    own_world.kill(first)

    second = start_with_disk(own_world, directory)

    recording.wait_phase("Complete", within_s=90)
    assert moved_bytes(second) <= size_bytes - 40 * MIB + WORKERS * PART + MIB
    assert (file.read_bytes() == body, file.stat().st_mtime_ns) == (True, before.st_mtime_ns)


def test_a_link_or_a_device_in_a_directory_is_not_there(own_world: World, directory: Path, disk: str) -> None:
    secret = directory.parent / "secret.mp4"
    secret.write_bytes(media(MIB))
    (directory / "old").mkdir()
    (directory / "old" / "link.mp4").symlink_to(secret)
    (directory / "old" / "up").symlink_to(directory.parent)
    os.mkfifo(directory / "old" / "pipe.mp4")
    start_with_disk(own_world, directory)

    reasons = {
        "old/link.mp4": "SourceNotFound",
        "old/up/secret.mp4": "SourceForbidden",  # it says that a folder is a link
        "old/pipe.mp4": "SourceNotFound",
    }
    for number, (key, reason) in enumerate(reasons.items()):
        one = own_world.create(from_object(disk, key, b"", stored=False), name=f"link-{number}")
        one.wait_phase("Failed", reason=reason)
