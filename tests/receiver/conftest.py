"""Real receivers on the loopback address, with the rights of the chart and a real API server."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE, RECEIVER_ACCOUNT, receiver_binding
from localcluster.receiverprocess import ReceiverProcess
from recording_operator.kube.rest import RestClient
from tests.receiver.sending import SECRET, Reply, post, secret_manifest, signed, source_manifest

SOURCE: Final = "meetings"


@pytest.fixture(scope="session")
def receiver_kubeconfig(cluster: ControlPlane) -> Path:
    """That of the receiver's ServiceAccount."""
    return cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=RECEIVER_ACCOUNT)


@pytest.fixture
def receivers(receiver_kubeconfig: Path, tmp_path: Path) -> Iterator[Callable[..., ReceiverProcess]]:
    """Makes receivers (not started). Those that still run after the test are killed."""
    made: list[ReceiverProcess] = []

    def make(*, settings: str = "", environment: Mapping[str, str] | None = None, **options: Any) -> ReceiverProcess:
        file = tmp_path / f"receiver-{len(made)}.yaml"
        file.write_text(f"receiver: {{shutdownDelay: 100ms{', ' + settings if settings else ''}}}")
        log = tmp_path / f"receiver-{len(made)}.log"
        options = {"kubeconfig": receiver_kubeconfig, **options}
        process = ReceiverProcess(log=log, settings=file, environment=environment, **options)
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()


class Meetings:
    """A RecordingSource in a namespace of its own, and the Recordings that come of it."""

    def __init__(self, cluster: ControlPlane, admin: RestClient, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._admin = admin
        self._provider = ""
        self.path = f"/v1/sources/{namespace}/{SOURCE}"

    def apply(self, spec: Mapping[str, Any] | None = None, **secrets: str) -> None:
        """Apply the source and its verification secrets. A provider cannot be changed: the source is replaced then."""
        provider = str((spec or {}).get("provider", "MeetingBaaS"))
        if provider != self._provider:
            self._provider = provider
            self.cluster.kubectl(
                "delete", "recordingsource", SOURCE, f"--namespace={self.namespace}", "--ignore-not-found"
            )
        self.cluster.kubectl.apply(
            receiver_binding(self.namespace),
            secret_manifest("webhook", self.namespace, **(secrets or {"current": SECRET})),
            source_manifest(SOURCE, self.namespace, secret="webhook", spec=spec),
        )

    def send(self, receiver: ReceiverProcess, body: bytes, **options: Any) -> Reply:
        """Send a signed delivery."""
        return post(receiver.url, self.path, body, signed(body, **options))

    def recordings(self) -> list[dict[str, Any]]:
        """All Recordings of the namespace."""
        path = f"/apis/recordings.dev/v1alpha1/namespaces/{self.namespace}/recordings"
        return list(self._admin.request("GET", path)["items"])

    def secrets(self) -> dict[str, dict[str, Any]]:
        """All Secrets of the namespace but that of the webhook, by name."""
        items = self._admin.request("GET", f"/api/v1/namespaces/{self.namespace}/secrets")["items"]
        return {one["metadata"]["name"]: one for one in items if one["metadata"]["name"] != "webhook"}

    def source(self) -> dict[str, Any]:
        """The RecordingSource."""
        path = f"/apis/recordings.dev/v1alpha1/namespaces/{self.namespace}/recordingsources/{SOURCE}"
        return self._admin.request("GET", path)


@pytest.fixture
def meetings(cluster: ControlPlane, admin: RestClient, namespace: str) -> Meetings:
    """A RecordingSource whose secret is SECRET."""
    made = Meetings(cluster, admin, namespace)
    made.apply()
    return made


@pytest.fixture
def receiver(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> ReceiverProcess:  # noqa: ARG001 - it knows the source from the start
    """One receiver, ready."""
    process = receivers()
    process.start()
    return process
