"""The operator as a separate process, as in a cluster.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from localcluster.install import OPERATOR_NAMESPACE, PROJECT
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process
from localcluster.productprocess import ProductProcess, product_command, product_environment

POLICY: Final = PROJECT / "localcluster" / "policy.yaml"


class OperatorProcess(ProductProcess):
    """One `recording-operator run` with its own port and log. A second one becomes ready too, as a standby."""

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
        process = Process(
            name="recording-operator",
            argv=[*command, *arguments],
            log=log,
            env={**product_environment(kubeconfig), **(environment or {})},
        )
        super().__init__(process, metrics_url=self.url)

    @property
    def url(self) -> str:
        """URL of its health and metrics server."""
        return f"http://{LOOPBACK}:{self.port}"


def operator_command(*, policy: Path, namespace: str, http_port: int, program: Sequence[str] = ()) -> list[str]:
    """Return the command line of the operator. With port 0 it uses any free port."""
    options = [
        f"--settings={policy}",
        f"--namespace={namespace}",
        f"--http-host={LOOPBACK}",
        f"--http-port={http_port}",
    ]
    return product_command("run", options, program=program)
