"""Fills the catalog from manifests, for `recording-operator console --rebuild`."""

import threading

import click
from pydantic import ValidationError

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.errors import CatalogError
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.files.stores import ConsoleStores
from recording_operator.console.nightly import ManifestCheck, RebuildReport
from recording_operator.console.serving import ConsoleOptions
from recording_operator.controller.clock import Clock
from recording_operator.controller.start_error import StartError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection
from recording_operator.kube.errors import KubeError
from recording_operator.kube.resources import LOCATIONS, Resources
from recording_operator.kube.rest import RestClient
from recording_operator.signals import on_end_signals

_FAILED = 1
_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h


def refill(options: ConsoleOptions, connection: Connection) -> int:
    """Read the manifests of all locations, and print a line for each. Returns the exit status. Raises StartError."""
    stop = threading.Event()
    on_end_signals(first=stop.set, again=stop.set)
    clock = Clock()
    rest = RestClient(connection, on_server_time=clock.note_server_time)
    stores = ConsoleStores(KubeApi(rest), operator_namespace=options.namespace, roots=options.roots)
    try:
        locations = _locations(rest)
        engine = open_database(options.database_url)
        rows = ManifestRows(engine, CatalogWriter(engine))
        check = ManifestCheck(rows=rows, open_store=stores.opened, now=clock.now, stop=stop)
        reports = [_shown(report) for report in check.run(locations)]
    except (CatalogError, KubeError) as error:
        raise StartError(str(error)) from None
    if stop.is_set():
        click.echo("Interrupted. Run it again to continue.", err=True)
        return _TRY_LATER
    return _FAILED if any(report.problem for report in reports) else 0


def _locations(rest: RestClient) -> tuple[StorageLocation, ...]:
    found = []
    for raw in Resources(rest).list(LOCATIONS):
        try:
            found.append(StorageLocation.model_validate(raw))
        except ValidationError:
            raise StartError(
                "A StorageLocation cannot be read. Its CRD has another version than this program."
            ) from None
    return tuple(found)


def _shown(report: RebuildReport) -> RebuildReport:
    tally = report.tally
    counts = f"{tally.manifests:,} manifests, {tally.read:,} read, {tally.removed:,} removed"
    if tally.unusable:
        counts += f", {tally.unusable:,} not usable"
    problem = "" if report.problem is None else f". Not complete: {report.problem}"
    click.echo(f"{report.location.metadata.name}: {counts}{problem}")
    return report
