"""`recording-operator run`: its command line. `running` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.process_options import port_option, process_options
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_EXAMPLES: Final = """\b
Examples:
  PROGRAM run --settings settings.yaml
  PROGRAM run --kubeconfig kubeconfig --namespace recordings
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@process_options(settings="Settings file (YAML). Default: public https sources on port 443.")
@click.option(
    "--namespace",
    envvar="POD_NAMESPACE",
    help="Namespace of the operator, with its Lease and the StorageLocations' Secrets. Default: that of the pod.",
)
@click.option("--http-host", default="", help="Address for /healthz, /readyz and /metrics. Default: all addresses.")
@port_option("--http-port", default=8080, purpose="Port for the same.")
def run(**options: Any) -> None:
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

    run_operator(Options(**options))
