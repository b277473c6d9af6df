"""`presign`, `download`, `cat` and `restore` with a real API server and S3 server, as administrator and tenant."""

from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from localcluster import ControlPlane, S3Server
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.kube.rest import RestClient
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.cli.conftest import People, Person
from tests.conftest import TENANT, LocationFactory
from tests.kube.objects import set_status
from tests.support.transfers import an_object, pattern

pytestmark = pytest.mark.cluster

VIDEO = pattern(50 * 2**20)
TEXT = "WEBVTT\n\nGrüße\n".encode()
_RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def recorded(admin: RestClient, namespace: str, location: LocationFactory, s3: S3Server, bucket: str) -> str:
    """A Complete Recording `meeting` with its objects. Returns the name of the StorageLocation."""
    name = location()
    source = {"url": "https://media.example.com/v.mp4"}
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"namespace": namespace, "name": "meeting"},
        "spec": {
            "storageLocation": name,
            "owner": {"org": "acme"},
            "artifacts": [
                {"name": "video", "kind": "Video", "contentType": "video/mp4", "source": source},
                {"name": "transcript", "kind": "Transcript", "contentType": "text/vtt", "source": source},
            ],
        },
    }
    stored = admin.request("POST", f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings", body=body)
    uid = stored["metadata"]["uid"]
    artifacts = [_kept(s3, bucket, uid, "video.mp4", VIDEO), _kept(s3, bucket, uid, "transcript.vtt", TEXT)]
    set_status(admin, stored, {"phase": "Complete", "storageLocation": name, "bucket": bucket, "artifacts": artifacts})
    return name


def _kept(s3: S3Server, bucket: str, uid: str, name: str, body: bytes) -> dict[str, Any]:
    keys = StoreCredentials(access_key_id=s3.root.access_key, secret_access_key=s3.root.secret_key)
    store = S3LocationStore(S3Options(bucket=bucket, endpoint=s3.endpoint, path_style=True, credentials=keys))
    key = f"acme/meeting/{uid}/{name}"
    written = store.put(an_object(key=key, recording_uid=uid), body, crc64nvme=crc64nvme(body))
    store.close()
    return {
        "name": name.partition(".")[0],
        "phase": "Complete",
        "key": key,
        "versionId": written.version_id,
        "etag": written.etag,
        "bytesTotal": len(body),
        "checksum": to_text(crc64nvme(body)),
    }


def fetched(url: str) -> bytes:
    with urlopen(url.strip()) as response:
        return bytes(response.read())


def test_an_administrator_without_any_option(people: People, recorded: str, tmp_path: Path) -> None:
    assert recorded
    done = people.admin.run("download", "meeting", "-o", str(tmp_path / "files"))
    assert done.returncode == 0, done.stderr
    assert [Path(line).read_bytes() for line in done.stdout.splitlines()] == [VIDEO, TEXT]
    assert "crc64nvme verified" in done.stderr
    assert people.admin.output("cat", "meeting", "transcript").encode() == TEXT
    assert fetched(people.admin.output("presign", "meeting")) == VIDEO
    restored = people.admin.output("restore", "meeting").splitlines()
    assert [line.split() for line in restored[1:]] == [
        ["video", "-", "NotArchived", "now"],
        ["transcript", "-", "NotArchived", "now"],
    ]


def refused(person: Person, *arguments: str) -> str:
    done = person.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    return " ".join(done.stderr.split())


def test_a_tenant_learns_which_right_is_missing(
    people: People, recorded: str, namespace: str, cluster: ControlPlane, s3: S3Server, tmp_path: Path
) -> None:
    tenant, files = people.tenant, str(tmp_path / "files")
    for verb in ("presign", "download", "cat", "restore"):
        words = refused(tenant, verb, "meeting", "video", *(("-o", files) if verb == "download" else ()))
        assert f"You may not get storagelocations {recorded}." in words
        assert f"kubectl auth can-i get storagelocations.recordings.dev/{recorded}" in words

    rules = [{"apiGroups": ["recordings.dev"], "resources": ["storagelocations"], "verbs": ["get"]}]
    role: dict[str, Any] = {"apiVersion": f"{_RBAC}/v1", "metadata": {"name": f"{namespace}-locations"}}
    subjects = [{"apiGroup": _RBAC, "kind": "User", "name": TENANT}]
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": f"{namespace}-locations"}
    cluster.kubectl.apply(
        {**role, "kind": "ClusterRole", "rules": rules},
        {**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects},
    )
    try:
        words = refused(tenant, "cat", "meeting", "transcript")
        assert f"You may not read Secret '{recorded}' in the operator's namespace 'recording-operator'." in words
        assert f"kubectl auth can-i get secrets/{recorded} -n recording-operator" in words

        own = {"AWS_ACCESS_KEY_ID": s3.root.access_key, "AWS_SECRET_ACCESS_KEY": s3.root.secret_key}
        done = tenant.run("download", f"{namespace}/meeting", "-o", files, "--own-credentials", env=own)
        assert done.returncode == 0, done.stderr
        assert [Path(line).read_bytes() for line in done.stdout.splitlines()] == [VIDEO, TEXT]
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", f"{namespace}-locations")


def test_an_object_that_changed_is_no_file(
    people: People, recorded: str, s3: S3Server, bucket: str, admin: RestClient, namespace: str, tmp_path: Path
) -> None:
    assert recorded
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings/meeting"
    stored = admin.request("GET", path)
    status = next(one for one in stored["status"]["artifacts"] if one["name"] == "transcript")
    wrong = _kept(s3, bucket, stored["metadata"]["uid"], "other.vtt", TEXT[:-2] + b"!\n")
    artifacts = [{**status, "key": wrong["key"], "versionId": wrong["versionId"], "etag": wrong["etag"]}]
    set_status(admin, stored, {"artifacts": artifacts})
    words = refused(people.admin, "download", "meeting", "transcript", "-o", str(tmp_path))
    assert "do not have the expected checksum (crc64nvme)" in words
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("meeting")] == []
    done = people.admin.run("cat", "meeting", "transcript")
    assert done.returncode == 1
