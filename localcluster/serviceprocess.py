"""A part of the product that serves HTTP, as a separate process as in a cluster: the receiver, the console.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from localcluster.operatorprocess import operator_environment
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process

_READY_TIMEOUT_S: Final = 60.0
_HTTP_TIMEOUT_S: Final = 5.0
_HTTP_OK: Final = 200


class ServiceProcess:
    """One `recording-operator VERB` with its own ports and log."""

    VERB: ClassVar[str]

    def __init__(
        self,
        *,
        kubeconfig: Path,
        log: Path,
        port: int | None = None,
        settings: Path | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (),
    ) -> None:
        """`kubeconfig`: of the part's ServiceAccount. `port`: for its users; default: any free one.

        `program` is how to call it; default: as it is installed.
        """
        self.port, self.metrics_port = free_port() if port is None else port, free_port()
        command = service_command(
            self.VERB, http_port=self.port, metrics_port=self.metrics_port, settings=settings, program=program
        )
        self.process = Process(
            name=f"recording-operator-{self.VERB}",
            argv=[*command, *arguments],
            log=log,
            env={**operator_environment(kubeconfig), **(environment or {})},
        )

    @property
    def url(self) -> str:
        """URL of the port for its users."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def metrics_url(self) -> str:
        """URL of the port for probes and metrics."""
        return f"http://{LOOPBACK}:{self.metrics_port}"

    def start(self, *, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Start it and wait until it is ready. Raises ComponentError."""
        self.process.start()
        self.process.wait_ready(self.is_ready, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Request `/readyz`. Raises OSError if no server listens."""
        return self._probe("readyz")

    def is_alive(self) -> bool:
        """Request `/healthz`. Raises OSError if no server listens."""
        return self._probe("healthz")

    def metrics(self) -> str:
        """Return the metrics. Raises OSError."""
        with urllib.request.urlopen(f"{self.metrics_url}/metrics", timeout=_HTTP_TIMEOUT_S) as response:
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
            with urllib.request.urlopen(f"{self.metrics_url}/{path}", timeout=_HTTP_TIMEOUT_S) as response:
                return bool(response.status == _HTTP_OK)
        except urllib.error.HTTPError:
            return False


def service_command(
    verb: str, *, http_port: int, metrics_port: int, settings: Path | None = None, program: Sequence[str] = ()
) -> list[str]:
    """Return the command line of the part. With port 0 it uses any free port."""
    called = program or [str(Path(sys.executable).with_name("recording-operator"))]
    options = [
        *([] if settings is None else [f"--settings={settings}"]),
        f"--http-host={LOOPBACK}",
        f"--http-port={http_port}",
        f"--metrics-port={metrics_port}",
    ]
    return [*called, verb, *options]
