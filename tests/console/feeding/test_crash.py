"""A console process that is killed while it writes: the next one brings the catalog up to date."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from localcluster import ControlPlane
from localcluster.ports import free_port
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from tests.console.feeding.conftest import Objects
from tests.support.waiting import eventually

_ENDS_S = 120.0
StartConsole = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(cluster: ControlPlane, database_url: str) -> Iterator[StartConsole]:
    """Starts processes, and kills them after the test."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*, port: int, crash_at: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.crashing_console", "console", "--http-host=127.0.0.1"]
        options = ["--http-port=0", f"--metrics-port={port}", f"--kubeconfig={cluster.kubeconfig}"]
        environment = {**os.environ, "DATABASE_URL": database_url, "CRASH_AT": crash_at, "PYTHONPATH": "operator:."}
        made.append(subprocess.Popen([*command, *options], env=environment))
        return made[-1]

    yield begin
    for process in made:
        process.kill()
        process.wait()


@pytest.mark.parametrize("point", ["put after", "after_list before", "fed before"])
def test_killed_while_it_writes(database_url: str, objects: Objects, start: StartConsole, point: str) -> None:
    """Nothing is lost, and nothing that was deleted meanwhile stays."""
    kept, gone = objects.create("kept"), objects.create("gone")
    killed = start(port=free_port(), crash_at=point)
    assert killed.wait(_ENDS_S) == -signal.SIGKILL
    objects.delete("gone")
    objects.retitle("kept", "New")
    new = objects.create("new")

    port = free_port()
    process = start(port=port)
    eventually(lambda: _is_ready(port), within_s=_ENDS_S)
    process.terminate()
    assert process.wait(_ENDS_S) == 0

    engine = open_database(database_url)
    reader = CatalogReader(engine)
    rows = {one["metadata"]["name"]: reader.by_uid(one["metadata"]["uid"]) for one in (kept, gone, new)}
    engine.dispose()
    states = {name: (row.in_cluster, row.title) for name, row in rows.items() if row is not None}
    assert states.pop("gone", (False, "")) == (False, "")
    assert states == {"kept": (True, "New"), "new": (True, "")}


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
