"""The world of one end-to-end test: a namespace, a bucket, a StorageLocation, operators, and expectations."""

import json
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from localcluster import ControlPlane, MediaServer, OperatorProcess, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.conftest import LocationFactory
from tests.support.announced import KnownSink
from tests.support.forbidden import FORBIDDEN_HOST, ForbiddenListener
from tests.support.history import History
from tests.support.holdings import BucketHolding, DirectoryHolding, Holdings
from tests.support.recordings import CANARY, Artifact, Bytes, Live, a_recording, path_of
from tests.support.waiting import eventually

JsonObject = dict[str, Any]
LOCATIONS: Final = "/apis/recordings.dev/v1alpha1/storagelocations"
_EXIT_S: Final = 15.0
_TOLD_WITHIN_S: Final = 10.0
_READ: Final = re.compile(r'^recording_operator_transfer_bytes_total\{direction="read"\} (\S+)$', re.MULTILINE)

SETTINGS: Final[JsonObject] = {
    "sourcePolicy": {
        "schemes": ["https", "http"],
        "ports": [],
        "allowPrivateCIDRs": ["127.0.0.0/8"],
        "denyCIDRs": [f"{FORBIDDEN_HOST}/32"],
        "timeouts": {"connect": "2s", "headers": "5s", "read": "5s"},
    },
    "sinkPolicy": {"schemes": ["https", "http"], "ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"]},
    "recordings": {"progressInterval": "200ms"},
    "locations": {"retryInterval": "1s"},
    "lease": {"duration": "3s", "renew": "2s", "retry": "500ms"},
    "shutdown": {"grace": "1s"},
}
"""The settings of the operators under test: a loopback source may be read, and waits are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The expected result of one Recording: the bytes of each artifact (None: nothing may be stored)."""

    live: Live
    artifacts: dict[str, Bytes | None]


@dataclass(slots=True, kw_only=True)
class World:
    """The world of one test. `check_invariants` checks it."""

    cluster: ControlPlane
    admin: RestClient
    s3: S3Server
    media: MediaServer
    namespace: str
    bucket: str
    history: History
    forbidden: ForbiddenListener
    make_location: LocationFactory
    folder: Path
    make_operator: Callable[..., OperatorProcess] | None = None
    control: Live | None = None
    """A Recording in another namespace and bucket, that must become Complete regardless of the test."""
    location: str = ""
    directories: dict[str, DirectoryHolding] = field(default_factory=dict)
    """Those of filesystem locations, by location."""
    running: list[OperatorProcess] = field(default_factory=list)
    """Operators that must be alive at the end: a test that stops one removes it."""
    everyone: list[OperatorProcess] = field(default_factory=list)
    expected: dict[str, Expected] = field(default_factory=dict)
    """By uid."""
    foreign_keys: set[str] = field(default_factory=set)
    """Objects that the test put into the bucket itself."""
    source_objects: dict[str, JsonObject] = field(default_factory=dict)
    """What HEAD says about each object that Recordings are copied from; by key."""
    foreign_uploads: set[str] = field(default_factory=set)
    """Ids of open uploads that the test made itself."""
    removed: set[str] = field(default_factory=set)
    """uids of Recordings whose objects must be gone."""
    secrets: set[str] = field(default_factory=lambda: {CANARY})
    """Strings that may appear nowhere but where the user wrote them."""
    sinks: dict[str, KnownSink] = field(default_factory=dict)
    """Applications that must be informed of the end of every Recording, by EventSink."""
    unsized_bytes: int = 0
    """Size of the largest artifact whose source states no length."""
    proof: str = "FullObjectCRC64NVME"
    """How objects in the store are verified."""
    rss_limit_bytes: int = 400 * 2**20

    # Recordings

    def create(self, *artifacts: Artifact, name: str = "meeting", location: str = "", **spec: Any) -> Live:
        """Create a Recording in the test's namespace."""
        manifest = a_recording(self.namespace, *artifacts, name=name, location=location or self.location, **spec)
        stored = self.admin.request("POST", path_of(self.namespace), body=manifest)
        live = Live(stored, admin=self.admin, history=self.history)
        self.expect(live, *artifacts)
        return live

    def expect(self, live: Live, *artifacts: Artifact) -> None:
        """Note what must be stored of a Recording (again, if artifacts were added)."""
        wanted = {artifact.name: artifact.expected for artifact in artifacts}
        before = self.expected[live.uid].artifacts if live.uid in self.expected else {}
        self.expected[live.uid] = Expected(live=live, artifacts={**before, **wanted})

    def append(self, live: Live, *artifacts: Artifact) -> None:
        """Append artifacts to a Recording's spec."""
        live.edit(artifacts=[*live.spec["artifacts"], *(artifact.spec for artifact in artifacts)])
        self.expect(live, *artifacts)

    # Secrets and locations

    def put_secret(self, name: str, data: dict[str, str], *, namespace: str = "", **metadata: Any) -> None:
        """Create or replace a Secret; its values are canaries."""
        self.secrets |= set(data.values())
        where = namespace or self.namespace
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": where, **metadata},
            "stringData": data,
        }
        path = f"/api/v1/namespaces/{where}/secrets"
        try:
            self.admin.request("PATCH", f"{path}/{name}", body=secret, content_type=MERGE_PATCH)
        except NotFound:
            self.admin.request("POST", path, body=secret)

    def edit_location(self, name: str = "", **spec: Any) -> None:
        """Merge into a StorageLocation's spec."""
        path = f"{LOCATIONS}/{name or self.location}"
        self.admin.request("PATCH", path, body={"spec": spec}, content_type=MERGE_PATCH)

    def add_directory(self, path: Path, **spec: Any) -> str:
        """Create a StorageLocation in a directory below a permitted root. Returns its name."""
        name = f"{self.location}-disk"
        location = {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "StorageLocation",
            "metadata": {"name": name},
            "spec": {
                "filesystem": {"path": str(path), "prefix": "team/"},
                "allowedNamespaces": {"names": [self.namespace]},
                **spec,
            },
        }
        self.admin.request("POST", LOCATIONS, body=location)
        self.directories[name] = DirectoryHolding(path)
        return name

    def location_condition(self, name: str = "") -> JsonObject:
        """The condition Ready of a StorageLocation, empty while there is none about its present spec."""
        location = self.admin.request("GET", f"{LOCATIONS}/{name or self.location}")
        conditions, generation = location.get("status", {}).get("conditions", []), location["metadata"]["generation"]
        return next(
            (
                dict(found)
                for found in conditions
                if found["type"] == "Ready" and found.get("observedGeneration") == generation
            ),
            {},
        )

    def wait_location(self, reason: str, *, name: str = "", within_s: float = 20) -> JsonObject:
        """Wait until the condition Ready of a StorageLocation has this reason."""
        what = f"location {reason}"
        eventually(lambda: self.location_condition(name).get("reason") == reason, within_s=within_s, what=what)
        return self.location_condition(name)

    def wait_events(self, name: str, *reasons: str, only_warnings: bool = False) -> None:
        """Wait until the Events about one Recording have exactly these reasons; they follow the status."""

        def told() -> list[str]:
            return [
                str(event["reason"]) for event in self.events(name) if event["type"] == "Warning" or not only_warnings
            ]

        try:
            eventually(lambda: told() == list(reasons), within_s=_TOLD_WITHIN_S)
        except AssertionError:
            raise AssertionError(f"the Events of {name} are {told()}, not {list(reasons)}") from None

    def events(self, name: str) -> list[JsonObject]:
        """The Events about one Recording, oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        found = [event for event in self.admin.request("GET", path)["items"] if event["regarding"]["name"] == name]
        return sorted(found, key=lambda event: str(event["eventTime"]))

    # The store

    def put_source(self, key: str, body: bytes, **attributes: Any) -> None:
        """Put an object into the bucket, from which a Recording is copied. It must never change."""
        client = self.s3.client()
        client.put_object(Bucket=self.bucket, Key=key, Body=body, **attributes)
        self.foreign_keys.add(key)
        self.source_objects[key] = self.source_head(key)

    def source_head(self, key: str) -> JsonObject:
        """What identifies an object, its content and its metadata."""
        head = self.s3.client().head_object(Bucket=self.bucket, Key=key)
        fields = ("ContentLength", "ContentType", "ETag", "LastModified", "Metadata", "VersionId")
        return {name: head.get(name) for name in fields}

    def open_uploads(self) -> list[tuple[str, str]]:
        """Key and id of every open multipart upload in the bucket."""
        return BucketHolding(self.s3, self.bucket).uploads()

    @property
    def holdings(self) -> Holdings:
        """The bucket and the directories of the test."""
        bucket = BucketHolding(self.s3, self.bucket, has_sums=self.proof == "FullObjectCRC64NVME")
        return Holdings((bucket, *self.directories.values()))

    def stored_parts(self, key: str, upload_id: str) -> int:
        """Bytes in the parts of an open upload."""
        pages = self.s3.client().get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
        return sum(int(part["Size"]) for page in pages for part in page.get("Parts", []))

    # Operators

    def start_operator(
        self, *, kubeconfig: Path | None = None, environment: Mapping[str, str] | None = None, **settings: Any
    ) -> OperatorProcess:
        """Start an operator of the test's own and wait until it is ready; `settings` replace whole blocks."""
        operator = self.launch_operator(kubeconfig=kubeconfig, environment=environment, **settings)
        operator.wait_ready()
        return operator

    def launch_operator(
        self, *, kubeconfig: Path | None = None, environment: Mapping[str, str] | None = None, **settings: Any
    ) -> OperatorProcess:
        """Start an operator without waiting."""
        assert self.make_operator is not None, "this world has an operator already: use own_world"
        way = {"kubeconfig": kubeconfig} if kubeconfig else {}
        policy = write_settings(self.folder, **settings)
        operator = self.make_operator(policy=policy, environment=environment, **way)
        operator.launch()
        self.running.append(operator)
        self.everyone.append(operator)
        return operator

    def kill(self, operator: OperatorProcess) -> None:
        """End an operator with SIGKILL."""
        self.running.remove(operator)
        operator.kill()

    def terminate(self, operator: OperatorProcess) -> None:
        """End an operator with SIGTERM, which must give exit status 0."""
        self.running.remove(operator)
        operator.terminate()
        try:
            status = operator.wait(timeout_s=_EXIT_S)
        except subprocess.TimeoutExpired:
            operator.process.signal(signal.SIGABRT)
            raise AssertionError(f"no end within {_EXIT_S:g} s after SIGTERM:\n{operator.log_text()[-3000:]}") from None
        assert status == 0, f"exit status {status} after SIGTERM:\n{operator.log_text()[-3000:]}"


def write_settings(folder: Path, **settings: Any) -> Path:
    """Write SETTINGS with some blocks replaced (as JSON, which is YAML) and return the path."""
    path = folder / f"settings-{len(list(folder.glob('settings-*')))}.yaml"
    path.write_text(json.dumps({**SETTINGS, **settings}))
    return path


def moved_bytes(operator: OperatorProcess) -> int:
    """Bytes that the operator has read from sources, by its own metric."""
    found = _READ.search(operator.metrics())
    return int(float(found[1])) if found else 0


def leader_of(world: World) -> str:
    """The holder of the Lease."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/recording-operator"
    return str(world.admin.request("GET", path)["spec"].get("holderIdentity"))
