"""URLs of stored files: of a real S3 server, and of the console for a directory."""

import base64
import json
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from localcluster import ControlPlane
from recording_operator.api.recording import Recording
from recording_operator.console.files.directories import MOST_READING
from recording_operator.console.serving import Console
from recording_operator.engine.manifest import manifest_of
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.conftest import Visitor, Visitors
from tests.console.running import RunningConsole, fetch, send
from tests.console.stored import BODY, StoredFile, location_named, store_at, store_file
from tests.kube.objects import set_status
from tests.support.lost_recordings import LostCluster
from tests.support.recordings import MIB, path_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture
def in_bucket(admin: RestClient, namespace: str, location: LocationFactory) -> StoredFile:
    """A file in a bucket of the S3 server."""
    return store_file(admin, namespace, "weekly", location=location())


@pytest.fixture
def in_directory(
    admin: RestClient, namespace: str, directory: Callable[..., str], scratch: Path
) -> Callable[..., StoredFile]:
    """Stores files in a directory."""
    where = directory()

    def make(name: str = "weekly", **options: Any) -> StoredFile:
        return store_file(admin, namespace, name, location=where, roots=(str(scratch),), **options)

    return make


def url_path(namespace: str, name: str = "weekly", **query: Any) -> str:
    return f"/recordings/{namespace}/{name}/artifacts/video/url?" + "&".join(f"{k}={v}" for k, v in query.items())


def url_of(visitor: Visitor, namespace: str, name: str = "weekly", **query: Any) -> str:
    reply = visitor.get(url_path(namespace, name, **query))
    assert reply.status == 200, reply.body
    return str(reply.document["url"])


def test_a_url_of_the_store(visitors: Visitors, namespace: str, in_bucket: StoredFile) -> None:
    reply = visitors.tenant.get(url_path(namespace))
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    found = reply.document
    assert (found["fileName"], found["contentType"], found["sizeBytes"]) == ("weekly-video.mp4", "video/mp4", len(BODY))
    query = parse_qs(urlsplit(found["url"]).query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["versionId"] == [in_bucket.state["versionId"]]
    assert fetch(found["url"]).content == BODY
    part = fetch(found["url"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, BODY[10:20])

    saved = url_of(visitors.tenant, namespace, download=1, expiresIn=604800)
    assert parse_qs(urlsplit(saved).query)["X-Amz-Expires"] == ["604800"]
    assert fetch(saved).headers["content-disposition"] == 'attachment; filename="weekly-video.mp4"'


def test_who_may_presign(visitors: Visitors, namespace: str, in_bucket: StoredFile) -> None:
    assert in_bucket.uid
    assert fetch(url_of(visitors.admin, namespace)).content == BODY
    refused = visitors.viewer.get(url_path(namespace))
    assert (refused.status, refused.detail) == (403, f"You may not presign recordings in namespace {namespace}.")
    assert visitors.tenant.get(url_path("default")).status == 403
    assert visitors.nobody.get(url_path(namespace)).status == 401


@pytest.mark.parametrize("seconds", [0, -1, 604801, "x", ""])
def test_how_long_it_may_work(visitors: Visitors, namespace: str, seconds: Any) -> None:
    assert visitors.tenant.get(url_path(namespace, expiresIn=seconds)).status == 422


def test_a_url_of_the_store_ends_in_time(visitors: Visitors, namespace: str, in_bucket: StoredFile) -> None:
    assert in_bucket.uid
    url = url_of(visitors.tenant, namespace, expiresIn=1)
    eventually(lambda: fetch(url).status_code == 403)


def test_files_that_cannot_be_had(
    visitors: Visitors, admin: RestClient, namespace: str, location: LocationFactory
) -> None:
    where = location()
    states: dict[str, tuple[dict[str, Any], int, str]] = {
        "waiting": ({"phase": "Uploading"}, 409, "Artifact video is not stored."),
        "expired": ({"reason": "Expired", "message": "Deleted by a rule."}, 410, "has expired. Deleted by a rule."),
        "other": ({"etag": "0" * 32}, 409, "was replaced"),
        "forged": ({"key": "acme/secret.mp4"}, 409, "is not the one that its StorageLocation gives"),
    }
    for name, (state, status, said) in states.items():
        store_file(admin, namespace, name, location=where, state=state)
        reply = visitors.tenant.get(url_path(namespace, name))
        assert (reply.status, said in reply.detail) == (status, True), reply.body
    missing = visitors.tenant.get(f"/recordings/{namespace}/waiting/artifacts/audio/url")
    assert (missing.status, missing.detail) == (404, "The Recording has no artifact audio.")
    assert visitors.tenant.get(url_path(namespace, "nobody")).status == 404


def test_a_removed_object(visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile) -> None:
    store = store_at(admin, location_named(admin, in_bucket.location))
    assert store.delete(in_bucket.key, version_id=in_bucket.state["versionId"], recording_uid=in_bucket.uid)
    store.close()
    reply = visitors.tenant.get(url_path(namespace))
    assert (reply.status, "no longer exists in the store" in reply.detail) == (410, True)


def test_a_recording_that_is_gone(visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile) -> None:
    at = f"/recordings/by-uid/{in_bucket.uid}"
    eventually(lambda: visitors.tenant.get(at).document.get("phase") == "Complete")
    admin.request("DELETE", f"{path_of(namespace)}/weekly")
    eventually(lambda: visitors.tenant.get(at).document["inCluster"] is False)
    assert fetch(url_of(visitors.tenant, namespace)).content == BODY
    assert visitors.viewer.get(url_path(namespace)).status == 403

    # The name has another owner now, and the file of the first is found by its uid.
    again = store_file(admin, namespace, "weekly", location=in_bucket.location, body=b"other")
    assert fetch(url_of(visitors.tenant, namespace)).content == b"other"
    assert fetch(url_of(visitors.tenant, namespace, uid=in_bucket.uid)).content == BODY
    assert fetch(url_of(visitors.tenant, namespace, uid=again.uid)).content == b"other"
    assert visitors.tenant.get(url_path(namespace, uid="another")).status == 404


def test_kubernetes_is_believed_before_the_catalog(
    visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile
) -> None:
    at = f"/recordings/{namespace}/weekly"
    eventually(lambda: visitors.tenant.get(at).document.get("phase") == "Complete")
    set_status(admin, in_bucket.recording, {"artifacts": [{**in_bucket.state, "phase": "Failed"}]})
    assert visitors.tenant.get(url_path(namespace)).status == 409


def test_a_location_that_is_gone(visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile) -> None:
    admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{in_bucket.location}")
    reply = visitors.tenant.get(url_path(namespace))
    assert (reply.status, reply.detail) == (409, f"StorageLocation {in_bucket.location} does not exist any more.")


def test_credentials_that_are_gone_are_not_described_to_tenants(
    visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile
) -> None:
    admin.request("DELETE", f"/api/v1/namespaces/recording-operator/secrets/{in_bucket.location}")
    reply = visitors.tenant.get(url_path(namespace))
    assert reply.status == 503
    assert reply.detail == f"The credentials of StorageLocation {in_bucket.location} cannot be used. Try again later."


def test_a_file_in_a_directory(visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile]) -> None:
    in_directory()
    url = url_of(visitors.tenant, namespace)
    assert url.startswith(f"{visitors.tenant.url}/files/")
    whole = fetch(url)
    assert (whole.status_code, whole.content) == (200, BODY)
    shown = whole.headers
    assert (shown["content-type"], shown["accept-ranges"]) == ("video/mp4", "bytes")
    assert shown["content-disposition"] == 'inline; filename="weekly-video.mp4"'
    assert shown["cache-control"] == "no-store"
    assert (shown["x-content-type-options"], "sandbox" in shown["content-security-policy"]) == ("nosniff", True)
    head = send("HEAD", url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(BODY)))
    assert head.headers["etag"] == shown["etag"]
    saved = fetch(url_of(visitors.tenant, namespace, download=1))
    assert saved.headers["content-disposition"] == 'attachment; filename="weekly-video.mp4"'


def test_only_so_many_read_by_one_link_at_the_same_time(
    visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile]
) -> None:
    """Each holds a connection for as long as it likes."""
    in_directory(body=bytes(16 * MIB))  # more than what is on its way
    url = url_of(visitors.tenant, namespace)
    with httpx.Client(trust_env=False) as client, ExitStack() as reading:
        for _ in range(MOST_READING):
            assert reading.enter_context(client.stream("GET", url)).status_code == 200
        refused = fetch(url)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    eventually(lambda: send("HEAD", url).status_code == 200)


def test_ranges(visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile]) -> None:
    in_directory()
    url = url_of(visitors.tenant, namespace)
    size, etag = len(BODY), send("HEAD", url).headers["etag"]

    def get(**headers: str) -> tuple[int, bytes, str | None]:
        reply = fetch(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return reply.status_code, reply.content, reply.headers.get("content-range")

    assert get(Range="bytes=0-0") == (206, BODY[:1], f"bytes 0-0/{size}")
    assert get(Range="bytes=1000-") == (206, BODY[1000:], f"bytes 1000-{size - 1}/{size}")
    assert get(Range="bytes=-5") == (206, BODY[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert get(Range=f"bytes=0-{10 * size}") == (206, BODY, f"bytes 0-{size - 1}/{size}")
    assert get(Range="bytes=5-9", If_Range=etag) == (206, BODY[5:10], f"bytes 5-9/{size}")
    assert get(Range="bytes=5-9", If_Range='"other"') == (200, BODY, None)
    for ignored in ("bytes=0-1,5-6", "bytes=9-1", "items=0-1", "bytes=a-b"):
        assert get(Range=ignored) == (200, BODY, None)
    for beyond in (f"bytes={size}-", "bytes=-0"):
        assert get(Range=beyond)[::2] == (416, f"bytes */{size}")
    assert get(If_None_Match=etag)[:2] == (304, b"")


def test_a_rebuilt_recording_that_is_gone(
    visitors: Visitors, admin: RestClient, namespace: str, in_bucket: StoredFile
) -> None:
    """The catalog knows which identity it claimed, and the manifest in the bucket has to confirm it."""
    lost = Recording.model_validate(in_bucket.recording)
    where = location_named(admin, in_bucket.location)
    store = store_at(admin, where)
    manifests = LostCluster(store=store, location=where)
    manifests.describe(lost, manifest_of(lost))
    path = f"{path_of(namespace)}/weekly"
    admin.request("DELETE", path)
    spec = {name: value for name, value in in_bucket.recording["spec"].items() if name != "artifacts"}
    spec["identity"] = {"uid": in_bucket.uid, "createdAt": in_bucket.recording["metadata"]["creationTimestamp"]}
    spec["artifacts"] = [{"name": "video", "kind": "Video", "contentType": "video/mp4"}]
    body = {**in_bucket.recording, "metadata": {"namespace": namespace, "name": "weekly"}, "spec": spec}
    again = set_status(admin, admin.request("POST", path_of(namespace), body=body), dict(in_bucket.recording["status"]))
    at = f"/recordings/by-uid/{again['metadata']['uid']}"
    eventually(lambda: visitors.tenant.get(at).document.get("phase") == "Complete")
    admin.request("DELETE", path)
    eventually(lambda: visitors.tenant.get(at).document["inCluster"] is False)

    asked = url_path(namespace, uid=again["metadata"]["uid"])
    assert fetch(visitors.tenant.get(asked).document["url"]).content == BODY
    manifests.forget(lost)
    store.close()
    refused = visitors.tenant.get(asked)
    assert (refused.status, "spec.identity is not confirmed" in refused.detail) == (409, True)


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/javascript"]
)
def test_nothing_that_runs_scripts_is_shown(
    visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile], content_type: str
) -> None:
    in_directory(content_type=content_type, body=b"<script>alert(1)</script>")
    shown = fetch(url_of(visitors.tenant, namespace)).headers
    assert shown["content-type"] == "application/octet-stream"
    assert shown["content-disposition"].startswith("attachment;")


def test_a_link_works_for_nothing_else(
    visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile]
) -> None:
    in_directory()
    url = url_of(visitors.tenant, namespace)
    before, token, name = url.rsplit("/", 2)
    body, _, signature = token.partition(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=="))
    for change in ({"key": "../../etc/passwd"}, {"expires": 2**31}, {"recording_uid": str(uuid.uuid4())}):
        other = base64.urlsafe_b64encode(json.dumps({**content, **change}).encode()).decode().rstrip("=")
        forged = fetch(f"{before}/{other}.{signature}/{name}")
        assert (forged.status_code, forged.json()["detail"]) == (403, "The link is not valid.")
    for wrong in ("x", "x.y", ".", f"{body}.", f"{body}.{signature[:-2]}AA", "%00", "a" * 9000):
        assert fetch(f"{before}/{wrong}/{name}").status_code in (403, 404, 414, 422)
    assert fetch(f"{before}/{token}/other-name").content == BODY
    assert send("POST", url).status_code == 405


def test_a_link_ends_in_time_and_with_its_file(
    visitors: Visitors, namespace: str, in_directory: Callable[..., StoredFile], scratch: Path
) -> None:
    file = in_directory()
    short, long = url_of(visitors.tenant, namespace, expiresIn=1), url_of(visitors.tenant, namespace)
    [note] = visitors.tenant.get(url_path(namespace, expiresIn=604800)).document["notes"]
    assert note == "A link of the console works for at most 24 hours."
    eventually(lambda: fetch(short).status_code == 410)
    assert fetch(short).json()["detail"] == "The link has expired."
    (scratch / file.location / file.key).write_bytes(b"of another program")
    replaced = fetch(long)
    assert (replaced.status_code, replaced.json()["detail"]) == (410, "The file was removed or replaced.")


def test_requests_with_a_link_have_a_limit(
    start: Callable[..., RunningConsole],
    visitors: Visitors,
    namespace: str,
    in_directory: Callable[..., StoredFile],
) -> None:
    in_directory()
    running = start(calls_per_minute=3)
    url = url_of(Visitor(url=running.url, token=visitors.tenant.token), namespace)
    assert [fetch(url).status_code for _ in range(3)] == [200] * 3
    rejected = fetch(url)
    assert (rejected.status_code, rejected.headers["retry-after"]) == (429, "20")


def test_replicas_with_one_database_accept_each_others_links(
    cluster: ControlPlane,
    consoles: Callable[..., Console],
    visitors: Visitors,
    namespace: str,
    in_directory: Callable[..., StoredFile],
    tmp_path: Path,
) -> None:
    in_directory()
    first, second = (consoles(cluster.kubeconfig, database_url=f"sqlite:///{tmp_path}/catalog") for _ in range(2))
    visitor = Visitor(url=f"http://127.0.0.1:{first.port}", token=visitors.tenant.token)
    url = url_of(visitor, namespace)
    assert fetch(url).content == BODY
    assert fetch(url.replace(str(first.port), str(second.port))).content == BODY
    assert fetch(url.replace(visitor.url, visitors.tenant.url)).status_code == 403


def test_a_directory_outside_of_those_permitted(
    visitors: Visitors, admin: RestClient, namespace: str, directory: Callable[..., str], tmp_path: Path
) -> None:
    where = directory(path=tmp_path / "elsewhere")
    store_file(admin, namespace, "weekly", location=where, roots=(str(tmp_path),))
    reply = visitors.tenant.get(url_path(namespace))
    assert (reply.status, reply.detail) == (
        503,
        f"The store of StorageLocation {where} fails (PathNotAllowed). Try again later.",
    )
