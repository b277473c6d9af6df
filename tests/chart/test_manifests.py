"""Without Helm: install.yaml and the Kustomize base match the chart, and work when they are applied."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from localcluster import ControlPlane
from localcluster.builds import ensure_tools
from localcluster.install import PROJECT
from tests.chart.cluster import remove_crds
from tests.chart.helm import Helm, Object, one, parsed
from tests.support.waiting import eventually

INSTALL = PROJECT / "install"
OPERATOR = "recording-operator"
OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: media
resources:
  - base
images:
  - name: recording-operator
    newName: registry.example.com/recording-operator
    newTag: "1.2.3"
patches:
  - target: {kind: ConfigMap, name: recording-operator-settings}
    patch: |-
      - op: replace
        path: /data/settings.yaml
        value: |
          transfers: {concurrent: 3}
"""


def kustomized(folder: Path) -> list[Object]:
    program = ensure_tools()["kubectl"]
    done = subprocess.run([str(program), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return parsed(done.stdout)


def named(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """An overlay as a user writes it: another namespace, and the image."""
    (tmp_path / "base").symlink_to(INSTALL)
    (tmp_path / "kustomization.yaml").write_text(OVERLAY)
    return tmp_path


@pytest.fixture
def applied_cluster(bare_cluster: ControlPlane) -> Iterator[ControlPlane]:
    """Without what other tests have installed, and afterwards without what this one has applied."""
    _remove_cluster_wide(bare_cluster)
    yield bare_cluster
    _remove_cluster_wide(bare_cluster)
    bare_cluster.kubectl("delete", "namespace", OPERATOR, "media", "--ignore-not-found", "--wait=false")


def _remove_cluster_wide(cluster: ControlPlane) -> None:
    kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    cluster.kubectl("delete", kinds, "--selector=app.kubernetes.io/part-of=recording-operator")
    remove_crds(cluster)


def test_the_file_is_the_output_of_the_chart() -> None:
    command = [sys.executable, str(INSTALL / "generate.py"), "--check"]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT / 'operator'}{os.pathsep}{PROJECT}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_file_has_every_object_of_the_chart_and_the_namespace(helm4: Helm) -> None:
    rendered = named(helm4.objects({"tests": {"enabled": False}}))
    written = named(parsed((INSTALL / "install.yaml").read_text()))
    assert written.keys() == rendered.keys() | {("Namespace", OPERATOR)}
    assert not any("helm" in yaml.safe_dump(item["metadata"]).lower() for item in written.values())


@pytest.mark.parametrize("component", ["receiver", "console"])
def test_another_part_is_what_the_chart_adds_for_it(helm4: Helm, component: str) -> None:
    off = named(helm4.objects({"tests": {"enabled": False}}))
    added = named(helm4.objects({"tests": {"enabled": False}, component: {"enabled": True}})).keys() - off.keys()
    written = named(parsed((INSTALL / component / f"{component}.yaml").read_text()))
    assert written.keys() == added
    assert {kind for kind, _ in added} >= {"Deployment", "Service", "ServiceAccount", "ClusterRole"}
    assert not any("helm" in yaml.safe_dump(item["metadata"]).lower() for item in written.values())


def test_kustomize_builds_the_same_objects() -> None:
    assert named(kustomized(INSTALL)) == named(parsed((INSTALL / "install.yaml").read_text()))
    for part in ("receiver", "console"):
        assert named(kustomized(INSTALL / part)) == named(parsed((INSTALL / part / f"{part}.yaml").read_text()))


def test_operator_and_console_have_two_images() -> None:
    container = one(kustomized(INSTALL / "console"), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].startswith("recording-operator-console:")


def test_an_overlay_moves_everything_into_its_namespace(overlay: Path) -> None:
    objects = kustomized(overlay)
    assert {item["metadata"].get("namespace", "media") for item in objects} == {"media"}
    assert one(objects, "Namespace")["metadata"]["name"] == "media"
    bindings = [item for item in objects if item["kind"] in {"ClusterRoleBinding", "RoleBinding"}]
    assert {subject["namespace"] for item in bindings for subject in item["subjects"]} == {"media"}
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.com/recording-operator:1.2.3"
    assert one(objects, "ConfigMap")["data"] == {"settings.yaml": "transfers: {concurrent: 3}"}


@pytest.mark.cluster
def test_both_ways_give_a_deployment_with_its_rights(applied_cluster: ControlPlane, overlay: Path) -> None:
    kubectl = applied_cluster.kubectl
    for arguments, namespace in ((("-f", str(INSTALL / "install.yaml")), OPERATOR), (("-k", str(overlay)), "media")):
        for _ in range(2):  # again: an upgrade
            done = kubectl.run("apply", "--server-side", "--validate=strict", *arguments)
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
        into = f"--namespace={namespace}"
        eventually(lambda into=into: len(kubectl.json("get", "pods", into)["items"]) == 2)  # type: ignore[misc]
        account = f"--as=system:serviceaccount:{namespace}:{OPERATOR}"
        for right in (("list", "recordings.recordings.dev"), ("patch", "storagereports", "--subresource=status")):
            assert kubectl("auth", "can-i", *right, "--all-namespaces", account).strip() == "yes"
        assert kubectl("auth", "can-i", "get", "secrets", into, account).strip() == "yes"
        assert kubectl.run("auth", "can-i", "get", "secrets", "--namespace=default", account).stdout.strip() == "no"
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "recordings.recordings.dev")
    assert kubectl("get", "recordings", "--all-namespaces") == ""
