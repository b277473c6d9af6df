"""`kubectl recordings upload`, with the console, the operator and the S3 server."""

import logging
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People, Person
from tests.console.conftest import Visitors
from tests.e2e.uploads.conftest import Senders
from tests.support.recordings import Live, artifact_of, from_client, media_body, path_of
from tests.support.sending_client import LARGE, PART, SMALL
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

Upload = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def upload(people: People, visitors: Visitors) -> Upload:
    """Calls `upload` as the tenant."""
    env = {"RECORDINGS_CONSOLE_URL": visitors.tenant.url}
    return lambda *arguments: people.tenant.run("upload", *arguments, env=env)


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file."""

    def write(body: bytes, name: str = "weekly-sync.mp4") -> Path:
        path = tmp_path / name
        path.write_bytes(body)
        return path

    return write


@pytest.fixture
def created(world: World, admin: RestClient) -> Callable[..., Live]:
    """A Recording that the command has created, with what must be stored of it."""

    def found(name: str, body: bytes, *, stored: bool = True) -> Live:
        live = Live(admin.request("GET", f"{path_of(world.namespace)}/{name}"), admin=admin, history=world.history)
        world.expect(live, from_client(body, stored=stored))
        return live

    return found


def test_a_file_becomes_a_recording(
    world: World, upload: Upload, film: Callable[..., Path], created: Callable[..., Live]
) -> None:
    done = upload(str(film(LARGE)), "talk", "--org", "acme", "--location", world.location, "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "recording.recordings.dev/talk has video now: 16.8 MB\n"
    assert f"{world.namespace}/talk is Complete." in done.stderr
    recording = created("talk", LARGE)
    status = recording.status()
    assert artifact_of(status, "video")["provedChecksum"] == "crc64nvme"
    assert (recording.spec["title"], recording.spec["artifacts"][0]["contentType"]) == ("weekly-sync", "video/mp4")
    again = upload(str(film(LARGE)), "talk", "--wait")
    assert again.returncode == 0, again.stderr
    same_size = upload(str(film(LARGE[:-1] + bytes([LARGE[-1] ^ 1]))), "talk", "--wait")
    assert (same_size.returncode, same_size.stdout) == (1, ""), same_size.stderr
    assert "was finished already" in same_size.stderr
    other = upload(str(film(SMALL)), "talk")
    assert other.returncode == 1
    assert f"was finished already, with {len(LARGE)} bytes, and the file has {len(SMALL)}" in other.stderr


def test_parts_that_the_store_has_are_not_sent_again(
    world: World, upload: Upload, sender: Senders, film: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    recording = world.create(from_client(LARGE))
    sender(recording).send(LARGE, only=[1])
    upload_id = sender(recording).opened()["uploadId"]
    client = world.s3.client()
    key = artifact_of(recording.status(), "video")["key"]
    client.upload_part(Bucket=world.bucket, Key=key, UploadId=upload_id, PartNumber=2, Body=bytes(PART))
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="recording_operator.console.uploads.signing"):
        done = upload(str(film(LARGE)), recording.name, "--wait")
    assert done.returncode == 0, done.stderr
    signed = [record.getMessage() for record in caplog.records if record.name.endswith(".uploads.signing")]
    assert sorted(re.findall(r"part (\d+)", " ".join(signed))) == ["2", "3"]


def test_interrupted_and_continued(
    world: World,
    upload: Upload,
    people: People,
    visitors: Visitors,
    film: Callable[..., Path],
    created: Callable[..., Live],
) -> None:
    body = media_body("video.mp4", 12 * PART)
    path = str(film(body))
    arguments = [str(PROGRAM), "upload", path, "talk", "--org", "acme", "--location", world.location, "--parallel", "1"]
    environment = {**people.tenant.environment, "RECORDINGS_CONSOLE_URL": visitors.tenant.url}
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True) as process:
        # Not the part of another upload, such as that of the probe.
        eventually(
            lambda: any(world.stored_parts(*one) for one in world.open_uploads() if "/talk/" in one[0]), what="a part"
        )
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert f"upload {path} {world.namespace}/talk --artifact video" in errors
    done = upload(path, f"{world.namespace}/talk", "--artifact", "video", "--wait")
    assert done.returncode == 0, done.stderr
    created("talk", body).wait_phase("Complete")


def test_a_file_that_is_rejected(
    world: World, upload: Upload, film: Callable[..., Path], created: Callable[..., Live]
) -> None:
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>" * 100
    done = upload(str(film(page)), "page", "--org", "acme", "--location", world.location, "--wait")
    assert done.returncode == 1
    assert "is Failed" in done.stderr
    assert "HTML" in done.stderr
    created("page", page, stored=False)


def test_a_file_that_is_not_accepted_in_time(
    upload: Upload, film: Callable[..., Path], created: Callable[..., Live]
) -> None:
    done = upload(str(film(SMALL)), "late", "--org", "acme", "--location", "nowhere", "--timeout", "3s")
    assert (done.returncode, "is not open yet" in done.stderr) == (124, True), done.stderr
    assert created("late", SMALL, stored=False).spec["storageLocation"] == "nowhere"


def test_what_is_wrong_is_said_before_anything_is_created(
    world: World, people: People, visitors: Visitors, film: Callable[..., Path], tmp_path: Path, admin: RestClient
) -> None:
    path, url = str(film(SMALL)), visitors.tenant.url
    (tmp_path / "empty.mp4").touch()

    def said(*arguments: str, person: Person = people.tenant, env: dict[str, str] | None = None) -> tuple[int, str]:
        done = person.run("upload", *arguments, env=env or {"RECORDINGS_CONSOLE_URL": url})
        return done.returncode, done.stderr

    assert "Write --console URL" in said(path, env={"RECORDINGS_CONSOLE_URL": ""})[1]
    assert "Write the address of the console" in said(path, "--console", "example.com")[1]
    assert "is empty" in said(str(tmp_path / "empty.mp4"), "--org", "acme")[1]
    assert "cannot be read: No such file" in said(str(tmp_path / "gone.mp4"), "--org", "acme")[1]
    assert said(path)[0] == 2
    assert "does not know --as" in said(path, "--org", "acme", "--as", "ada")[1]
    status, text = said(path, "--org", "acme", person=people.admin)
    assert (status, "Your kubeconfig has no token" in text) == (1, True)
    assert admin.request("GET", path_of(world.namespace))["items"] == []
