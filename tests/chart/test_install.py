"""The chart on a real API server: every manifest is accepted, and a release is installed, changed and removed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import ControlPlane
from tests.chart.cluster import NAMESPACE, recording, uninstall_all
from tests.chart.helm import CHART, MONITORING_APIS, RELEASE, Helm, HelmError, one, parsed, programs
from tests.chart.values_cases import CASES, Values
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_CRDS = CHART / "files" / "crds"
_IN = f"--namespace={NAMESPACE}"
_LOCATION: Values = {
    "storageLocation": {
        "create": True,
        "spec": {"s3": {"bucket": "my-recordings"}, "allowedNamespaces": {"names": ["team-a"]}},
    }
}


def _install(helm: Helm, values: Values | None = None, *, release: str = RELEASE, options: tuple[str, ...] = ()) -> str:
    return helm("install", release, str(CHART), _IN, *options, values=values or {})


@pytest.fixture(scope="module")
def kinds(bare_cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Our kinds, which the server knows, and no release: objects of one would be changed, not created."""
    home = tmp_path_factory.mktemp("helm")
    uninstall_all(Helm(program=programs()["helm4"], home=home, kubeconfig=bare_cluster.kubeconfig))
    bare_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(_CRDS))
    bare_cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(_CRDS))
    return [yaml.safe_load(file.read_text())["spec"]["names"]["kind"] for file in _CRDS.glob("*.yaml")]


@pytest.mark.parametrize("name", ["defaults", *CASES])  # before the tests that install something
def test_every_manifest_is_taken_by_the_server(
    helm4: Helm, bare_cluster: ControlPlane, kinds: list[str], name: str
) -> None:
    apis = [*MONITORING_APIS, *(f"recordings.dev/v1alpha1/{kind}" for kind in kinds)]
    manifests = helm4.render(CASES.get(name, {}), apis=apis, namespace=NAMESPACE)
    options = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts")
    done = bare_cluster.kubectl.run("apply", *options, "-f", "-", stdin=manifests)
    assert (done.returncode, done.stderr) == (0, "")


def test_pods_are_admitted_where_the_restricted_standard_is_enforced(
    cluster_helm4: Helm, bare_cluster: ControlPlane
) -> None:
    _install(cluster_helm4)
    selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
    eventually(lambda: len(bare_cluster.kubectl.json("get", "pods", _IN, selector)["items"]) == 2)
    test_pod = next(
        item
        for item in cluster_helm4.objects()
        if item["kind"] == "Pod" and "helm.sh/hook" in item["metadata"]["annotations"]
    )
    test_pod["metadata"]["namespace"] = NAMESPACE
    bare_cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(test_pod))


@pytest.mark.parametrize("values", [{}, {"tests": {"resources": {"limits": {"cpu": "1"}}}}], ids=["default", "given"])
def test_the_pod_of_helm_test_is_admitted_if_a_quota_requires_limits(
    helm4: Helm, bare_cluster: ControlPlane, values: Values
) -> None:
    kubectl, into = bare_cluster.kubectl, "--namespace=finance"
    hard = {"limits.cpu": "2", "limits.memory": "1Gi", "requests.cpu": "1", "requests.memory": "1Gi"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all", "namespace": "finance"}}
    kubectl.apply({**quota, "spec": {"hard": hard}})
    eventually(lambda: kubectl.json("get", "resourcequota", "all", into).get("status", {}).get("hard") == hard)
    loose = kubectl.run("run", "loose", "--image=x", into)
    assert "failed quota: all: must specify limits.cpu" in loose.stderr
    pod = one(parsed(helm4.render(values, namespace="finance")), "Pod")
    kubectl.apply(pod)
    kubectl("delete", "pod", pod["metadata"]["name"], into, "--now")
    kubectl("delete", "resourcequota", "all", into)


def test_a_pod_that_is_not_restricted_is_rejected_there(bare_cluster: ControlPlane) -> None:
    done = bare_cluster.kubectl.run("run", "loose", "--image=x", _IN, "--dry-run=server")
    assert 'violates PodSecurity "restricted' in done.stderr


def test_life_of_a_release(cluster_helm: Helm, bare_cluster: ControlPlane) -> None:
    helm, kubectl = cluster_helm, bare_cluster.kubectl

    def deployment() -> Any:
        return kubectl.json("get", "deployment", RELEASE, _IN)

    notes = _install(helm, _LOCATION)
    assert "kind: Recording" in notes
    location = kubectl.json("get", "storagelocation", "archive")
    assert location["metadata"]["annotations"]["meta.helm.sh/release-name"] == RELEASE
    kubectl.apply(recording("kept", namespace="team-a"))

    helm("upgrade", RELEASE, str(CHART), _IN, values={**_LOCATION, "replicaCount": 3, "log": {"level": "debug"}})
    assert deployment()["spec"]["replicas"] == 3
    assert kubectl.json("get", "storagelocation", "archive")["metadata"]["uid"] == location["metadata"]["uid"]

    helm("rollback", RELEASE, "1", _IN)
    assert deployment()["spec"]["replicas"] == 2
    assert kubectl.json("get", "storagelocation", "archive")["metadata"]["uid"] == location["metadata"]["uid"]

    helm("uninstall", RELEASE, _IN, "--wait", "--timeout=60s")
    assert kubectl.run("get", "deployment", RELEASE, _IN).returncode != 0
    assert kubectl.json("get", "recording", "kept", "--namespace=team-a")["spec"]["owner"] == {"org": "acme"}
    assert kubectl.json("get", "storagelocation", "archive")["metadata"]["uid"] == location["metadata"]["uid"]

    _install(helm, _LOCATION)
    assert deployment()["spec"]["replicas"] == 2
    helm("uninstall", RELEASE, _IN, "--wait", "--timeout=60s")

    with pytest.raises(HelmError, match="invalid ownership metadata"):
        _install(helm, release="other")
    _install(helm, release="other", options=("--take-ownership",))
    crd = kubectl.json("get", "crd", "recordings.recordings.dev")
    assert crd["metadata"]["annotations"]["meta.helm.sh/release-name"] == "other"
    assert kubectl.json("get", "recording", "kept", "--namespace=team-a")["metadata"]["name"] == "kept"


def test_an_upgrade_brings_the_new_crds(cluster_helm: Helm, bare_cluster: ControlPlane, tmp_path: Path) -> None:
    def fields() -> set[str]:
        crd = bare_cluster.kubectl.json("get", "crd", "recordings.recordings.dev")
        return set(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])

    older = tmp_path / "older"
    shutil.copytree(CHART, older)
    file = older / "files" / "crds" / "recordings.recordings.dev.yaml"
    crd = yaml.safe_load(file.read_text())
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["priority"]
    file.write_text(yaml.safe_dump(crd))
    cluster_helm("install", RELEASE, str(older), _IN)
    assert "priority" not in fields()
    cluster_helm("upgrade", RELEASE, str(CHART), _IN)
    assert "priority" in fields()
    cluster_helm("rollback", RELEASE, "1", _IN)
    assert "priority" not in fields()
