"""Files that clients send while operators come and go, and into a directory."""

from pathlib import Path

import pytest

from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from tests.support.recordings import artifact_of, from_client, from_media
from tests.support.sending_client import LARGE, PAGE, SMALL, Client, client_of
from tests.support.world import World

pytestmark = pytest.mark.cluster


def test_a_waiting_upload_takes_no_slot(own_world: World) -> None:
    own_world.start_operator(transfers={"concurrent": 1, "perNamespace": 1})
    waiting = own_world.create(from_client(SMALL), name="waiting")
    waiting.wait_phase("Pending", reason="WaitingForUpload")
    own_world.create(from_media(own_world.media), name="other").wait_phase("Complete")
    client_of(own_world).upload(waiting, SMALL)
    waiting.wait_phase("Complete")


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_another_operator_waits_on_with_the_same_upload(own_world: World, end: str) -> None:
    client = client_of(own_world)
    first = own_world.start_operator(sweep={"uploadsInterval": "1s", "uploadMinAge": "1s"})
    recording = own_world.create(from_client(LARGE))
    upload_id = client.send(recording, LARGE, only=[1])
    own_world.kill(first) if end == "kill" else own_world.terminate(first)
    client.send(recording, LARGE, only=[2])
    own_world.start_operator(sweep={"uploadsInterval": "1s", "uploadMinAge": "1s"})
    assert client.send(recording, LARGE, only=[3]) == upload_id
    client.finish(recording, LARGE)
    recording.wait_phase("Complete")
    assert recording.upload_ids() == {upload_id}


def test_finished_while_no_operator_was_running(own_world: World) -> None:
    client = client_of(own_world)
    first = own_world.start_operator()
    recording = own_world.create(from_client(LARGE))
    client.send(recording, LARGE)
    own_world.kill(first)
    client.finish(recording, LARGE)
    own_world.start_operator()
    recording.wait_phase("Complete")


def test_expired_while_no_operator_was_running(own_world: World) -> None:
    client = client_of(own_world)
    first = own_world.start_operator()
    recording = own_world.create(from_client(LARGE, stored=False, expiresAfter="2s"))
    client.send(recording, LARGE, only=[1])
    own_world.kill(first)
    own_world.start_operator()
    recording.wait_phase("Failed", reason="UploadExpired")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The directory of a location, in a volume."""
    (tmp_path / "volume" / "acme").mkdir(parents=True)
    return tmp_path / "volume" / "acme"


def test_parts_are_written_into_a_directory(own_world: World, disk: Path) -> None:
    """By a process beside the operator, which the directory is mounted into too."""
    client = Client(FilesystemLocationStore(Tree(root=str(disk.parent), path=str(disk)), prefix="team/"))
    operator = own_world.start_operator(filesystem={"roots": [str(disk.parent)]})
    name = own_world.add_directory(disk)
    recording = own_world.create(from_client(LARGE), location=name)
    client.send(recording, LARGE, only=[1, 2])
    own_world.kill(operator)
    own_world.start_operator(filesystem={"roots": [str(disk.parent)]})
    client.send(recording, LARGE, only=[3])
    client.finish(recording, LARGE)
    assert artifact_of(recording.wait_phase("Complete"), "video")["integrity"] == "FullObjectCRC64NVME"
    wrong = own_world.create(from_client(PAGE, stored=False), location=name, name="wrong")
    client.upload(wrong, PAGE)
    wrong.wait_phase("Failed", reason="UnexpectedContent")
