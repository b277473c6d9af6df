"""The start of the operator, its probes, and the one-line message if it cannot start."""

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import API_SERVER, ETCD, ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from localcluster.operatorprocess import operator_command
from localcluster.ports import free_port
from localcluster.productprocess import product_environment
from recording_operator.settings import SettingsError, load_settings
from tests.support.recordings import from_media
from tests.support.world import World, moved_bytes, write_settings

pytestmark = pytest.mark.cluster

WITHIN_S = 60.0


def refusal(kubeconfig: Path, policy: Path, *, port: int = 0, status: int = 1) -> str:
    """The last line of `recording-operator run` that failed to start, after it has exited with `status`."""
    command = operator_command(policy=policy, namespace=OPERATOR_NAMESPACE, http_port=port)
    done = subprocess.run(
        command, env=product_environment(kubeconfig), capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == status, done
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("recording-operator: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def nursery() -> None:
    """Operators are started as users start them, not forked."""


@pytest.fixture
def kubeconfig(cluster: ControlPlane) -> Path:
    """The operator's own."""
    return cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name="recording-operator")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Settings that are fine."""
    return write_settings(tmp_path)


def test_a_bad_settings_file(kubeconfig: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("sourcePolicy: {schema: [https]}")

    said = refusal(kubeconfig, path, status=2)

    assert said == f"recording-operator: settings file {path}: sourcePolicy.schema is not a setting; check the spelling"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sourcePolicy: {denyCIDRs: [10.0.0.1/8]}", ["sourcePolicy.denyCIDRs.0", "10.0.0.0/8"]),
        ("lease: {duration: 5s, renew: 10s}", ["retry < renew < duration"]),
        ("transfers: {concurrent: 0}", ["transfers.concurrent"]),
        ("recordings: {progressInterval: soon}", ["recordings.progressInterval", "30s, 10m or 720h"]),
        ("- sourcePolicy", ["mapping"]),
        ("sourcePolicy: [", ["YAML", "line 1"]),
    ],
)
def test_read_wording_of_bad_settings(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)

    with pytest.raises(SettingsError) as caught:
        load_settings(path)

    said = str(caught.value)
    assert "\n" not in said
    assert all(word in said for word in [str(path), *words]), said


def test_a_settings_file_that_is_not_there(kubeconfig: Path, tmp_path: Path) -> None:
    assert "No such file" in refusal(kubeconfig, tmp_path / "absent.yaml", status=2)


def test_a_port_that_is_taken(kubeconfig: Path, policy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(kubeconfig, policy, port=port)
    assert f":{port}" in said
    assert "--http-port" in said


def test_no_rights(cluster: ControlPlane, policy: Path, namespace: str) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", f"--namespace={namespace}")
    nobody = cluster.service_account_kubeconfig(namespace=namespace, name="nobody")

    said = refusal(nobody, policy)

    for resource in ("recordings.recordings.dev", "recordings/status.recordings.dev", "leases.coordination.k8s.io"):
        assert resource in said
    assert "Apply its RBAC" in said


def test_no_crds(crdless: ControlPlane, policy: Path) -> None:
    said = refusal(crdless.kubeconfig, policy)
    assert "recordings.recordings.dev" in said
    assert "kubectl apply -f crds/" in said


def test_no_api_server(kubeconfig: Path, policy: Path, tmp_path: Path, cluster: ControlPlane) -> None:
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(kubeconfig.read_text().replace(cluster.server, f"https://127.0.0.1:{free_port()}"))
    assert "does not respond" in refusal(elsewhere, policy)


def test_no_kubeconfig(policy: Path, tmp_path: Path) -> None:
    assert "absent" in refusal(tmp_path / "absent", policy)


def test_health_readiness_and_metrics(own_world: World) -> None:
    operator = own_world.start_operator()
    own_world.create(from_media(own_world.media)).wait_phase("Complete")

    assert get(f"{operator.url}/healthz") == (200, "ok\n")
    assert get(f"{operator.url}/readyz") == (200, "ok\n")
    assert get(f"{operator.url}/elsewhere")[0] == 404
    metrics = operator.metrics()
    assert moved_bytes(operator) >= 2**20
    for series in (
        "recording_operator_leader 1.0",
        'recording_operator_artifacts_finished_total{outcome="Stored",reason="Stored"}',
        'recording_operator_build_info{version="',
        'recording_operator_watch_seconds_since_last_byte{resource="recordings"}',
    ):
        assert series in metrics, series
    for name in ("meeting", own_world.namespace, "acme", "u-17"):
        assert f'"{name}"' not in metrics, "a user's word is a label"


def get(url: str) -> tuple[int, str]:
    """Status and body of a response."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status), str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.code, ""


@pytest.fixture(scope="module")
def crdless(scratch: Path) -> Iterator[ControlPlane]:
    """An API server without our CRDs."""
    with ControlPlane(scratch / "crdless-control-plane") as control_plane:
        control_plane.start_component(ETCD)
        control_plane.start_component(API_SERVER)
        yield control_plane
