"""Helpers for the operator's pods and for Recordings."""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from localcluster import MediaServer
from localcluster.kubectl import JsonObject, Kubectl
from tests.chart.helm import Helm
from tests.support.canaries import Place, cluster_places
from tests.support.waiting import eventually

T = TypeVar("T")
NAMESPACE: Final = "recording-operator"
RELEASE: Final = "recording-operator"
TEAM: Final = "team-a"
MIB: Final = 2**20
# In every URL of every Recording here. Only the Secret may contain it.
CANARY: Final = f"canary-{uuid.uuid4().hex}"
_METRICS: Final = (
    "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """The release and what it stores into."""

    kubectl: Kubectl
    helm: Helm
    s3: Any
    bucket: str
    secrets: tuple[str, ...]

    def pods(self) -> list[JsonObject]:
        """The operator's pods that are not ending, oldest first."""
        selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
        items = self.kubectl.json("get", "pods", f"--namespace={NAMESPACE}", selector)["items"]
        running = [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
        return sorted(running, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def wait_ready(self) -> None:
        """Wait until two pods are ready and one of them leads."""

        def ready() -> bool:
            pods = self.pods()
            return len(pods) == 2 and all(_is_ready(pod) for pod in pods) and self.leader() in _names(pods)

        eventually(ready, within_s=240, what="two ready pods, one of them leading")

    def leader(self) -> str:
        """Name of the pod that holds the Lease ("" if none)."""
        leases = self.kubectl.json("get", "leases", f"--namespace={NAMESPACE}")["items"]
        holders = [str(lease["spec"].get("holderIdentity") or "") for lease in leases]
        return holders[0].rpartition("_")[0] if holders else ""

    def restarts(self, pod: str) -> int:
        """How often the container of a pod was started again."""
        status = self.kubectl.json("get", "pod", pod, f"--namespace={NAMESPACE}")["status"]
        return int(status["containerStatuses"][0]["restartCount"])

    def last_end(self, pod: str) -> str:
        """Why the container of a pod ended last."""
        status = self.kubectl.json("get", "pod", pod, f"--namespace={NAMESPACE}")["status"]
        ended = status["containerStatuses"][0].get("lastState", {}).get("terminated", {})
        return str(ended.get("reason", ""))

    def process_of(self, pod: str) -> int:
        """Process id, in the tests' namespace, of the operator in a pod."""
        uid = next(item["metadata"]["uid"] for item in self.pods() if item["metadata"]["name"] == pod)
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                group, line = (folder / "cgroup").read_text(), (folder / "cmdline").read_text()
            except OSError:
                continue
            if uid in group and "recording-operator" in line:
                return int(folder.name)
        raise AssertionError(f"no process of {pod}")

    def signal(self, pod: str, number: signal.Signals) -> None:
        """Send a signal to the operator in a pod."""
        os.kill(self.process_of(pod), number)

    def logs(self, pod: str) -> list[JsonObject]:
        """What `kubectl logs` shows, parsed."""
        text = self.kubectl("logs", pod, f"--namespace={NAMESPACE}")
        return [json.loads(line) for line in text.splitlines()]

    def places(self) -> Iterator[Place]:
        """Everything that a pod (its last container too) or the API server shows of what the operator does."""
        yield from cluster_places(self.kubectl)
        for pod in _names(self.pods()):
            for previous in ("false", "true"):
                done = self.kubectl.run("logs", pod, f"--namespace={NAMESPACE}", f"--previous={previous}")
                yield f"the log of {pod}", done.stdout
            yield (
                f"the metrics of {pod}",
                self.kubectl("exec", pod, f"--namespace={NAMESPACE}", "--", "python", "-c", _METRICS),
            )

    def report(self, name: str) -> None:
        """Create a StorageReport that is due now, with a budget."""
        spec = {"schedule": "0 0 * * *", "budget": {"amount": "50", "currency": "USD"}}
        report = {"apiVersion": "recordings.dev/v1alpha1", "kind": "StorageReport", "metadata": {"name": name}}
        self.kubectl.apply({**report, "spec": spec})

    def record(self, name: str, *, media: MediaServer, size_bytes: int, rate: str | None = None) -> None:
        """Create a Recording of one file of the media server; its URL is in a Secret."""
        query = f"size={size_bytes}&token={CANARY}" + (f"&rate={rate}" if rate else "")
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": TEAM},
            "stringData": {"url": f"{media.address}/{name}/video.mp4?{query}"},
        }
        source = {"urlSecretRef": {"name": name, "key": "url"}}
        spec = {
            "storageLocation": "archive",
            "owner": {"org": "acme"},
            "artifacts": [{"name": "video", "kind": "Video", "source": source}],
        }
        recording = {"apiVersion": "recordings.dev/v1alpha1", "kind": "Recording", "metadata": secret["metadata"]}
        self.kubectl.apply(secret, {**recording, "spec": spec})

    def status(self, name: str) -> JsonObject:
        """The status of a Recording."""
        found: JsonObject = self.kubectl.json("get", "recording", name, f"--namespace={TEAM}").get("status") or {}
        return found

    def wait_bytes(self, name: str, at_least: int) -> JsonObject:
        """Wait until so much is stored, by the status."""

        def there() -> JsonObject | None:
            status = self.status(name)
            return status if int(status.get("bytesDone") or 0) >= at_least else None

        return eventually(there, within_s=180, what=f"{at_least} bytes of {name}")

    def wait_complete(self, name: str, *, within_s: float = 400) -> JsonObject:
        """Wait until a Recording is Complete, and return its status."""

        def done() -> JsonObject | None:
            status = self.status(name)
            assert status.get("phase") != "Failed", status
            return status if status.get("phase") == "Complete" else None

        return eventually(done, within_s=within_s, what=f"{name} Complete")

    def stored_size(self, status: JsonObject) -> int:
        """Size in the store of the object that a status names."""
        head = self.s3.head_object(Bucket=self.bucket, Key=status["artifacts"][0]["key"])
        return int(head["ContentLength"])

    def open_uploads(self) -> list[JsonObject]:
        """Multipart uploads that were begun and not ended."""
        uploads: list[JsonObject] = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads") or []
        return uploads


def sent_bytes(media: MediaServer, name: str) -> int:
    """How many bytes of a Recording's file the media server has sent."""
    return sum(served.sent_bytes for served in list(media.served) if served.path.startswith(f"/{name}/"))


def _is_ready(pod: JsonObject) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _names(pods: list[JsonObject]) -> set[str]:
    return {str(pod["metadata"]["name"]) for pod in pods}
