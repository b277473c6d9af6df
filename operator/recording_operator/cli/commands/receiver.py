"""`recording-operator receiver`: its command line. `receiving` does the work and is imported only when it is called."""

from pathlib import Path
from typing import Final, Literal

import click

from recording_operator.cli.arguments import settings_option
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_LEVELS: Final = ("debug", "info", "warning", "error")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM receiver --settings settings.yaml
  PROGRAM receiver --kubeconfig kubeconfig --http-host 127.0.0.1
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@settings_option("Settings file (YAML), the same as that of the operator. Only its section receiver is used.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Kubeconfig file. Default: the pod's service account, KUBECONFIG, then ~/.kube/config.",
)
@click.option("--context", help="Context of the kubeconfig. Default: the current context.")
@click.option("--http-host", default="", help="Address of both ports. Default: all addresses.")
@click.option(
    "--http-port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port for deliveries. 0: any free port.",
)
@click.option(
    "--metrics-port",
    default=8081,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port for /healthz, /readyz and /metrics. 0: any free port.",
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
def receiver(
    *,
    settings_file: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    http_host: str,
    http_port: int,
    metrics_port: int,
    log_format: Literal["json", "text"],
    log_level: str,
) -> None:
    """Receive the webhooks of providers until SIGTERM or SIGINT, and create Recordings.

    Several receivers may run at the same time. After the first signal, a receiver finishes the deliveries that have
    begun.

    \b
    Exit status:
      0  stopped by a signal
      1  it cannot start, or met an unexpected error; the log says why
      2  the command line or the settings file is invalid
    """
    end_on_signals(0)
    from recording_operator.cli.process.receiving import ReceiverArguments, run_receiver  # noqa: PLC0415 - large, not needed for --help

    run_receiver(
        ReceiverArguments(
            settings_file=settings_file,
            kubeconfig=kubeconfig,
            context=context,
            http_host=http_host,
            http_port=http_port,
            metrics_port=metrics_port,
            log_format=log_format,
            log_level=log_level,
        )
    )
