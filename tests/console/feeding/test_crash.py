"""A console process that is killed while it writes: the next one brings the catalog up to date."""

import os
import signal
import subprocess
import sys

import pytest

from localcluster import ControlPlane
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from tests.console.feeding.conftest import Fillers, Objects

_ENDS_S = 120.0


@pytest.mark.parametrize(
    ("database_url", "point"),
    [("sqlite", "put after"), ("postgresql", "after_list before"), ("sqlite", "fed before")],
    indirect=["database_url"],
)
def test_killed_while_it_writes(
    cluster: ControlPlane, fillers: Fillers, database_url: str, objects: Objects, point: str
) -> None:
    """Nothing is lost, and nothing that was deleted meanwhile stays."""
    kept, gone = objects.create("kept"), objects.create("gone")
    command = [sys.executable, "-m", "tests.support.crashing_console", "console", "--http-host=127.0.0.1"]
    options = ["--http-port=0", "--metrics-port=0", f"--kubeconfig={cluster.kubeconfig}"]
    environment = {**os.environ, "DATABASE_URL": database_url, "CRASH_AT": point, "PYTHONPATH": "operator:."}
    killed = subprocess.run([*command, *options], env=environment, timeout=_ENDS_S, check=False)
    assert killed.returncode == -signal.SIGKILL
    objects.delete("gone")
    objects.retitle("kept", "New")
    new = objects.create("new")

    fillers.start(cluster.kubeconfig, database_url).wait_listed()

    engine = open_database(database_url)
    reader = CatalogReader(engine)
    rows = {one["metadata"]["name"]: reader.by_uid(one["metadata"]["uid"]) for one in (kept, gone, new)}
    engine.dispose()
    states = {name: (row.in_cluster, row.title) for name, row in rows.items() if row is not None}
    assert states.pop("gone", (False, "")) == (False, "")
    assert states == {"kept": (True, "New"), "new": (True, "")}
