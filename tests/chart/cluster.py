"""A control plane for the chart's tests, which install and remove CRDs that all other tests need."""

import json
from functools import partial
from typing import Any, Final

from localcluster import ControlPlane
from tests.chart.helm import Helm, Object
from tests.support.waiting import eventually

NAMESPACE: Final = "recordings"
RESTRICTED: Final = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


def make_namespace(cluster: ControlPlane, name: str, labels: dict[str, str] | None = None) -> None:
    """Make a namespace, and wait until it has what the controllers put in."""
    cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})
    eventually(lambda: cluster.kubectl.run("get", "serviceaccount", "default", f"--namespace={name}").returncode == 0)


def uninstall_all(helm: Helm) -> None:
    """Remove all releases."""
    for release in helm("list", "--short", f"--namespace={NAMESPACE}").split():
        helm("uninstall", release, f"--namespace={NAMESPACE}", "--wait", "--timeout=60s")


def remove_crds(cluster: ControlPlane) -> None:
    """Remove our CRDs, and with them all that is of their kinds."""
    crds = [crd for crd in cluster.kubectl("get", "crds", "-o", "name").split() if crd.endswith(".recordings.dev")]
    if crds and cluster.kubectl.run("delete", "--timeout=40s", *crds, timeout_s=60).returncode != 0:
        # A definition deleted right after it was made can wait minutes for its own storage; nothing of ours is in it.
        for crd in crds:
            cluster.kubectl.run("patch", crd, "--type=merge", '--patch={"metadata": {"finalizers": []}}')
        cluster.kubectl("wait", "--for=delete", "--timeout=40s", *crds)
    eventually(partial(_is_gone, cluster), within_s=40)


def _is_gone(cluster: ControlPlane) -> bool:
    """Whether the API server serves our kinds no longer, which it notices some time after the definitions are gone."""
    return cluster.kubectl.run("get", "--raw", "/apis/recordings.dev/v1alpha1").returncode != 0


def foreign_kind(kind: str, group: str) -> Object:
    """A CRD in place of one from another project. It accepts any spec."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"},  # needed below k8s.io
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def recording(name: str, *, namespace: str, spec: dict[str, Any] | None = None) -> Object:
    """A Recording with one small text."""
    usual = {
        "storageLocation": "archive",
        "owner": {"org": "acme"},
        "artifacts": [{"name": "note", "kind": "Summary", "contentType": "text/plain", "inline": "hello"}],
    }
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**usual, **(spec or {})},
    }


def create_as(cluster: ControlPlane, kubeconfig: Any, *objects: Object, verb: str = "create") -> tuple[int, str]:
    """Create objects as this user. Return kubectl's exit status and output."""
    listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    done = cluster.kubectl_as(kubeconfig).run(verb, "-f", "-", stdin=json.dumps(listing))
    return done.returncode, done.stdout + done.stderr


def forget(cluster: ControlPlane, name: str) -> bool:
    """Delete a Recording of team-a that should not have been accepted, and return False."""
    cluster.kubectl("delete", "recording", name, "--namespace=team-a", "--ignore-not-found")
    return False
