"""A StorageReport read and written out: the work of `recording-operator report`."""

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Never

import click
from pydantic import ValidationError

from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.export import Step, as_csv, as_json, as_table, rows
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import ConnectionConfigError, connection
from recording_operator.kube.errors import KubeError, NotFound
from recording_operator.kube.rest import RestClient

_WRITERS: Final = {"table": as_table, "csv": as_csv, "json": as_json}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line of one report."""

    name: str
    output: str
    begin: date | None
    end: date | None
    by: str
    kubeconfig: Path | None
    context: str | None


def show(asked: Asked) -> None:
    """Write the report, or say on standard error why there is nothing and end with status 1."""
    name = asked.name
    try:
        stored = _stored(name, kubeconfig=asked.kubeconfig, context=asked.context)
    except NotFound:
        _fail(f"StorageReport {name} does not exist; kubectl get storagereports lists those that do")
    except ValidationError:
        _fail(f"StorageReport {name} cannot be read: its CRD is not this program's")
    except (KubeError, ConnectionConfigError) as error:
        _fail(str(error))
    if stored.status.cost is None:
        _fail(f"StorageReport {name} was not refreshed yet; kubectl describe storagereport {name} says why")
    found = rows(stored.status.history, begin=asked.begin, end=asked.end, step=Step(asked.by))
    if not found:
        _fail(f"StorageReport {name} has nothing {_window(asked)}; {_kept(stored)}")
    # Bytes: a text stream would turn CSV's line ends into the platform's.
    text = _WRITERS[asked.output](found, currency=stored.status.cost.currency)
    sys.stdout.buffer.write(text.encode())


def _window(asked: Asked) -> str:
    bounds = [f"{word} {day}" for word, day in (("from", asked.begin), ("to", asked.end)) if day is not None]
    return " ".join(bounds) or "yet"


def _kept(stored: StorageReport) -> str:
    dates = sorted(entry.date for entry in stored.status.history)
    return f"its history goes from {dates[0]} to {dates[-1]}" if dates else "its history is empty"


def _stored(name: str, *, kubeconfig: Path | None, context: str | None) -> StorageReport:
    rest = RestClient(connection(kubeconfig=kubeconfig, context=context))
    try:
        return StorageReport.model_validate(KubeApi(rest).get_report(name))
    finally:
        rest.close()


def _fail(message: str) -> Never:
    click.echo(f"recording-operator: {message}", err=True)
    sys.exit(1)
