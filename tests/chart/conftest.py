"""Helm 3 and Helm 4, and a control plane to install into."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localcluster import ControlPlane, User
from tests.chart.cluster import NAMESPACE, RESTRICTED, foreign_kind, make_namespace, remove_crds
from tests.chart.helm import Helm, programs


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Each version of Helm, without a cluster."""
    return Helm(program=programs()[request.param], home=tmp_path / "helm")


@pytest.fixture
def helm4(tmp_path: Path) -> Helm:
    """The newest Helm, without a cluster."""
    return Helm(program=programs()["helm4"], home=tmp_path / "helm")


@pytest.fixture(scope="session")
def bare_cluster(scratch: Path) -> Iterator[ControlPlane]:
    """A control plane without anything of ours; it knows the kinds of the Prometheus Operator."""
    with ControlPlane(scratch / "chart-control-plane", users=[User(name="tenant")]) as cluster:
        cluster.start()
        kinds = [
            foreign_kind(kind, "monitoring.coreos.com") for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")
        ]
        cluster.kubectl.apply(*kinds)
        for name in ("elsewhere", "team-a", "team-b", "monitoring", "finance"):
            make_namespace(cluster, name)
        make_namespace(cluster, NAMESPACE, RESTRICTED)
        yield cluster


@pytest.fixture
def cluster_helm(helm: Helm, bare_cluster: ControlPlane) -> Helm:
    """Each version of Helm, against the control plane, with nothing of ours there."""
    return _cleaned(replace(helm, kubeconfig=bare_cluster.kubeconfig), bare_cluster)


@pytest.fixture
def cluster_helm4(helm4: Helm, bare_cluster: ControlPlane) -> Helm:
    """Helm 4 against the control plane, with nothing of ours there."""
    return _cleaned(replace(helm4, kubeconfig=bare_cluster.kubeconfig), bare_cluster)


def _cleaned(helm: Helm, cluster: ControlPlane) -> Helm:
    """Remove releases, then what they keep."""
    for release in helm("list", "--short", f"--namespace={NAMESPACE}").split():
        helm("uninstall", release, f"--namespace={NAMESPACE}", "--wait", "--timeout=60s")
    remove_crds(cluster)
    return helm
