"""The operator in real pods.

`make e2e-pod` runs these tests in a cluster of localcluster.podcluster. Otherwise they are skipped.
All tests share one release of the chart with two replicas, and a media server and an S3 server on the node's address.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import MediaServer, S3Server
from localcluster.builds import ensure_tools
from localcluster.image import REFERENCE
from localcluster.install import credentials_secret, storage_location
from localcluster.kubectl import Kubectl
from localcluster.podconfig import NODE_IP
from tests.chart.helm import CHART, Helm, programs
from tests.pod.pods import CANARY, NAMESPACE, RELEASE, Operator
from tests.support.canaries import check_no_secret

_BUCKET = "recordings"
_VALUES: dict[str, Any] = {
    "image": dict(zip(("repository", "tag"), REFERENCE.removeprefix("localhost/").split(":"), strict=True))
    | {"registry": "localhost", "pullPolicy": "Never"},
    "settings": {
        "sourcePolicy": {"schemes": ["http"], "ports": [], "allowPrivateCIDRs": [f"{NODE_IP}/32"]},
        "recordings": {"progressInterval": "1s"},
        "locations": {"retryInterval": "2s"},
        "lease": {"duration": "6s", "renew": "4s", "retry": "1s"},
        "shutdown": {"grace": "2s"},
    },
    "rbac": {"secretNamespaces": ["team-a"]},
    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
    "livenessProbe": {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2},
    "terminationGracePeriodSeconds": 20,
}


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests: they need real pods."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.root)


@pytest.fixture(scope="session")
def kubectl(scratch: Path) -> Kubectl:
    """An administrator's."""
    return Kubectl(
        program=ensure_tools()["kubectl"], kubeconfig=Path(os.environ["KUBECONFIG"]), cache=scratch / "kubectl"
    )


@pytest.fixture(scope="session")
def pod_s3(scratch: Path) -> Iterator[S3Server]:
    """An S3 server that pods reach."""
    with S3Server(scratch / "pod-s3", host=NODE_IP) as server:
        server.start()
        server.create_bucket(_BUCKET, versioned=True)
        yield server


@pytest.fixture
def pod_media() -> Iterator[MediaServer]:
    """A media server that pods reach."""
    with MediaServer(host=NODE_IP) as server:
        yield server


@pytest.fixture(scope="session")
def operator(kubectl: Kubectl, pod_s3: S3Server, scratch: Path) -> Operator:
    """The chart, installed by Helm where the restricted standard is enforced, with a location that is ready."""
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    for name, labels in ((NAMESPACE, restricted), ("team-a", {})):
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    helm = Helm(program=programs()["helm4"], home=scratch / "helm", kubeconfig=kubectl.kubeconfig)
    options = (f"--namespace={NAMESPACE}", "--wait", "--timeout=300s")
    helm("install", RELEASE, str(CHART), *options, values=_VALUES)
    secret = credentials_secret("archive", pod_s3.root)
    secret["metadata"]["namespace"] = NAMESPACE
    location = storage_location(
        "archive", endpoint=pod_s3.endpoint, bucket=_BUCKET, secret="archive", namespaces=["team-a"]
    )
    kubectl.apply(secret, location)
    kubectl("wait", "storagelocation/archive", "--for=condition=Ready", "--timeout=180s", timeout_s=190)
    return Operator(
        kubectl=kubectl, helm=helm, s3=pod_s3.client(), bucket=_BUCKET, secrets=(CANARY, pod_s3.root.secret_key)
    )


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with two ready pods, and ends without a secret in what they show."""
    if "operator" not in request.fixturenames:
        yield
        return
    operator: Operator = request.getfixturevalue("operator")
    operator.wait_ready()
    yield
    operator.wait_ready()
    check_no_secret(operator.places(), secrets=operator.secrets)
