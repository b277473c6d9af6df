"""`check`: its command line. `administration.checking` does the work."""

from typing import Any

import click

from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option, output_option
from recording_operator.cli.verb import Verb

_EXAMPLES = """\b
Examples:
  PROGRAM check
  PROGRAM check -A --operator-namespace recording-operator
  PROGRAM check -o json | jq '.checks[] | select(.state == "failed")'
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@operator_namespace_option(has_secrets=False)
@output_option("table", "json")
@cluster_options(all_namespaces=True)
def check(**options: Any) -> None:
    """Check whether everything is well, from the API server to the Recordings.

    One line for each check: ok, warning, failed, or not checked. Nothing is changed. RecordingSources, EventSinks and
    Recordings are those of the namespace, or of all with -A.

    This needs no right. What you may not see is not checked, and its line names the right.

    \b
    Exit status:
      0  no check failed
      1  a check failed, or the API server does not respond
      2  the command line is invalid
    """
    from recording_operator.cli.administration.checking import CheckRequest, run_checks  # noqa: PLC0415 - not for --help

    run_checks(CheckRequest(**options))
