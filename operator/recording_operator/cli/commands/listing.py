"""`list`: its command line. `recordings.listing` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.filter_options import filter_options
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("table", "wide", "json", "yaml", "name", "csv")
SORTS: Final = ("name", "age", "size", "phase", "expires", "org", "location")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM list
  PROGRAM list -A --phase Failed --newer-than 7d
  PROGRAM list --org acme --sort size -o wide
  PROGRAM list -l team=sales -o csv > recordings.csv
"""


@click.command("list", cls=Verb, epilog=_EXAMPLES)
@filter_options
@click.option("--sort", default="name", show_default=True, type=click.Choice(SORTS), help="Order. size: largest first.")
@click.option("-o", "--output", default="table", show_default=True, type=click.Choice(OUTPUTS), help="Output format.")
@click.option("--no-headers", is_flag=True, help="Leave out the names of the columns.")
@cluster_options(all_namespaces=True)
def list_recordings(**options: Any) -> None:
    """List Recordings.

    This needs the right to list Recordings in the namespace, or in all with -A.

    \b
    Exit status:
      0  they were listed, even if there are none
      1  they could not be listed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.listing import ListRequest, run_list  # noqa: PLC0415 - not for --help

    run_list(ListRequest(**options))
