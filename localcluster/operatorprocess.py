"""The operator as a separate process, as in a cluster.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from localcluster.install import OPERATOR_NAMESPACE, PROJECT
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process

ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""As in the image. The Dockerfile explains it."""
POLICY: Final = PROJECT / "localcluster" / "policy.yaml"
_READY_TIMEOUT_S: Final = 60.0
_HTTP_TIMEOUT_S: Final = 2.0
_METRICS_TIMEOUT_S: Final = 15.0  # of an operator that is at work on a busy machine
_HTTP_OK: Final = 200


class OperatorProcess:
    """One `recording-operator run` with its own port and log."""

    def __init__(
        self,
        *,
        kubeconfig: Path,
        log: Path,
        policy: Path = POLICY,
        namespace: str = OPERATOR_NAMESPACE,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (),
    ) -> None:
        """`kubeconfig`: of the operator's ServiceAccount. `arguments` follow the usual ones, `environment` adds.

        `program` is how to call it; default: the one beside this Python.
        """
        self.port = free_port()
        command = operator_command(policy=policy, namespace=namespace, http_port=self.port, program=program)
        self.process = Process(
            name="recording-operator",
            argv=[*command, *arguments],
            log=log,
            env={**operator_environment(kubeconfig), **(environment or {})},
        )

    @property
    def url(self) -> str:
        """URL of its health and metrics server."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self, *, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Start the operator and wait until `/readyz` returns 200. Raises ComponentError.

        A second operator becomes ready too, as a standby.
        """
        self.launch()
        self.wait_ready(timeout_s=timeout_s)

    def launch(self) -> None:
        """Start it without waiting."""
        self.process.start()

    def wait_ready(self, *, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait until `/readyz` returns 200. Raises ComponentError."""
        self.process.wait_ready(self.is_ready, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Request `/readyz`. Raises OSError if no server listens."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=_HTTP_TIMEOUT_S) as response:
                return bool(response.status == _HTTP_OK)
        except urllib.error.HTTPError:
            return False

    def metrics(self) -> str:
        """Return the metrics. Raises OSError."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=_METRICS_TIMEOUT_S) as response:
            return str(response.read().decode())

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self.process.kill()

    def terminate(self) -> None:
        """Send SIGTERM, as a cluster does before it replaces a pod, and do not wait."""
        self.process.signal(signal.SIGTERM)

    def wait(self, *, timeout_s: float) -> int:
        """Wait for its end and return the exit status. Raises subprocess.TimeoutExpired."""
        return self.process.wait(timeout_s=timeout_s)

    def log_text(self) -> str:
        """Return its log so far."""
        return self.process.log.read_text(errors="replace") if self.process.log.exists() else ""


def operator_command(*, policy: Path, namespace: str, http_port: int, program: Sequence[str] = ()) -> list[str]:
    """Return the command line of the operator. With port 0 it uses any free port."""
    called = program or [str(Path(sys.executable).with_name("recording-operator"))]
    options = [
        f"--settings={policy}",
        f"--namespace={namespace}",
        f"--http-host={LOOPBACK}",
        f"--http-port={http_port}",
    ]
    return [*called, "run", *options]


def operator_environment(kubeconfig: Path) -> dict[str, str]:
    """Return the environment of the operator: no cloud identity but what its StorageLocations name."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**environment, **ALLOCATOR, "KUBECONFIG": str(kubeconfig)}
