"""`version`: its command line. `administration.versions` does the work."""

from typing import Any

import click

from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option, output_option
from recording_operator.cli.verb import Verb

_EXAMPLES = """\b
Examples:
  PROGRAM version
  PROGRAM version --client
  PROGRAM version -o json --operator-namespace recordings
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.option("--client", is_flag=True, help="Only the version of this program, without a request to the cluster.")
@operator_namespace_option(has_secrets=False)
@output_option("text", "json")
@cluster_options(namespaced=False)
def version(**options: Any) -> None:
    """Show the versions of this program, the API server, the CRDs and the operator.

    This needs no right. Who may not see the operator's Deployment does not see its version.

    \b
    Exit status:
      0  they were printed
      1  the API server does not respond
      2  the command line is invalid
    """
    from recording_operator.cli.administration.versions import (  # noqa: PLC0415 - not for --help
        VersionRequest,
        print_versions,
    )

    print_versions(VersionRequest(**options))
