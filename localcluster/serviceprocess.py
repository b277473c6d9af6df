"""A part of the product that serves HTTP, as a separate process as in a cluster: the receiver, the console.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process
from localcluster.productprocess import ProductProcess, product_command, product_environment


class ServiceProcess(ProductProcess):
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
        process = Process(
            name=f"recording-operator-{self.VERB}",
            argv=[*command, *arguments],
            log=log,
            env={**product_environment(kubeconfig), **(environment or {})},
        )
        super().__init__(process, metrics_url=f"http://{LOOPBACK}:{self.metrics_port}")

    @property
    def url(self) -> str:
        """URL of the port for its users."""
        return f"http://{LOOPBACK}:{self.port}"


def service_command(
    verb: str, *, http_port: int, metrics_port: int, settings: Path | None = None, program: Sequence[str] = ()
) -> list[str]:
    """Return the command line of the part. With port 0 it uses any free port."""
    options = [
        *([] if settings is None else [f"--settings={settings}"]),
        f"--http-host={LOOPBACK}",
        f"--http-port={http_port}",
        f"--metrics-port={metrics_port}",
    ]
    return product_command(verb, options, program=program)
