"""`report`: its command line. `reports.reporting` does the work and is imported only when it is called."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import click

from recording_operator.cli.arguments import Folder, store_options
from recording_operator.cli.cluster_options import ClusterOptions, cluster_options, operator_namespace_option
from recording_operator.cli.names import LocationName, NamespaceName, ReportName
from recording_operator.cli.verb import Verb

STEPS: Final = ("day", "week", "month")
GROUPS: Final = ("org", "namespace", "location", "class")
OUTPUTS: Final = ("cards", "table", "csv", "json", "focus", "focus-parquet")
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
    "request_timeout_s": "--request-timeout",
    "as_user": "--as",
    "as_groups": "--as-group",
}
_OF_ROWS: Final = ("begin", "end", "by", "group_by", "compare")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM report
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


class Day(click.ParamType[date]):
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
@click.argument("name", required=False, type=ReportName())
@click.option(
    "-o",
    "--output",
    type=click.Choice(OUTPUTS),
    help="Output format. Default: cards, or table with --from-bucket, --from, --to, --by, --group-by or --compare. csv "
    "and focus are safe to open in a spreadsheet: no cell is a formula.",
)
@click.option(
    "--from", "begin", type=Day(), help="First day, such as 2026-11-01. Default: the first day of the history."
)
@click.option("--to", "end", type=Day(), help="Last day. Default: today.")
@click.option(
    "--by",
    type=click.Choice(STEPS),
    help="Period of a row. Default: day. Storage is the mean of its days, everything else the sum. In tables, ~ marks "
    "periods with days that had no count.",
)
@click.option("--group-by", type=click.Choice(GROUPS), help="What a row is about. Default: org.")
@click.option(
    "--top", default=10, show_default=True, type=click.IntRange(0, 100), help="Organisations by name on the cards."
)
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
@click.option(
    "--location",
    "locations",
    multiple=True,
    type=LocationName(),
    help="StorageLocation, if the bucket has samples of several.",
)
@click.option("--prices", help="Price profile, or a .toml file with one. Default: the profile that the samples name.")
@click.option("--org", "orgs", multiple=True, help="Only this organisation. Can be repeated.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    type=NamespaceName(),
    help="Only this namespace of Recordings. Can be repeated.",
)
@click.option(
    "--playback-ratio",
    type=_Ratio(),
    help="Share of what is stored that is downloaded in a month, where downloads are not counted. Default: 0.5.",
)
@store_options
@operator_namespace_option()
@cluster_options(namespaced=False)
def report(name: str | None, **options: Any) -> None:
    """Show what is stored and what it costs: the StorageReport NAME, by day, week or month, and by organisation.

    Without NAME, the only StorageReport is shown, or a list if there are several. This needs the right to list
    StorageReports.

    The cards, and by organisation the table, csv and json are read from the StorageReport, which needs the right to
    get StorageReports. Everything else is computed from the usage samples of its StorageLocations, which needs the
    rights to list StorageLocations and to get their Secrets in the operator's namespace. Locations without a Secret
    are read with your own credentials. Usage of deleted locations needs the right to get ConfigMaps in the operator's
    namespace; without it, that usage is left out, and a line says so.

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

    options["is_plain"] = options["output"] is None and not _of_rows(options)
    rows = options["bucket"] is not None or _of_rows(options)
    options["output"] = options["output"] or ("table" if rows else "cards")
    options["by"] = options["by"] or STEPS[0]
    options["group_by"] = options["group_by"] or GROUPS[0]
    show(ReportRequest(name=name or "", **options))


def _of_rows(options: dict[str, Any]) -> bool:
    return any(options[one] for one in _OF_ROWS)


def _check(name: str | None, options: dict[str, Any]) -> None:
    begin, end, output = options["begin"], options["end"], options["output"]
    if begin is not None and end is not None and end < begin:
        raise click.UsageError("--to is before --from.")
    if options["bucket"] is None:
        _reject(_BUCKET_ONLY, options, "can only be used with --from-bucket")
    else:
        if name is not None:
            raise click.UsageError("Give either the NAME of a StorageReport or --from-bucket.")
        cluster: ClusterOptions = options["cluster"]
        given = {option: getattr(cluster, option) for option in _CLUSTER_ONLY}
        of_cluster = {**_CLUSTER_ONLY, "operator_namespace": "--operator-namespace"}
        _reject(of_cluster, {**options, **given}, "cannot be used with --from-bucket")
    if output == "cards" and _of_rows(options):
        raise click.UsageError("-o cards is about now: leave out --from, --to, --by, --group-by and --compare.")
    grouped = options["by"] not in (None, STEPS[0]) or options["group_by"] not in (None, GROUPS[0])
    if output in _FOCUS and (grouped or options["compare"]):
        raise click.UsageError("-o focus has fixed rows: leave out --by, --group-by and --compare.")
    if options["compare"] and (grouped or begin or end):
        raise click.UsageError("--compare is about this month: leave out --from, --to, --by and --group-by.")


def _reject(options: dict[str, str], given: dict[str, Any], why: str) -> None:
    for option, spelling in options.items():
        if given[option]:
            raise click.UsageError(f"{spelling} {why}.")
