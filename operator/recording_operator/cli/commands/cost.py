"""`cost`: its command line. `reports.org_cost` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option
from recording_operator.cli.commands.report import STEPS, Day
from recording_operator.cli.names import ReportName
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("table", "wide", "csv", "json")
GROUPS: Final = ("location", "class", "namespace")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM cost --org acme
  PROGRAM cost --org acme --from 2026-10-01 --to 2026-10-31
  PROGRAM cost --org acme --from 2026-01-01 -o csv > acme.csv
  PROGRAM cost --org acme --by day --group-by class
  PROGRAM cost --org acme --project sales
"""


@click.command("cost", cls=Verb, epilog=_EXAMPLES)
@click.option("--org", required=True, help="The organisation.")
@click.option("--user", help="Only the share of this user, estimated from the Recordings that exist.")
@click.option("--project", help="Only the share of this project, estimated in the same way.")
@click.option(
    "--from", "begin", type=Day(), help="First day, such as 2026-11-01. Default: the first of the month of --to."
)
@click.option("--to", "end", type=Day(), help="Last day. Default: the newest that was counted.")
@click.option("--by", default="month", show_default=True, type=click.Choice(STEPS), help="Period of a row.")
@click.option("--group-by", type=click.Choice(GROUPS), help="A row for each of them, instead of their sum.")
@click.option("--report", "report", type=ReportName(), help="The StorageReport to read. Default: one with all usage.")
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(OUTPUTS),
    help="Output format. wide: with the amounts that are paid for. csv is safe to open in a spreadsheet: no cell is a "
    "formula.",
)
@operator_namespace_option()
@cluster_options(namespaced=False)
def cost(**options: Any) -> None:
    """Show what an organisation costs in a period: storage, downloads and requests, and their sum.

    Uploads cost requests only. Days are in UTC. Storage of a month is the mean of its days.

    The numbers are read from a StorageReport, which needs the right to list StorageReports; with --report, to get this
    one. With --group-by, and for days on which the StorageReport has the organisation in (other), they are computed
    from the usage samples of the StorageLocations. This needs the rights to list StorageLocations and to get their
    Secrets in the operator's namespace. Usage of deleted StorageLocations needs the right to get ConfigMaps there;
    without it, that usage is left out, and a line says so. A StorageReport with the organisation in spec.scope.orgs
    always names it.

    StorageReports and samples have no users and projects. The share of --user and --project is estimated: storage and
    downloads by the bytes of the Recordings stored until then, requests by the bytes stored in the period. This needs
    the right to list Recordings in all namespaces. Recordings that were deleted have no share.

    \b
    Exit status:
      0  the cost was shown
      1  there is nothing to show, or it cannot be read; one line says why
      2  the command line is invalid
    """
    if options["begin"] is not None and options["end"] is not None and options["end"] < options["begin"]:
        raise click.UsageError("--to is before --from.")
    if options["group_by"] and (options["user"] or options["project"]):
        raise click.UsageError("--user and --project cannot be used with --group-by.")
    from recording_operator.cli.reports.org_cost import CostRequest, run_cost  # noqa: PLC0415 - large, not for --help

    run_cost(CostRequest(**options))
