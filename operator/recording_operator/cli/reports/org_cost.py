"""Finds out what an organisation costs, for the verb `cost`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import NoReturn

from recording_operator.api.storagereport import StorageReport
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.reports.choosing import listed_reports, named_report
from recording_operator.cli.reports.counted import CountedError
from recording_operator.cli.reports.counted_cluster import from_cluster
from recording_operator.cli.reports.notices import note_state, note_unpriced
from recording_operator.cli.reports.org_cost_tables import OrgCost, write_cost
from recording_operator.cli.reports.org_report import note_parts, report_of
from recording_operator.cli.reports.owner_shares import shared, stored_bytes
from recording_operator.cli.verb import Failure, explained, note
from recording_operator.costs.export import Step, rows, whole_history
from recording_operator.costs.org_history import first_day, history_of, is_day, within
from recording_operator.costs.report import CurrencyError, currency_of
from recording_operator.costs.report_choice import scope_in
from recording_operator.costs.report_problems import why_not
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.view import ReportView, unpriced
from recording_operator.kube.errors import KubeError
from recording_operator.kube.resources import RECORDINGS
from recording_operator.logs import Redactor, configure_logging
from recording_operator.usage.sample import OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRequest:
    """The command line."""

    cluster: ClusterOptions
    org: str
    user: str | None
    project: str | None
    begin: date | None
    end: date | None
    by: str
    group_by: str | None
    report: str | None
    output: str
    operator_namespace: str | None


def run_cost(request: CostRequest) -> None:
    """Print the cost. Raises Failure, KubeError, ConnectionConfigError."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.ERROR)  # failures are said by themselves
    with open_cluster(request.cluster) as cluster:
        stored = _report(cluster, request)
        as_of = stored.status.as_of
        begin, end = _period(request, stored)
        history = history_of(stored.status.history, request.org, begin=begin, end=end)
        if request.group_by or history.hidden:
            counted, currency, as_of = _from_samples(cluster, request, stored, hidden=history.hidden)
            entries = within(counted, begin, end)
        else:
            note_state(stored)
            entries, currency = list(history.entries), stored.status.cost.currency if stored.status.cost else ""
        if request.user or request.project:
            entries = _share(cluster, request, stored, entries)
    found = rows(entries, step=Step(request.by))
    if not any(row.value or row.cost for row in found):
        _fail_empty(request, stored, begin, end)
    note_parts(stored)
    _note_period(stored, begin, end, as_of=as_of)
    by = GroupBy(request.group_by or "org")
    name = stored.metadata.name
    write_cost(
        OrgCost(
            org=request.org,
            user=request.user,
            project=request.project,
            rows=found,
            by=by,
            currency=currency,
            begin=begin,
            end=end,
            report=name,
        ),
        output=request.output,
        step=Step(request.by),
    )


def _share(
    cluster: Cluster, request: CostRequest, stored: StorageReport, entries: Sequence[HistoryEntry]
) -> list[HistoryEntry]:
    known = stored_bytes(
        cluster.resources.list(RECORDINGS),
        org=request.org,
        user=request.user,
        project=request.project,
        scope=scope_in(stored),
    )
    meant = sum(one.is_meant for one in known)
    note(f"The share is estimated from the stored Recordings of {request.org} that exist: {meant} of {len(known)}.")
    return shared(entries, known)


def _report(cluster: Cluster, request: CostRequest) -> StorageReport:
    resources, name = cluster.resources, request.report
    found = [named_report(resources, name)] if name else listed_reports(resources)
    return report_of(found, request.org, begin=request.begin, end=request.end)


def _period(request: CostRequest, stored: StorageReport) -> tuple[date, date]:
    status = stored.status
    if status.as_of is None:
        raise Failure(f"StorageReport {stored.metadata.name} has not been refreshed yet. {why_not(status)}".rstrip())
    end = request.end or status.as_of.date()
    return request.begin or end.replace(day=1), end


def _from_samples(
    cluster: Cluster, request: CostRequest, stored: StorageReport, *, hidden: Sequence[str]
) -> tuple[list[HistoryEntry], str, datetime]:
    """The entries, their currency, and until when they are known."""
    scope = stored.spec.scope.model_copy(update={"orgs": (request.org,)})
    narrowed = stored.model_copy(update={"spec": stored.spec.model_copy(update={"scope": scope})})
    try:
        counted = from_cluster(
            narrowed,
            compare=(),
            cluster=cluster,
            operator_namespace=request.operator_namespace,
            now=lambda: cluster.now,
            warn=note,
        )
        inputs = counted.inputs
        currency = currency_of(inputs.terms, ScopeFilter.of(inputs.spec.scope), None)
    except (CountedError, CurrencyError, KubeError) as error:
        raise Failure(_no_samples(request, stored, hidden, error)) from None
    view = ReportView(inputs)
    for remark in inputs.notes:
        note(remark)
    note_unpriced(unpriced(view.charges, view.terms))
    return whole_history(view, GroupBy(request.group_by or "org")), currency, view.as_of


def _no_samples(request: CostRequest, stored: StorageReport, hidden: Sequence[str], error: Exception) -> str:
    why = explained(error) if isinstance(error, KubeError) else str(error)
    if request.group_by:
        return f"--group-by is computed from the usage samples of the StorageLocations. {why}"
    many = "1 day or month" if len(hidden) == 1 else f"{len(hidden)} days or months"
    return (
        f"StorageReport {stored.metadata.name} has {request.org} in {OTHER} for {many}, the first is {hidden[0]}, and "
        f"the usage samples cannot be read. {why} Or create a StorageReport with {request.org} in spec.scope.orgs: it "
        "names it always."
    )


def _fail_empty(request: CostRequest, stored: StorageReport, begin: date, end: date) -> NoReturn:
    status, name = stored.status, stored.metadata.name
    known = {org.name for entry in status.history for org in entry.orgs} | {row.name for row in status.by_org}
    similar = [] if request.org in known else get_close_matches(request.org, sorted(known), n=1)
    hint = f" Did you mean {similar[0]}?" if similar else f" {_kept(stored)}"
    owner = "".join(f" {kind} {of}" for kind, of in (("user", request.user), ("project", request.project)) if of)
    if owner:
        raise Failure(f"{request.org} has no stored Recordings of{owner} until {end}.")
    raise Failure(f"StorageReport {name} has nothing of {request.org} from {begin} to {end}.{hint}")


def _kept(stored: StorageReport) -> str:
    dates = sorted(entry.date for entry in stored.status.history)
    return f"Its history is from {dates[0]} to {dates[-1]}." if dates else "Its history is empty."


def _note_period(stored: StorageReport, begin: date, end: date, *, as_of: datetime | None) -> None:
    """Say which part of the period the numbers are not about."""
    status = stored.status
    days = sorted(first_day(entry) for entry in status.history)
    if days and begin < days[0]:
        note(f"Nothing is known of the days before {days[0]}.")
    if as_of is not None and end >= as_of.date():
        note(f"The numbers are those until {as_of:%Y-%m-%d %H:%M} UTC.")
    months = [first_day(entry) for entry in status.history if not is_day(entry)]
    cut = sorted({f"{day:%Y-%m}" for day in (begin, end) if day.replace(day=1) in months})
    if cut and (begin.day > 1 or end.replace(day=1) in months):
        note(f"Only the sum is known of {' and '.join(cut)}. A month is included if its first day is.")
