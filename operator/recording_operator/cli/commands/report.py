"""`recording-operator report`: its command line. `reporting` does the work and is imported only when it is called."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.cli.arguments import Folder, store_options
from recording_operator.cli.verb import Verb

STEPS: Final = ("day", "week", "month")
GROUPS: Final = ("org", "namespace", "location", "class")
OUTPUTS: Final = ("table", "csv", "json", "focus", "focus-parquet")
_FOCUS: Final = ("focus", "focus-parquet")
_BUCKET_ONLY: Final = {
    "locations": "--location",
    "prices": "--prices",
    "orgs": "--org",
    "namespaces": "--namespace",
    "playback_ratio": "--playback-ratio",
    "endpoint_url": "--endpoint-url",
}
_CLUSTER_ONLY: Final = {
    "kubeconfig": "--kubeconfig",
    "context": "--context",
    "operator_namespace": "--operator-namespace",
}
_EXAMPLES: Final = """\b
Examples:
  PROGRAM report acme
  PROGRAM report acme --from 2026-11-01 --to 2026-11-30 --by week
  PROGRAM report acme --by month -o csv > acme.csv
  PROGRAM report acme --group-by class
  PROGRAM report acme --compare cloudflare-r2,wasabi
  PROGRAM report acme -o focus > costs.csv
  PROGRAM report --from-bucket s3://recordings/prod/ --by month
  PROGRAM report --from-bucket s3://recordings/prod/ \\
      -o focus-parquet > costs.parquet
"""


class _Day(click.ParamType[date]):
    """A day."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse it."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            self.fail("write a day such as 2026-11-01", param, ctx)


class _Names(click.ParamType[tuple[str, ...]]):
    """Names, separated by commas."""

    name = "NAME,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split them."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        if not all(names):
            self.fail("write names separated by commas", param, ctx)
        return tuple(dict.fromkeys(names))


class _Ratio(click.ParamType[Decimal]):
    """A decimal number that is not negative."""

    name = "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Parse it."""
        try:
            ratio = Decimal(str(value))
        except InvalidOperation:
            ratio = Decimal(-1)
        if not ratio.is_finite() or ratio < 0:
            self.fail("write a decimal number such as 0.5", param, ctx)
        return ratio


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(OUTPUTS),
    help="Output format. csv and focus are safe to open in a spreadsheet: no cell is a formula.",
)
@click.option(
    "--from", "begin", type=_Day(), help="First day, such as 2026-11-01. Default: the first day of the history."
)
@click.option("--to", "end", type=_Day(), help="Last day. Default: today.")
@click.option(
    "--by",
    default="day",
    show_default=True,
    type=click.Choice(STEPS),
    help="Period of a row. Storage is the mean of its days, everything else the sum. In tables, ~ marks periods with "
    "days that had no count.",
)
@click.option("--group-by", default="org", show_default=True, type=click.Choice(GROUPS), help="What a row is about.")
@click.option(
    "--compare",
    type=_Names(),
    default=(),
    help="Show the cost of this month at other price profiles instead, such as cloudflare-r2,wasabi.",
)
@click.option(
    "--from-bucket",
    "bucket",
    type=Folder(),
    metavar="s3://BUCKET/PREFIX/",
    help="Read the usage samples in this bucket and prefix, without Kubernetes, instead of a StorageReport.",
)
@click.option("--location", "locations", multiple=True, help="StorageLocation, if the bucket has samples of several.")
@click.option("--prices", help="Price profile, or a .toml file with one. Default: the profile that the samples name.")
@click.option("--org", "orgs", multiple=True, help="Only this organisation. Can be repeated.")
@click.option("--namespace", "namespaces", multiple=True, help="Only this namespace of Recordings. Can be repeated.")
@click.option(
    "--playback-ratio",
    type=_Ratio(),
    help="Share of what is stored that is downloaded in a month, where downloads are not counted. Default: 0.5.",
)
@store_options
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Kubeconfig file. Default: KUBECONFIG, ~/.kube/config, then the pod's service account.",
)
@click.option("--context", help="Context of the kubeconfig. Default: the current context.")
@click.option(
    "--operator-namespace",
    help="Namespace of the operator, with the StorageLocations' Secrets. Default: the namespace of the context.",
)
def report(name: str | None, **options: Any) -> None:
    """Show the StorageReport NAME by day, week or month, and by organisation.

    By organisation, as table, csv and json, it is read from the StorageReport, which needs the right to get
    StorageReports. Everything else is computed from the usage samples of its StorageLocations, which needs the rights
    to list StorageLocations and to get their Secrets in the operator's namespace. Locations without a Secret are read
    with your own credentials.

    With --from-bucket, samples are read from a bucket, with credentials that are found as by the AWS tools. Tiers and
    free allowances are then those of an account that has only these locations.

    Days are in UTC.

    \b
    Exit status:
      0  the report was shown
      1  there is nothing to show, or it cannot be read; one line says why
      2  the command line is invalid
    """
    _check(name, options)
    from recording_operator.cli.reports.reporting import ReportRequest, show  # noqa: PLC0415 - large, and not needed for --help

    show(ReportRequest(name=name or "", **options))


def _check(name: str | None, options: dict[str, Any]) -> None:
    begin, end = options["begin"], options["end"]
    if begin is not None and end is not None and end < begin:
        raise click.UsageError("--to is before --from.")
    if (name is None) == (options["bucket"] is None):
        raise click.UsageError("Give either the NAME of a StorageReport or --from-bucket.")
    others = _BUCKET_ONLY if options["bucket"] is None else _CLUSTER_ONLY
    for option, spelling in others.items():
        if options[option]:
            given = "can only be used with --from-bucket" if options["bucket"] is None else "needs a NAME"
            raise click.UsageError(f"{spelling} {given}.")
    if options["output"] in _FOCUS and (options["by"] != "day" or options["group_by"] != "org" or options["compare"]):
        raise click.UsageError("-o focus has fixed rows: leave out --by, --group-by and --compare.")
    if options["compare"] and (options["by"] != "day" or options["group_by"] != "org" or begin or end):
        raise click.UsageError("--compare is about this month: leave out --from, --to, --by and --group-by.")
