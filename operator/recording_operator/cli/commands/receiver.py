"""`recording-operator receiver`: its command line. `receiving` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.process_options import process_options, service_options
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_EXAMPLES: Final = """\b
Examples:
  PROGRAM receiver --settings settings.yaml
  PROGRAM receiver --kubeconfig kubeconfig --http-host 127.0.0.1
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@process_options(settings="Settings file (YAML), the same as that of the operator. Only its section receiver is used.")
@service_options(purpose="Port for deliveries.")
def receiver(**options: Any) -> None:
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

    run_receiver(ReceiverArguments(**options))
