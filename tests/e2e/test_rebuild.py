"""A cluster is lost with its etcd. Its Recordings come back from the bucket, and no byte moves.

The control plane is this test's own; the bucket and its server outlive it.
"""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from localcluster import ControlPlane, MediaServer, OperatorProcess, S3Server
from localcluster.install import (
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    credentials_secret,
    install,
    storage_location,
)
from tests.support.nursery import ForkedOperator, Nursery
from tests.support.recordings import a_recording, from_media, inline
from tests.support.waiting import eventually
from tests.support.world import moved_bytes, write_settings

pytestmark = pytest.mark.cluster

JsonObject = dict[str, Any]
ARCHIVE: Final = "archive"
ELSEWHERE: Final = "elsewhere"
TEAMS: Final = ("team-a", "team-b")
WITHIN_S: Final = 120.0


@dataclass(slots=True)
class Cluster:
    """A control plane that can be lost, and its operator."""

    folder: Path
    s3: S3Server
    nursery: Nursery
    bucket: str
    control: ControlPlane = field(init=False)
    operator: OperatorProcess = field(init=False)

    def start(self) -> None:
        """An empty cluster in which everything is installed."""
        self.control = ControlPlane(self.folder / "control-plane")
        self.control.start()
        install(self.control.kubectl)
        locations = [self.location(ARCHIVE, prefix="prod/"), self.location(ELSEWHERE, prefix="moved/")]
        namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in TEAMS]
        self.control.kubectl.apply(*namespaces, credentials_secret(ARCHIVE, self.s3.root), *locations)
        kubeconfig = self.control.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)
        log = self.folder / f"operator-{uuid.uuid4().hex[:6]}.log"
        self.operator = ForkedOperator(
            nursery=self.nursery, kubeconfig=kubeconfig, log=log, policy=write_settings(self.folder)
        )
        self.operator.start()

    def location(self, name: str, *, prefix: str) -> JsonObject:
        """A location in the bucket. What is moved away from it is deleted."""
        return storage_location(
            name,
            endpoint=self.s3.endpoint,
            bucket=self.bucket,
            secret=ARCHIVE,
            namespaces=TEAMS,
            spec={"s3": {"prefix": prefix}, "deletionPolicies": ["Retain", "Delete"], "moves": {"from": "Delete"}},
        )

    def lose(self) -> None:
        """The operator is killed, and etcd is deleted."""
        self.operator.kill()
        self.control.stop()
        shutil.rmtree(self.folder / "control-plane")

    def create(self, namespace: str, name: str, *artifacts: Any, **spec: Any) -> None:
        """Create a Recording."""
        self.control.kubectl.apply(a_recording(namespace, *artifacts, name=name, location=ARCHIVE, **spec))

    def recording(self, namespace: str, name: str) -> JsonObject:
        """A Recording as it is now."""
        return self.control.kubectl.json("get", "recording", name, f"--namespace={namespace}")

    def recordings(self) -> dict[str, JsonObject]:
        """All of them, by namespace and name."""
        items = self.control.kubectl.json("get", "recordings", "--all-namespaces")["items"]
        return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in items}

    def wait(self, fact: Callable[[JsonObject], bool], *, of: int) -> dict[str, JsonObject]:
        """Wait until so many Recordings have this status."""

        def all_of_them() -> bool:
            found = self.recordings()
            return len(found) == of and all(fact(one.get("status", {})) for one in found.values())

        eventually(all_of_them, within_s=WITHIN_S, what=f"{of} Recordings")
        return self.recordings()

    def report(self) -> JsonObject:
        """The status of a new StorageReport after its first refresh."""
        made = {"apiVersion": "recordings.dev/v1alpha1", "kind": "StorageReport", "metadata": {"name": "all"}}
        self.control.kubectl.apply({**made, "spec": {"scope": {"storageLocations": [ARCHIVE]}}})

        def status() -> JsonObject:
            return dict(self.control.kubectl.json("get", "storagereport", "all").get("status", {}))

        eventually(lambda: "asOf" in status(), within_s=WITHIN_S, what="a report")
        return status()

    def rebuild(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the command as an administrator."""
        program = str(Path(sys.executable).with_name("recording-operator"))
        command = [program, "rebuild", f"--location={ARCHIVE}", f"--operator-namespace={OPERATOR_NAMESPACE}", *options]
        return subprocess.run(
            [*command, f"--kubeconfig={self.control.kubeconfig}"], capture_output=True, text=True, check=False
        )

    def versions(self) -> set[tuple[str, str]]:
        """Keys and versions in the bucket, but for the operator's own folder."""
        listed = self.s3.client().list_object_versions(Bucket=self.bucket)["Versions"]
        return {(one["Key"], one["VersionId"]) for one in listed if "/.recording-operator/" not in one["Key"]}

    def requests(self, key: str, *, since: int) -> set[str]:
        """The operations on a key, from this line of the store's log on."""
        lines = [line.split(" ") for line in self.s3.access_log.read_text().splitlines()[since:]]
        return {words[7] for words in lines if len(words) > 8 and words[8] == key}


@pytest.fixture
def lossy(tmp_path: Path, s3: S3Server, nursery: Nursery, bucket: str) -> Iterator[Cluster]:
    """A cluster that runs."""
    cluster = Cluster(folder=tmp_path, s3=s3, nursery=nursery, bucket=bucket)
    cluster.start()
    yield cluster
    cluster.operator.terminate()
    assert cluster.operator.wait(timeout_s=20) == 0
    cluster.control.stop()


def counted(report: JsonObject) -> JsonObject:
    """What a report says about objects and Recordings, but for costs, which depend on the time."""
    of_row = ("name", "objects", "bytes", "recordings")
    rows: JsonObject = {
        kind: [{key: row.get(key) for key in of_row} for row in report[kind]]
        for kind in ("byOrg", "byNamespace", "byStorageLocation")
    }
    return {**rows, "totals": report["totals"], "uploads": report["uploads"]}


def test_a_lost_cluster_comes_back_from_its_bucket(lossy: Cluster, media: MediaServer) -> None:
    for number in range(3):
        lossy.create(
            "team-a",
            f"meeting-{number}",
            from_media(media, size_bytes=100_000 * (number + 1)),
            inline('{"a": 1}'),
            title="Weekly sync",
            owner={"org": f"org-{number}", "user": "jo@example.com"},
            deletionPolicy="Delete" if number == 0 else "Retain",
        )
    # A document of a tenant at a key where other Recordings have their manifest.
    forged = {"schema": "recordings.dev/manifest/v1", "namespace": "team-a", "name": "forged"}
    lossy.create("team-b", "guest", inline(json.dumps(forged), name="metadata"), owner={"org": "guests"})
    before = lossy.wait(lambda status: status.get("settled") is True, of=4)
    report = lossy.report()
    stored, served = lossy.versions(), len(media.served)

    lossy.lose()
    since = len(lossy.s3.access_log.read_text().splitlines())
    lossy.start()
    dry = lossy.rebuild("--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "5 manifests: 4 would be created, 1 other objects\n"), dry.stderr
    assert lossy.recordings() == {}
    done = lossy.rebuild()
    assert (done.returncode, done.stdout) == (0, "5 manifests: 4 created, 1 other objects\n"), done.stderr
    after = lossy.wait(lambda status: status.get("settled") is True, of=4)

    for name, was in before.items():
        found, uid = after[name], was["metadata"]["uid"]
        assert found["spec"]["identity"]["uid"] == uid != found["metadata"]["uid"]
        same = ("phase", "startedAt", "completedAt", "prefix", "manifestUri", "manifestRevision", "bytesTotal")
        assert {key: found["status"].get(key) for key in same} == {key: was["status"].get(key) for key in same}
        of_object = ("key", "uri", "etag", "versionId", "checksum", "integrity", "bytesTotal", "contentType", "phase")
        for one, other in zip(found["status"]["artifacts"], was["status"]["artifacts"], strict=True):
            assert {key: one.get(key) for key in of_object} == {key: other.get(key) for key in of_object}
            # What is at the key of a manifest is read: the response to GET says whether it is one.
            read = {"s3_GetObject"} if one["name"] == "metadata" else set()
            assert lossy.requests(one["key"], since=since) == {"s3_HeadObject", *read}
        manifest = was["status"]["manifestUri"].removeprefix(f"s3://{lossy.bucket}/")
        assert lossy.requests(manifest, since=since) == {"s3_HeadObject", "s3_GetObject"}
    assert lossy.versions() == stored
    assert (len(media.served), moved_bytes(lossy.operator)) == (served, 0)
    assert counted(lossy.report()) == counted(report)
    again = lossy.rebuild()
    assert (again.returncode, again.stdout) == (0, "5 manifests: 5 exist already\n"), again.stderr

    _others_cannot_claim_it(lossy, after["team-a/meeting-0"], stored)
    _it_can_be_moved(lossy, after["team-a/meeting-0"])
    lossy.control.kubectl("delete", "recording", "meeting-0", "--namespace=team-a", "--timeout=60s")
    former = before["team-a/meeting-0"]["metadata"]["uid"]
    assert {key for key, _ in lossy.versions()} == {key for key, _ in stored if former not in key}


def _it_can_be_moved(lossy: Cluster, owned: JsonObject) -> None:
    """A rebuilt Recording is moved: its objects and its manifest are at the new location, and only there."""
    meta, uid = owned["metadata"], owned["spec"]["identity"]["uid"]
    patch = json.dumps({"spec": {"storageLocation": ELSEWHERE}})
    lossy.control.kubectl(
        "patch", "recording", meta["name"], f"--namespace={meta['namespace']}", "--type=merge", f"--patch={patch}"
    )

    def is_there() -> bool:
        status = lossy.recording(meta["namespace"], meta["name"])["status"]
        return (status["storageLocation"], status["settled"], "move" in status) == (ELSEWHERE, True, False)

    eventually(is_there, within_s=WITHIN_S, what="a moved Recording")
    keys = {key for key, _ in lossy.versions() if uid in key}
    assert {key.split("/")[0] for key in keys} == {"moved"}
    assert sorted(key.split("/")[-1] for key in keys) == ["metadata.json", "summary.json", "video"]


def _others_cannot_claim_it(lossy: Cluster, owned: JsonObject, stored: set[tuple[str, str]]) -> None:
    """A tenant of another namespace claims the identity, and deletes the Recording with its objects."""
    spec = {**owned["spec"], "deletionPolicy": "Delete"}
    meta = {"name": owned["metadata"]["name"], "namespace": "team-b"}
    lossy.control.kubectl.apply({**{key: owned[key] for key in ("apiVersion", "kind")}, "metadata": meta, "spec": spec})

    def status() -> JsonObject:
        return dict(lossy.recording("team-b", meta["name"]).get("status", {}))

    eventually(lambda: status().get("phase") == "Failed", within_s=WITHIN_S, what="a rejected identity")
    assert status()["reason"] == "IdentityRejected"
    assert "team-a" not in status()["message"]
    lossy.control.kubectl("delete", "recording", meta["name"], "--namespace=team-b", "--timeout=60s")
    assert lossy.versions() == stored
