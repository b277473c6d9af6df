"""Files that clients send through the console into a directory: the console receives the parts itself."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from recording_operator.checksums import crc64nvme, to_base64
from recording_operator.console.serving import Console
from tests.conftest import TENANT
from tests.console.pages.browsing import window
from tests.console.pages.uploading import choose, expect_state, start
from tests.console.running import Person, RunningConsole
from tests.e2e.uploads.conftest import Senders
from tests.e2e.uploads.sender import put
from tests.support.recordings import Live, artifact_of, from_client
from tests.support.sending_client import LARGE, PART, SMALL
from tests.support.transfers import sum_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture
def create(own_world: World, disk: str) -> Callable[..., Live]:
    """Creates Recordings in the directory."""
    return lambda body, **upload: own_world.create(from_client(body, **upload), location=disk)


def test_a_client_that_was_killed_goes_on(
    own_world: World, create: Callable[..., Live], sender: Senders, scratch: Path
) -> None:
    recording = create(LARGE)
    first = sender(recording).send(LARGE, only=[1])
    client = sender(recording)
    _cut_off(client.url(first["uploadId"], 2, size=PART).document, LARGE[PART : PART + 1000])
    upload = client.opened()
    [listed] = client.listed(upload["uploadId"])
    assert (listed["PartNumber"], listed["Size"]) == (1, PART)
    assert listed["ChecksumCRC64NVME"] == to_base64(crc64nvme(LARGE[:PART]))
    client.send(LARGE, only=[2, 3])
    done = client.complete(upload["uploadId"], size=len(LARGE), checksum=sum_of("crc64nvme", LARGE))
    assert done.status == 202, done.body
    artifact = artifact_of(recording.wait_phase("Complete"), "video")
    stored = scratch / own_world.namespace / "acme" / artifact["key"]
    assert hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(LARGE).digest()


def test_parts_that_are_rejected(create: Callable[..., Live], sender: Senders) -> None:
    recording = create(SMALL)
    client = sender(recording)
    upload_id = client.opened()["uploadId"]
    made = client.url(upload_id, 1, size=1000).document
    assert "/upload-parts/" in made["url"]

    assert put(made, SMALL[:999]) == put(made, SMALL[:1001]) == 400
    assert _status_of(made, b"Transfer-Encoding: chunked") == 411
    assert put({**made, "url": made["url"][:-1] + ("A" if made["url"][-1] != "A" else "B")}, SMALL[:1000]) == 403
    with_md5 = client.url(upload_id, 1, size=1000, md5=bytes(16)).document
    assert put(with_md5, SMALL[:1000]) == 400
    assert client.listed(upload_id) == []

    assert put(made, SMALL[:1000]) == 200
    client.send(SMALL)
    client.complete(upload_id)
    recording.wait_phase("Complete")
    assert put(made, SMALL[:1000]) == 404


def test_a_wrong_checksum_is_removed(
    own_world: World, create: Callable[..., Live], sender: Senders, scratch: Path
) -> None:
    recording = create(SMALL, stored=False)
    client = sender(recording)
    upload_id = client.send(SMALL)["uploadId"]
    assert client.complete(upload_id, checksum=sum_of("crc64nvme", b"other")).status == 202
    recording.wait_phase("Failed")
    folder = scratch / own_world.namespace / "acme"
    eventually(lambda: not list((folder / ".recording-operator/uploads").iterdir()), what="no open upload")
    assert not (folder / artifact_of(recording.status(), "video")["key"]).exists()


def test_a_url_expires_with_the_upload(create: Callable[..., Live], sender: Senders) -> None:
    recording = create(SMALL, stored=False, expiresAfter="4s")
    client = sender(recording)
    upload = client.opened()
    made = client.url(upload["uploadId"], 1, size=len(SMALL)).document
    assert made["expiresAt"] <= upload["expiresAt"]
    recording.wait_phase("Failed", reason="UploadExpired")
    assert put(made, SMALL) == 403


def _cut_off(made: dict[str, Any], begin: bytes) -> None:
    """A client that is killed in the middle of a part."""
    to = urlsplit(made["url"])
    with socket.create_connection((to.hostname, to.port), timeout=30) as connection:
        head = f"PUT {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nContent-Length: {made['size']}\r\n\r\n"
        connection.sendall(head.encode() + begin)


def _status_of(made: dict[str, Any], header: bytes) -> int:
    to = urlsplit(made["url"])
    with socket.create_connection((to.hostname, to.port), timeout=30) as connection:
        connection.sendall(f"PUT {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\n".encode() + header + b"\r\n\r\n0\r\n\r\n")
        return int(connection.recv(4096).split()[1])


@pytest.mark.usefixtures("visitors")
def test_a_browser_sends_to_the_console(
    browser: Browser, console: Console, create: Callable[..., Live], sender: Senders, tmp_path: Path
) -> None:
    recording = create(LARGE)
    sender(recording).send(LARGE[:PART] + bytes(PART), only=[1, 2])  # the second part is that of another file
    film = tmp_path / "film.mp4"
    film.write_bytes(LARGE)
    tenant = Person(namespace=recording.namespace, name=TENANT, token=f"token-of-{TENANT}")
    with window(browser, RunningConsole(console), tenant) as opened:
        page = opened.go(f"/upload/{recording.namespace}/{recording.name}/video")
        puts: list[str] = []
        page.on("request", lambda one: puts.append(one.url) if one.method == "PUT" else None)
        choose(page, film)
        start(page)
        expect_state(page, "Complete")
        assert opened.faults == []
        assert len(puts) == 2
    artifact = artifact_of(recording.wait_phase("Complete"), "video")
    assert artifact["provedChecksum"] == "crc64nvme"
