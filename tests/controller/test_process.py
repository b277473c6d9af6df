"""Every replica of the operator, with the real API server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from localcluster import ControlPlane
from localcluster.install import PROJECT
from recording_operator.kube.connection import connection
from recording_operator.kube.lease import Leadership, LeaseTimings
from recording_operator.kube.rest import RestClient

pytestmark = pytest.mark.cluster

AT_ONCE_S: Final = 5.0
"""A third of what a Lease takes to run out: a busy machine has its time."""


@pytest.fixture
def failing(cluster: ControlPlane, namespace: str) -> Iterator[subprocess.Popen[str]]:
    """A replica that leads, and fails to start when it reads a line."""
    paths = os.pathsep.join((str(PROJECT / "operator"), str(PROJECT)))
    command = [sys.executable, "-m", "tests.support.failing_leader", namespace]
    environment = {**os.environ, "PYTHONPATH": paths, "KUBECONFIG": str(cluster.kubeconfig)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_leader_that_cannot_start_frees_the_lease_at_once(
    cluster: ControlPlane, namespace: str, failing: subprocess.Popen[str]
) -> None:
    assert failing.stdout is not None
    first = failing.stdout.readline().strip()
    rest = RestClient(connection(kubeconfig=Path(cluster.kubeconfig), context=None))
    other = Leadership(rest, namespace=namespace, identity="other", on_lost=lambda _: None)
    acquired = threading.Event()

    def stand_by() -> None:
        if other.acquire(threading.Event()):
            acquired.set()

    threading.Thread(target=stand_by, daemon=True).start()
    assert not acquired.wait(3 * LeaseTimings().retry_s)
    assert other.holder == first

    freed_s = time.monotonic()
    _, said = failing.communicate("\n", timeout=30)

    assert acquired.wait(AT_ONCE_S - (time.monotonic() - freed_s))
    assert failing.returncode == 1
    assert said.splitlines()[-1] == "no leader can be made"
    other.release()
