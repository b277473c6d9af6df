"""`list`: its command line. `recordings.listing` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.durations import Duration
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("table", "wide", "json", "yaml", "name", "csv")
PHASES: Final = ("Pending", "Uploading", "Complete", "Failed")
SORTS: Final = ("name", "age", "size", "phase", "expires", "org", "location")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM list
  PROGRAM list -A --phase Failed --newer-than 7d
  PROGRAM list --org acme --sort size -o wide
  PROGRAM list -l team=sales -o csv > recordings.csv
"""


class _PhaseName(click.Choice[str]):
    """A phase, in capital or small letters."""

    def __init__(self) -> None:
        super().__init__(PHASES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Find it."""
        return super().convert(str(value).capitalize(), param, ctx)


@click.command("list", cls=Verb, epilog=_EXAMPLES)
@click.option("-l", "--selector", metavar="LABELS", help="Only those with these labels, such as team=sales.")
@click.option(
    "--phase",
    "phases",
    multiple=True,
    type=_PhaseName(),
    help="Only this phase. Can be repeated.",
)
@click.option("--org", "orgs", multiple=True, help="Only of this organisation. Can be repeated.")
@click.option("--location", "locations", multiple=True, help="Only in this StorageLocation. Can be repeated.")
@click.option("--older-than", type=Duration(), help="Only those created longer ago, such as 30d.")
@click.option("--newer-than", type=Duration(), help="Only those created since, such as 12h.")
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
