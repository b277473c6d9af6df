"""`recording-operator report`: the history of a StorageReport, for a person, a spreadsheet or a program."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal, Never

import click
from pydantic import ValidationError

from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.export import Step, as_csv, as_json, as_table, rows
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import ConnectionConfigError, connection
from recording_operator.kube.errors import KubeError, NotFound
from recording_operator.kube.rest import RestClient

_WRITERS: Final = {"table": as_table, "csv": as_csv, "json": as_json}
_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "csv", "json"]),
    help="csv is safe to open in a spreadsheet: no cell is a formula.",
)
@click.option("--from", "begin", type=_DAY, help="First day, such as 2026-11-01. Default: as far back as there is.")
@click.option("--to", "end", type=_DAY, help="Last day. Default: today.")
@click.option("--by", default="day", show_default=True, type=click.Choice([step.value for step in Step]))
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Default: the usual one.")
@click.option("--context", help="Context of the kubeconfig.")
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
    """Show what StorageReport NAME counted, by day, week or month and by organisation.

    Days are in UTC. Exit status: 0, or 1 when there is nothing to show (one line says why).
    """
    if begin is not None and end is not None and end < begin:
        raise click.UsageError("--to is before --from")
    try:
        stored = _stored(name, kubeconfig=kubeconfig, context=context)
    except NotFound:
        _fail(f"StorageReport {name} does not exist; kubectl get storagereports lists those that do")
    except ValidationError:
        _fail(f"StorageReport {name} cannot be read: its CRD is not this program's")
    except (KubeError, ConnectionConfigError) as error:
        _fail(str(error))
    if stored.status.cost is None:
        _fail(f"StorageReport {name} was not refreshed yet; kubectl describe storagereport {name} says why")
    found = rows(stored.status.history, begin=_day(begin), end=_day(end), step=Step(by))
    # Bytes: a text stream would turn CSV's line ends into the platform's.
    text = _WRITERS[output](found, currency=stored.status.cost.currency)
    sys.stdout.buffer.write(text.encode())


def _stored(name: str, *, kubeconfig: Path | None, context: str | None) -> StorageReport:
    rest = RestClient(connection(kubeconfig=kubeconfig, context=context))
    try:
        return StorageReport.model_validate(KubeApi(rest).get_report(name))
    finally:
        rest.close()


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _fail(message: str) -> Never:
    click.echo(f"recording-operator: {message}", err=True)
    sys.exit(1)
