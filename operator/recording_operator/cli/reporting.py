"""Reads a StorageReport and prints it, for `recording-operator report`."""

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
class ReportRequest:
    """The command line of one report."""

    name: str
    output: str
    begin: date | None
    end: date | None
    by: str
    kubeconfig: Path | None
    context: str | None


def show(request: ReportRequest) -> None:
    """Print the report. If there is none, print the reason to standard error and exit with status 1."""
    name = request.name
    try:
        stored = _stored(name, kubeconfig=request.kubeconfig, context=request.context)
    except NotFound:
        _fail(f"StorageReport {name} does not exist. kubectl get storagereports lists those that do.")
    except ValidationError:
        _fail(f"StorageReport {name} cannot be read. Its CRD has another version than this program.")
    except (KubeError, ConnectionConfigError) as error:
        _fail(str(error))
    if stored.status.cost is None:
        _fail(f"StorageReport {name} has not been refreshed yet. kubectl describe storagereport {name} says why.")
    found = rows(stored.status.history, begin=request.begin, end=request.end, step=Step(request.by))
    if not found:
        _fail(f"StorageReport {name} has nothing {_window(request)}. {_kept(stored)}")
    # Bytes, because a text stream would change the line ends of CSV.
    text = _WRITERS[request.output](found, currency=stored.status.cost.currency)
    sys.stdout.buffer.write(text.encode())


def _window(request: ReportRequest) -> str:
    bounds = [f"{word} {day}" for word, day in (("from", request.begin), ("to", request.end)) if day is not None]
    return " ".join(bounds) or "yet"


def _kept(stored: StorageReport) -> str:
    dates = sorted(entry.date for entry in stored.status.history)
    return f"Its history is from {dates[0]} to {dates[-1]}." if dates else "Its history is empty."


def _stored(name: str, *, kubeconfig: Path | None, context: str | None) -> StorageReport:
    rest = RestClient(connection(kubeconfig=kubeconfig, context=context))
    try:
        return StorageReport.model_validate(KubeApi(rest).get_report(name))
    finally:
        rest.close()


def _fail(message: str) -> Never:
    click.echo(f"recording-operator: {message}", err=True)
    sys.exit(1)
