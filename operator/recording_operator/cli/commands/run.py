"""`recording-operator run`: its command line. `running` does the work and is imported only when it is called."""

from pathlib import Path
from typing import Final, Literal

import click

from recording_operator.cli.arguments import settings_option
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_LEVELS: Final = ("debug", "info", "warning", "error")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM run --settings settings.yaml
  PROGRAM run --kubeconfig kubeconfig --namespace recordings
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@settings_option("Settings file (YAML). Default: public https sources on port 443.")
@click.option(
    "--namespace",
    envvar="POD_NAMESPACE",
    help="Namespace of the operator, with its Lease and the StorageLocations' Secrets. Default: that of the pod.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Kubeconfig file. Default: the pod's service account, KUBECONFIG, then ~/.kube/config.",
)
@click.option("--context", help="Context of the kubeconfig. Default: the current context.")
@click.option("--http-host", default="", help="Address for /healthz, /readyz and /metrics. Default: all addresses.")
@click.option(
    "--http-port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port for the same. 0: any free port.",
)
@click.option(
    "--log-format",
    default="json",
    show_default=True,
    type=click.Choice(["json", "text"]),
    help="json is for log collectors, text for people.",
)
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(_LEVELS), help="Lowest severity that is logged."
)
def run(
    *,
    settings_file: Path | None,
    namespace: str | None,
    kubeconfig: Path | None,
    context: str | None,
    http_host: str,
    http_port: int,
    log_format: Literal["json", "text"],
    log_level: str,
) -> None:
    """Run the operator until SIGTERM or SIGINT.

    After the first signal, transfers have shutdown.grace to finish. A second signal, at least one second later, stops
    them at once.

    \b
    Exit status:
      0  stopped by a signal
      1  it cannot start, or met an unexpected error; the log says why
      2  the command line or the settings file is invalid
      3  the Lease was lost
    """
    end_on_signals(0)
    from recording_operator.cli.process.running import Options, run_operator  # noqa: PLC0415 - large, and not needed for --help

    run_operator(
        Options(
            settings_file=settings_file,
            namespace=namespace,
            kubeconfig=kubeconfig,
            context=context,
            http_host=http_host,
            http_port=http_port,
            log_format=log_format,
            log_level=log_level,
        )
    )
