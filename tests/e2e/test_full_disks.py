"""A disk that is full or read-only, mounted for the test: transfers wait, spend no attempt, and then go on."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.recordings import MIB, Live, from_media
from tests.support.world import World

pytestmark = pytest.mark.cluster

Remount = Callable[[str], object]


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 12 MiB in memory. Request it before the world, so that it is there when that is checked."""
    path = tmp_path / "volume"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", path], check=False).returncode:
        pytest.skip("only root can mount")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def remount(volume: Path) -> Remount:
    """Mounts it with other options."""
    return lambda options: subprocess.run(["mount", "-o", f"remount,{options}", volume], check=True)


def test_a_full_disk_waits_for_room(volume: Path, remount: Remount, own_world: World) -> None:
    own_world.start_operator(filesystem={"roots": [str(volume)]})
    recording = _on_disk(own_world, volume)

    waiting = recording.wait_phase("Pending", reason="StoreQuota", within_s=60)

    assert waiting["attempts"] == 0
    assert "The filesystem is full" in str(waiting), waiting
    assert not list(volume.rglob("video*"))
    remount("size=64m")
    _ends(recording)


def test_a_disk_that_became_read_only_waits_until_it_can_be_written(
    volume: Path, remount: Remount, own_world: World
) -> None:
    own_world.start_operator(filesystem={"roots": [str(volume)]})
    disk = own_world.add_directory(volume / "acme")
    own_world.wait_location("ProbeSucceeded", name=disk)
    before = sorted(volume.rglob("*"))
    remount("ro,size=64m")
    recording = own_world.create(from_media(own_world.media, size_bytes=20 * MIB), location=disk)

    own_world.wait_location("AccessDenied", name=disk, within_s=60)
    waiting = recording.wait_phase("Pending", within_s=60)

    assert waiting["attempts"] == 0
    assert "mounted read-only" in own_world.location_condition(disk)["message"]
    assert sorted(volume.rglob("*")) == before
    remount("rw,size=64m")
    _ends(recording)


def _on_disk(world: World, volume: Path) -> Live:
    disk = world.add_directory(volume / "acme")
    return world.create(from_media(world.media, size_bytes=20 * MIB), location=disk)


def _ends(recording: Live) -> None:
    assert recording.wait_phase("Complete", within_s=90)["attempts"] == 0
