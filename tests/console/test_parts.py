"""Uploads into directories, whose parts the console receives itself. No operator runs: the tests open the uploads."""

import base64
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recording_operator.api.meta import format_time
from recording_operator.api.recording import Recording
from recording_operator.cli.uploading.console import ConsoleClient, ConsoleError
from recording_operator.engine.placement import key_of
from recording_operator.kube.rest import RestClient
from recording_operator.stores.objects import ObjectSpec
from tests.console.conftest import Visitors
from tests.console.stored import location_named, store_at
from tests.e2e.uploads.sender import Sender, put
from tests.kube.objects import set_status
from tests.support.recordings import path_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_PART = 1000
_MD5 = base64.b64encode(bytes(16)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """An open upload, and a client of it."""

    sender: Sender
    upload_id: str
    uid: str
    """Of the Recording."""
    folder: Path
    """With the files of the upload."""

    def sent(self, number: int) -> int:
        """Send a part."""
        return put(self.sender.url(self.upload_id, number, size=_PART).document, bytes([number]) * _PART)


@pytest.fixture
def awaited(
    admin: RestClient, visitors: Visitors, namespace: str, directory: Callable[..., str], scratch: Path
) -> Callable[..., Awaited]:
    """Opens uploads for Recordings, as the operator does."""
    where = location_named(admin, directory())
    store = store_at(admin, where, roots=(str(scratch),))

    def make(name: str = "meeting") -> Awaited:
        source = {"upload": {"maxSize": "100Ki"}}
        artifact = {"name": "video", "kind": "Video", "contentType": "video/mp4", "source": source}
        body = {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "Recording",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"storageLocation": where.metadata.name, "owner": {"org": "acme"}, "artifacts": [artifact]},
        }
        stored = admin.request("POST", path_of(namespace), body=body)
        recording = Recording.model_validate(stored)
        key = key_of(recording, "video", where)
        spec = ObjectSpec(
            key=key, content_type="video/mp4", kind="Video", recording_uid=recording.metadata.uid, artifact="video"
        )
        upload_id = store.create_upload(spec, part_size_bytes=_PART, by_client=True)
        state = {
            "name": "video",
            "phase": "Pending",
            "reason": "WaitingForUpload",
            "key": key,
            "uploadId": upload_id,
            "partSize": _PART,
            "uploadExpiresAt": format_time(datetime.now(UTC) + timedelta(hours=1)),
        }
        status = {"storageLocation": where.metadata.name, "bucket": where.store.bucket, "artifacts": [state]}
        set_status(admin, stored, {"phase": "Pending", **status})
        sender = Sender(visitor=visitors.tenant, namespace=namespace, name=name)
        folder = Path(where.store.bucket) / ".recording-operator/uploads" / upload_id
        return Awaited(sender=sender, upload_id=upload_id, uid=recording.metadata.uid, folder=folder)

    return make


def test_a_list_does_not_read_the_parts(awaited: Callable[..., Awaited]) -> None:
    """A large upload would take minutes, and a thread. The operator reads all of it before it completes the upload."""
    upload = awaited()
    assert [upload.sent(number) for number in (1, 2)] == [200, 200]
    (upload.folder / "data").write_bytes(bytes(2 * _PART))  # only to see whether it is read
    assert [part["PartNumber"] for part in upload.sender.listed(upload.upload_id)] == [1, 2]
    assert upload.sender.complete(upload.upload_id, size=2 * _PART).status == 202


def test_slow_clients_of_one_namespace_leave_places_for_others(awaited: Callable[..., Awaited]) -> None:
    upload = awaited()
    to = urlsplit(upload.sender.url(upload.upload_id, 1, size=_PART).document["url"])
    head = f"PUT {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nContent-Length: {_PART}\r\n\r\n".encode()
    with ExitStack() as slow:
        for _ in range(8):
            connection = slow.enter_context(socket.create_connection((to.hostname, to.port), timeout=30))
            connection.sendall(head + b"begin")
        eventually(lambda: upload.sent(2) == 503)
    eventually(lambda: upload.sent(2) == 200)


def test_a_namesake_does_not_get_the_file(awaited: Callable[..., Awaited]) -> None:
    upload = awaited()
    visitor, at, opened = upload.sender.visitor, upload.sender.path, f"/{upload.upload_id}"
    for method, path in (("POST", ""), ("GET", opened), ("GET", f"{opened}/1"), ("POST", f"{opened}/complete")):
        assert "has another uid" in visitor.call(method, f"{at}{path}?uid=former").detail
    assert "has another uid" in visitor.call("DELETE", f"{at}{opened}?uid=former").detail

    def command(uid: str) -> ConsoleClient:
        to = upload.sender
        return ConsoleClient(
            url=visitor.url,
            token=visitor.token or "",
            namespace=to.namespace,
            recording=to.name,
            uid=uid,
            artifact=to.artifact,
        )

    with pytest.raises(ConsoleError, match="has another uid"):
        command("former").begin(size_bytes=_PART)
    assert command(upload.uid).begin(size_bytes=_PART)["uploadId"] == upload.upload_id
    assert command(upload.uid).part_url(upload.upload_id, 1, size_bytes=_PART, md5=_MD5)["size"] == _PART


def test_what_clients_send_wrongly(awaited: Callable[..., Awaited]) -> None:
    upload = awaited()
    to = upload.sender.url(upload.upload_id, 1).document["url"]
    other = upload.sender.visitor.call("DELETE", to)
    assert (other.status, other.headers["content-type"]) == (405, "application/problem+json")
    reply = upload.sender.visitor.get(f"{upload.sender.path}/{upload.upload_id}/1", **{"Content-MD5": "é"})
    assert (reply.status, reply.detail) == (422, "Content-MD5 is not an MD5 in base64.")
