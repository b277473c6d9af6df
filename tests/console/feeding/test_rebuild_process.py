"""`recording-operator console --rebuild`: fills a database from the buckets, and ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.stored import location_named, store_at
from tests.support.lost_recordings import LostCluster

pytestmark = pytest.mark.cluster

_PROGRAM = "import sys; sys.argv[0] = 'recording-operator'; from recording_operator.cli import main; main()"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-c", _PROGRAM, "console", "--rebuild", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_catalog_is_filled_from_the_buckets(
    cluster: ControlPlane, admin: RestClient, location: LocationFactory, tmp_path: Path
) -> None:
    """Recordings that are gone from Kubernetes are in it; a second run reads nothing again."""
    name, url = location(), f"sqlite:///{tmp_path}/catalog.db"
    where = location_named(admin, name)
    store = store_at(admin, where)
    lost = [LostCluster(store=store, location=where).lose(number) for number in (1, 2)]
    store.close()
    options = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", OPERATOR_NAMESPACE, "--database-url", url)

    lines = [
        next((line for line in run(*options).stdout.splitlines() if line.startswith(f"{name}: ")), "") for _ in range(2)
    ]

    assert lines == [f"{name}: 2 manifests, 2 read, 0 removed", f"{name}: 2 manifests, 0 read, 0 removed"]
    engine = open_database(url)
    found = [CatalogReader(engine).by_uid(one.metadata.uid) for one in lost]
    engine.dispose()
    assert [(one.name, one.phase, one.in_cluster) for one in found if one is not None] == [
        (one.metadata.name, "Complete", False) for one in lost
    ]


def test_the_memory_of_the_process_is_refused() -> None:
    done = run()
    assert done.returncode == 2
    assert "--rebuild needs --database-url" in done.stderr
