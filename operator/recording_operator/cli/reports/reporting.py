"""Shows StorageReports, or the usage samples of a bucket, for the verb `report`."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Never

import click

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.reports.choosing import listed_reports, named_report, reports_table
from recording_operator.cli.reports.counted import Counted, CountedError
from recording_operator.cli.reports.counted_bucket import BucketRequest, from_bucket
from recording_operator.cli.reports.counted_cluster import from_cluster
from recording_operator.cli.reports.notices import note_state, note_unpriced
from recording_operator.cli.reports.overview import overview
from recording_operator.cli.screen.panels import look_of_stdout
from recording_operator.cli.verb import note, program
from recording_operator.costs.export import Row, Step, rows, whole_history
from recording_operator.costs.focus import as_focus_csv, focus_rows
from recording_operator.costs.parquet import ParquetUnavailableError, write_parquet
from recording_operator.costs.report import CurrencyError, currency_of, report
from recording_operator.costs.report_problems import why_not
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.tables import (
    as_csv,
    as_json,
    as_table,
    comparison_csv,
    comparison_json,
    comparison_table,
)
from recording_operator.costs.view import ReportView, unpriced
from recording_operator.logs import Redactor, configure_logging

_WRITERS: Final = {"csv": as_csv, "json": as_json}
_COMPARISONS: Final = {"table": comparison_table, "csv": comparison_csv, "json": comparison_json}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """The command line of one report."""

    name: str
    """Empty: the only StorageReport, or a list of them."""
    output: str
    is_plain: bool
    """No option chooses what to show: several StorageReports can be listed instead."""
    top: int
    begin: date | None
    end: date | None
    by: str
    group_by: str
    compare: tuple[str, ...]
    bucket: tuple[str, str] | None
    locations: tuple[str, ...]
    prices: str | None
    orgs: tuple[str, ...]
    namespaces: tuple[str, ...]
    playback_ratio: Decimal | None
    endpoint_url: str | None
    region: str | None
    ca_bundle: Path | None
    operator_namespace: str | None
    cluster: ClusterOptions

    @property
    def needs_samples(self) -> bool:
        """Whether the status of a StorageReport is not enough."""
        return bool(self.compare) or self.output.startswith("focus") or self.group_by != GroupBy.ORG


def show(request: ReportRequest) -> None:
    """Print the report. If there is none, print the reason to standard error and exit with status 1.

    Raises KubeError, ConnectionConfigError.
    """
    configure_logging(redactor=Redactor(), log_format="text", level=logging.ERROR)  # it says itself why there is none
    try:
        if request.bucket is not None:
            _show_counted(request, from_bucket(_bucket_request(request, *request.bucket), now=_now()))
        else:
            _show_stored(request)
    except (CountedError, CurrencyError, ParquetUnavailableError) as error:
        _fail(str(error))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _bucket_request(request: ReportRequest, bucket: str, prefix: str) -> BucketRequest:
    return BucketRequest(
        bucket=bucket,
        prefix=prefix,
        region=request.region,
        endpoint_url=request.endpoint_url,
        ca_bundle=request.ca_bundle,
        locations=request.locations,
        orgs=request.orgs,
        namespaces=request.namespaces,
        prices=request.prices,
        playback_ratio=request.playback_ratio,
        compare=request.compare,
    )


def _show_stored(request: ReportRequest) -> None:
    with open_cluster(request.cluster) as cluster:
        name, resources = request.name, cluster.resources
        found = [named_report(resources, name)] if name else listed_reports(resources)
        if len(found) == 1 and request.needs_samples:
            counted = from_cluster(
                found[0],
                compare=request.compare,
                cluster=cluster,
                operator_namespace=request.operator_namespace,
                now=_now,
                warn=note,
            )
    if len(found) > 1:
        _show_several(request, found, now=cluster.now)
    elif request.needs_samples:
        _show_counted(request, counted)
    else:
        _show_status(request, found[0], now=cluster.now)


def _show_several(request: ReportRequest, found: Sequence[StorageReport], *, now: datetime) -> None:
    if not request.is_plain:
        names = ", ".join(report.metadata.name for report in found)
        raise click.UsageError(f"There are several StorageReports. Give the NAME of one: {names}.")
    _write(reports_table(found, now=now).encode())


def _show_status(request: ReportRequest, stored: StorageReport, *, now: datetime) -> None:
    status, name = stored.status, stored.metadata.name
    if status.cost is None:
        _fail(f"StorageReport {name} has not been refreshed yet. {why_not(status)}".rstrip())
    if request.output == "cards":
        _show_cards(request, stored, title=f"StorageReport {name}", now=now)
        return
    note_state(stored)
    found = rows(status.history, begin=request.begin, end=request.end, step=Step(request.by))
    if not found:
        _fail(f"StorageReport {name} has nothing {_window(request)}. {_kept(status)}")
    _show_rows(request, found, status.cost.currency)


def _show_cards(request: ReportRequest, report: StorageReport, *, title: str, now: datetime) -> None:
    _write(overview(report, look_of_stdout(), title=title, now=now, top=request.top).encode())


def _show_counted(request: ReportRequest, counted: Counted) -> None:
    inputs, scope = counted.inputs, ScopeFilter.of(counted.inputs.spec.scope)
    currency = currency_of(inputs.terms, scope, None)
    for remark in inputs.notes:
        note(remark)
    if not any(scope.includes_location(name) for name in inputs.usage):
        _fail(f"{counted.title} has no usage samples yet. The operator takes one each day.")
    if request.compare:
        _compare(request, counted)
        return
    if request.output == "cards":
        computed = StorageReport(metadata=ObjectMeta(name="-"), spec=inputs.spec, status=report(inputs))
        _show_cards(request, computed, title=counted.title, now=inputs.now)
        return
    view = ReportView(inputs)
    note_unpriced(unpriced(view.charges, view.terms))
    if request.output.startswith("focus"):
        _show_focus(request, counted, view)
        return
    history = whole_history(view, GroupBy(request.group_by))
    found = rows(history, begin=request.begin, end=request.end, step=Step(request.by))
    if not found:
        _fail(_nothing(request, counted, view))
    _show_rows(request, found, currency)


def _compare(request: ReportRequest, counted: Counted) -> None:
    status = report(counted.inputs)
    for remark in status.notes:
        if remark.rstrip(".") not in {given.rstrip(".") for given in counted.inputs.notes}:
            note(remark)
    if not status.comparison or status.cost is None:
        _fail(f"{counted.title} cannot be compared: no profile has prices in its currency.")
    note_unpriced(status.unpriced)
    _write(_COMPARISONS[request.output](status.cost, status.comparison).encode())


def _show_focus(request: ReportRequest, counted: Counted, view: ReportView) -> None:
    begin, end = request.begin or date.min, request.end or date.max
    charges = [charge for charge in view.charges if begin <= charge.day <= end]
    found = focus_rows(view, charges, counted.resources)
    if not charges:
        _fail(_nothing(request, counted, view))
    if request.output == "focus":
        for text in as_focus_csv(found):
            _write(text.encode())
        return
    if sys.stdout.isatty():
        raise click.UsageError(f"Parquet is not text. Send it to a file: {program()} report … > costs.parquet")
    write_parquet(found, sys.stdout.buffer)


def _show_rows(request: ReportRequest, found: Sequence[Row], currency: str) -> None:
    group_by = GroupBy(request.group_by)
    if request.output == "table":
        text = as_table(found, currency=currency, group_by=group_by, step=Step(request.by))
    else:
        text = _WRITERS[request.output](found, currency=currency, group_by=group_by)
    _write(text.encode())


def _write(data: bytes) -> None:
    """Bytes, because a text stream would change the line ends of CSV."""
    sys.stdout.buffer.write(data)


def _nothing(request: ReportRequest, counted: Counted, view: ReportView) -> str:
    days = sorted(day for usage in view.usage_in_scope() for day in usage.days)
    kept = f" There are samples for {days[0]} to {days[-1]}." if days else ""
    return f"{counted.title} has nothing {_window(request)}.{kept}"


def _window(request: ReportRequest) -> str:
    """What was selected of a report, as the end of a sentence."""
    owners = [
        f"of {kind} {', '.join(of)}" for kind, of in (("org", request.orgs), ("namespace", request.namespaces)) if of
    ]
    bounds = [f"{word} {day}" for word, day in (("from", request.begin), ("to", request.end)) if day is not None]
    return " ".join([*owners, *bounds]) or "yet"


def _kept(status: StorageReportStatus) -> str:
    dates = sorted(entry.date for entry in status.history)
    return f"Its history is from {dates[0]} to {dates[-1]}." if dates else "Its history is empty."


def _now() -> datetime:
    return datetime.now(UTC)


def _fail(message: str) -> Never:
    note(message)
    sys.exit(1)
