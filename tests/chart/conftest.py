"""Helm 3 and Helm 4."""

from pathlib import Path

import pytest

from tests.chart.helm import Helm, programs


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Each version of Helm, without a cluster."""
    return Helm(program=programs()[request.param], home=tmp_path / "helm")


@pytest.fixture
def helm4(tmp_path: Path) -> Helm:
    """The newest Helm, without a cluster."""
    return Helm(program=programs()["helm4"], home=tmp_path / "helm")
