"""A report, an operator that counts, and a location whose keys tell the organisation."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, OperatorProcess
from tests.conftest import LocationFactory
from tests.support.reports import TEMPLATE, Report, ReportFactory
from tests.support.world import write_settings


@pytest.fixture
def report(cluster: ControlPlane) -> Iterator[ReportFactory]:
    """Makes StorageReports of one location, deleted after the test."""
    made: list[str] = []

    def make(location: str, **spec: Any) -> Report:
        name = f"report-{uuid.uuid4().hex[:10]}"
        cluster.kubectl.apply(
            {
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "StorageReport",
                "metadata": {"name": name},
                "spec": {"scope": {"storageLocations": [location]}, **spec},
            }
        )
        made.append(name)
        return Report(cluster, name)

    yield make
    for name in made:
        cluster.kubectl("delete", "storagereport", name)


@pytest.fixture
def start(operators: Callable[..., OperatorProcess], tmp_path: Path) -> Callable[..., OperatorProcess]:
    """Starts an operator with short waits."""

    def begin(**settings: Any) -> OperatorProcess:
        operator = operators(policy=write_settings(tmp_path, **settings))
        operator.start()
        return operator

    return begin


@pytest.fixture
def place(location: LocationFactory) -> str:
    """A location whose keys tell the organisation."""
    return location(spec={"keyTemplate": TEMPLATE})
