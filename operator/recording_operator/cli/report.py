"""`recording-operator report`: its command line. `reporting` does the work and is imported only when it is called."""

from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

import click

_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])
STEPS: Final = ("day", "week", "month")
_EXAMPLES: Final = """\b
Examples:
  recording-operator report acme
  recording-operator report acme --from 2026-11-01 --to 2026-11-30 --by week
  recording-operator report acme --by month -o csv > acme.csv
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "csv", "json"]),
    help="Output format. csv is safe to open in a spreadsheet: no cell is a formula.",
)
@click.option(
    "--from", "begin", type=_DAY, help="First day, such as 2026-11-01. Default: the first day of the history."
)
@click.option("--to", "end", type=_DAY, help="Last day. Default: today.")
@click.option(
    "--by",
    default="day",
    show_default=True,
    type=click.Choice(STEPS),
    help="Period of a row. Storage is the mean of its days, everything else the sum.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Kubeconfig file. Default: KUBECONFIG, ~/.kube/config, then the pod's service account.",
)
@click.option("--context", help="Context of the kubeconfig. Default: the current context.")
def report(
    *,
    name: str,
    output: Literal["table", "csv", "json"],
    begin: datetime | None,
    end: datetime | None,
    by: str,
    kubeconfig: Path | None,
    context: str | None,
) -> None:
    """Show the StorageReport NAME by day, week or month, and by organisation.

    Days are in UTC.

    \b
    Exit status:
      0  the report was shown
      1  there is nothing to show, or it cannot be read; one line says why
      2  the command line is invalid
    """
    if begin is not None and end is not None and end < begin:
        raise click.UsageError("--to is before --from.")
    from recording_operator.cli.reporting import ReportRequest, show  # noqa: PLC0415 - large, and not needed for --help

    show(
        ReportRequest(
            name=name,
            output=output,
            begin=_day(begin),
            end=_day(end),
            by=by,
            kubeconfig=kubeconfig,
            context=context,
        )
    )


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()
