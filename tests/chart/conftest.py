"""Helm 3 and Helm 4, and a control plane to install into."""

from dataclasses import replace
from pathlib import Path

import pytest

from localcluster import ControlPlane
from tests.chart.cluster import remove_crds, uninstall_all
from tests.chart.helm import Helm, programs


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Each version of Helm, without a cluster."""
    return Helm(program=programs()[request.param], home=tmp_path / "helm")


@pytest.fixture
def helm4(tmp_path: Path) -> Helm:
    """The newest Helm, without a cluster."""
    return Helm(program=programs()["helm4"], home=tmp_path / "helm")


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
    uninstall_all(helm)
    remove_crds(cluster)
    return helm
