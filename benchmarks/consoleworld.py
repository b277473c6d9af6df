"""What `make bench-console` browses: a cluster with people, namespaces, changing Recordings and a StorageReport.

The rows of the catalog are of Recordings that are gone from Kubernetes. They are dated after today, because people who
may not see everything do not see what is older than its namespace, and all namespaces are new.
"""

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.catalogdata import DAYS, ORGS, entries
from localcluster import ControlPlane
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.kube.connection import connection
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.reported import growing, in_cluster, refreshed
from tests.console.running import make_token

NAMESPACES: Final = 50
PEOPLE: Final = "people"
ORG_NAMES: Final = tuple(f"org-{number:02}" for number in range(ORGS))
_GROUP: Final = "rbac.authorization.k8s.io"
_ADMINISTRATORS: Final = 5
"""Of so many people one may see everything; the others one namespace, and every fourth of them ten."""
_REPORT_DAYS: Final = 730
_MAKERS: Final = 8
_SIZE: Final = 10**9

JsonObject = dict[str, Any]


def catalog_rows(number: int) -> Iterator[CatalogEntry]:
    """The rows of the catalog."""
    newest = datetime.now(UTC) + timedelta(days=DAYS + 1)
    for entry in entries(number, newest=newest, namespaces=NAMESPACES):
        yield replace(entry, in_cluster=False)


class BrowsedCluster:
    """A control plane with all of it."""

    def __init__(self, cluster: ControlPlane, *, people: int, recordings: int) -> None:
        self._admin = RestClient(connection(kubeconfig=cluster.kubeconfig), connections=_MAKERS)
        self._names = [(_namespace(number), f"live-{number:05}") for number in range(recordings)]
        cluster.kubectl.apply(*_objects(people))
        in_cluster(self._admin, refreshed(growing(*ORG_NAMES, days=_REPORT_DAYS), budget={"amount": "5000"}))
        with ThreadPoolExecutor(_MAKERS) as pool:
            list(pool.map(self._make, self._names))
            self.tokens = tuple(pool.map(self._token, range(people)))

    def _token(self, number: int) -> str:
        return make_token(self._admin, PEOPLE, _person(number), expirationSeconds=7200)

    def _make(self, place: tuple[str, str]) -> None:
        namespace, name = place
        spec = {
            "storageLocation": "archive",
            "owner": {"org": f"org-{int(namespace[-4:]) % ORGS:02}", "user": "u-1"},
            "title": f"Live {name}",
            "artifacts": [{"name": "video", "kind": "Video", "source": {"url": "https://example.com/video.mp4"}}],
        }
        body = {"apiVersion": RECORDINGS.api_version, "kind": "Recording", "metadata": {"name": name}, "spec": spec}
        self._admin.request("POST", RECORDINGS.collection(namespace), body=body)

    @contextmanager
    def changing(self, *, per_s: float) -> Iterator[None]:
        """Write the progress of one Recording after the other meanwhile."""
        stop = threading.Event()
        thread = threading.Thread(target=self._change, args=(stop, 1 / per_s), name="changes")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _change(self, stop: threading.Event, pause_s: float) -> None:
        drawn = random.Random(3)
        while self._names and not stop.wait(pause_s):
            namespace, name = drawn.choice(self._names)
            status = _uploading(drawn.randrange(100))
            path = f"{RECORDINGS.path(namespace, name)}/status"
            self._admin.request("PATCH", path, body={"status": status}, content_type=MERGE_PATCH)


def _namespace(number: int) -> str:
    return f"team-{number % NAMESPACES:04}"


def _person(number: int) -> str:
    return f"person-{number:03}"


def _uploading(percent: int) -> JsonObject:
    state = {"name": "video", "phase": "Uploading", "bytesDone": _SIZE * percent // 100, "bytesTotal": _SIZE}
    return {
        "phase": "Uploading",
        "reason": "Uploading",
        "progress": f"{percent}.0%",
        "bytesDone": _SIZE * percent // 100,
        "bytesTotal": _SIZE,
        "artifacts": [state],
    }


def _objects(people: int) -> Iterator[JsonObject]:
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PEOPLE}}
    for number in range(NAMESPACES):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _namespace(number)}}
    yield _role("browse-recordings", ["recordings", "recordings/status"])
    yield _role("browse-reports", ["storagereports", "storagelocations"])
    everyone = range(people)
    for number in everyone:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _person(number), "namespace": PEOPLE}}
    yield _binding("browse-reports", everyone)
    yield _binding("browse-recordings", [number for number in everyone if number % _ADMINISTRATORS == 0])
    members: dict[str, list[int]] = {}
    for number in everyone:
        if number % _ADMINISTRATORS:
            for more in range(10 if number % 4 == 0 else 1):
                members.setdefault(_namespace(number + more), []).append(number)
    for namespace, some in members.items():
        yield _binding("browse-recordings", some, namespace=namespace)


def _role(name: str, resources: list[str]) -> JsonObject:
    rule = {"apiGroups": ["recordings.dev"], "resources": resources, "verbs": ["get", "list", "watch"]}
    events = {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["get", "list"]}
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [rule, events],
    }


def _binding(role: str, people: Sequence[int], *, namespace: str = "") -> JsonObject:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": role} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "namespace": PEOPLE, "name": _person(one)} for one in people],
    }
