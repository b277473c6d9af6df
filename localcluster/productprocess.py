"""A command of the product as a separate process, as in a cluster.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from localcluster.process import Process

ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""As in the image. The Dockerfile explains it."""
READY_TIMEOUT_S: Final = 60.0
_PROBE_TIMEOUT_S: Final = 5.0
_METRICS_TIMEOUT_S: Final = 15.0  # of a process that is at work on a busy machine
_HTTP_OK: Final = 200


class ProductProcess:
    """A process with a server for probes and metrics at `metrics_url`."""

    def __init__(self, process: Process, *, metrics_url: str) -> None:
        self.process = process
        self.metrics_url = metrics_url

    def start(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start it and wait until it is ready. Raises ComponentError."""
        self.launch()
        self.wait_ready(timeout_s=timeout_s)

    def launch(self) -> None:
        """Start it without waiting."""
        self.process.start()

    def wait_ready(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until `/readyz` returns 200. Raises ComponentError."""
        self.process.wait_ready(self.is_ready, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Request `/readyz`. Raises OSError if no server listens."""
        return self._probe("readyz")

    def is_alive(self) -> bool:
        """Request `/healthz`. Raises OSError if no server listens."""
        return self._probe("healthz")

    def metrics(self) -> str:
        """Return the metrics. Raises OSError."""
        with urllib.request.urlopen(f"{self.metrics_url}/metrics", timeout=_METRICS_TIMEOUT_S) as response:
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

    def _probe(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.metrics_url}/{path}", timeout=_PROBE_TIMEOUT_S) as response:
                return bool(response.status == _HTTP_OK)
        except urllib.error.HTTPError:
            return False


def product_command(verb: str, options: Sequence[str], *, program: Sequence[str] = ()) -> list[str]:
    """Return a command line. `program` is how to call the product; default: the one beside this Python."""
    return [*(program or [str(Path(sys.executable).with_name("recording-operator"))]), verb, *options]


def product_environment(kubeconfig: Path) -> dict[str, str]:
    """Return the environment of a process: no cloud identity but what the StorageLocations name."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**environment, **ALLOCATOR, "KUBECONFIG": str(kubeconfig)}
