"""A StorageReport as a view: a pure function of usage samples, prices and the report's spec."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from recording_operator.api.storagereport import (
    MOST_NOTES,
    ClassRow,
    LocationRow,
    ProjectionMethod,
    ReportCost,
    ReportSource,
    ReportSummary,
    ReportTotals,
    ReportUploads,
    StorageReportStatus,
)
from recording_operator.api.storagereport_budget import Budget
from recording_operator.costs.budget import percent_of
from recording_operator.costs.caveats import deletions, how_counted, left_out, recently_deleted
from recording_operator.costs.charges import month_after, month_before
from recording_operator.costs.comparison import ComparedMonth, compared
from recording_operator.costs.history import GB_UNITS, UsageSums, gb_of, history, history_sums, month_sums
from recording_operator.costs.money import CENT, MILL, ZERO, rounded
from recording_operator.costs.report_problems import unpriced_words
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms
from recording_operator.costs.view import ReportInputs, ReportView, cost_of_month, unpriced
from recording_operator.usage.collector import collector_paused
from recording_operator.usage.sample import RecordingRow, State, UsageSample

MOST_NAMED: Final = 100
_MOST_CLASSES: Final = 31
_MOST_UNPRICED: Final = 32


class CurrencyError(ValueError):
    """Amounts in several currencies cannot be summed. The text says which."""


def currency_of(terms: CostTerms, scope: ScopeFilter, budget: Budget | None) -> str:
    """The currency of the prices in scope and of the budget. Raises CurrencyError if they differ."""
    in_scope = [prices for name, prices in terms.prices.items() if scope.includes_location(name)]
    found = sorted({profile.currency for prices in in_scope for profile in prices.versions})
    if len(found) > 1:
        raise CurrencyError(
            f"The prices of the locations are in {' and '.join(found)}, which cannot be summed. Create a report "
            "for each currency with spec.scope.storageLocations."
        )
    currency = found[0] if found else (budget.currency if budget else "USD")
    if budget is not None and budget.currency != currency:
        raise CurrencyError(f"The budget is in {budget.currency}, the prices are in {currency}. Use one currency.")
    return currency


@collector_paused()
def report(inputs: ReportInputs) -> StorageReportStatus:
    """Compute the numbers of a report. The same inputs give the same numbers. Raises CurrencyError.

    Conditions, times and what else the status of a resource has are left empty.
    """
    view, budget = ReportView(inputs), inputs.spec.budget
    currency = currency_of(view.terms, view.scope, budget)
    periods = history_sums(view)
    cost, totals = _cost(view, currency), _totals(view, month_sums(periods, view.month))
    comparison = compared(view, inputs.comparison, currency=currency)
    rows, known = view.holdings.rows, view.recordings
    locations = dict.fromkeys([*view.samples, *recently_deleted(view)], 0) | _counts(known)
    notes = [*left_out(view), *deletions(view, currency), *how_counted(view.samples), *comparison.notes, *inputs.notes]
    return StorageReportStatus(
        as_of=view.as_of,
        source=_source(view.samples.values()),
        unpriced=tuple(unpriced(view.projected, view.terms)[:_MOST_UNPRICED]),
        notes=tuple(f"{note.rstrip('.')}." for note in notes[:MOST_NOTES]),
        summary=_summary(totals, cost, comparison, budget),
        totals=totals,
        uploads=_uploads([row for _, row in view.recordings]),
        cost=cost,
        comparison=comparison.rows,
        history=history(periods),
        by_org=rows(GroupBy.ORG, _counts((row.org, row) for _, row in known), most=MOST_NAMED),
        by_namespace=rows(GroupBy.NAMESPACE, _counts((row.namespace, row) for _, row in known), most=MOST_NAMED),
        by_storage_location=tuple(
            LocationRow(**row.model_dump(), **_counted(view, row.name))
            for row in rows(GroupBy.LOCATION, locations, most=MOST_NAMED)
        ),
        by_storage_class=tuple(
            ClassRow(**row.model_dump(exclude={"recordings"})) for row in rows(GroupBy.CLASS, {}, most=_MOST_CLASSES)
        ),
    )


def _cost(view: ReportView, currency: str) -> ReportCost:
    last_month = month_before(view.month)
    known = any(last_month <= day < view.month for usage in view.usage_in_scope() for day in usage.days)
    grows = any(view.outlooks[name].trend.growth for name in view.samples)
    return ReportCost(
        currency=currency,
        today=rounded(sum(view.holdings.costs.values(), ZERO), MILL),
        month_to_date=cost_of_month(view.charges, view.month),
        projected_month=cost_of_month(view.projected, view.month),
        projected_next_month=cost_of_month(view.projected, month_after(view.month)),
        last_month=cost_of_month(view.charges, last_month) if known else None,
        method=ProjectionMethod.WEEKDAY_TREND if grows else ProjectionMethod.FLAT,
    )


def _totals(view: ReportView, month: UsageSums) -> ReportTotals:
    samples, rows = view.samples.values(), [row for _, row in view.recordings]
    current, noncurrent, incomplete = (view.holdings.in_state(state) for state in State)
    return ReportTotals(
        recordings=sum(row.recordings for row in rows),
        objects=current.objects,
        bytes=current.size_bytes,
        storage_gb=_gb(view, ((owner.location, stock.size_bytes) for owner, stock in view.holdings.stock.items())),
        upload_gb24h=_gb(view, ((name, row.bytes_24h) for name, row in view.recordings)),
        uploads24h=sum(row.complete_24h for row in rows),
        download_gb=gb_of(month.downloaded),
        api_requests=month.writes,
        orphaned_bytes=sum(sample.orphaned_bytes for sample in samples),
        incomplete_upload_bytes=incomplete.size_bytes,
        noncurrent_objects=noncurrent.objects,
        noncurrent_bytes=noncurrent.size_bytes,
        foreign_bytes=sum(sample.foreign_bytes for sample in samples),
    )


def _gb(view: ReportView, amounts: Iterable[tuple[str, int]]) -> Decimal:
    """GB of bytes by location."""
    return gb_of(sum(size_bytes * (GB_UNITS // view.prices_of(name).gb_bytes) for name, size_bytes in amounts))


def _uploads(rows: Sequence[RecordingRow]) -> ReportUploads:
    stored, failed = sum(row.complete_24h for row in rows), sum(row.failed_24h for row in rows)
    seconds, timed = sum(row.seconds_24h for row in rows), sum(row.timed_24h for row in rows)
    rate = rounded(Decimal(stored) * 100 / (stored + failed), Decimal("0.1")) if stored + failed else None
    return ReportUploads(
        success_rate=None if rate is None else f"{rate:f}%",
        mean_seconds=seconds // timed if timed else None,
        failed24h=failed,
    )


def _counts(rows: Iterable[tuple[str, RecordingRow]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, row in rows:
        counts[name] += row.recordings
    return counts


def _counted(view: ReportView, location: str) -> dict[str, Any]:
    """How a location was counted. (other) has no location of its own."""
    sample = view.samples.get(location) or view.deleted.get(location)
    if sample is None:
        return {"source": _source(view.samples.values()), "profile": "", "prices_as_of": ""}
    profile = view.prices_of(location)
    return {
        "source": sample.source,
        "downloads": sample.download_source,
        "profile": profile.name,
        "prices_as_of": profile.as_of.isoformat(),
    }


def _source(samples: Iterable[UsageSample]) -> ReportSource:
    kinds = {sample.source for sample in samples}
    return kinds.pop() if len(kinds) == 1 else ReportSource.MIXED if kinds else ReportSource.RECORDINGS


def _summary(totals: ReportTotals, cost: ReportCost, comparison: ComparedMonth, budget: Budget | None) -> ReportSummary:
    used = None
    if budget is not None:
        used = f"{percent_of(cost.month_to_date, budget.amount)}% of {money(budget.amount, budget.currency)}"
    places = CENT if totals.storage_gb >= 1 else Decimal("0.001")
    return ReportSummary(
        storage=f"{rounded(totals.storage_gb, places):,f} GB",
        last_month=None if cost.last_month is None else money(cost.last_month, cost.currency),
        month_to_date=money(cost.month_to_date, cost.currency),
        projected_month=money(cost.projected_month, cost.currency),
        projected_next_month=money(cost.projected_next_month, cost.currency),
        budget=used,
        cheapest=_cheapest(cost, comparison),
    )


def _cheapest(cost: ReportCost, comparison: ComparedMonth) -> str | None:
    if not comparison.rows:
        return None
    if comparison.cheapest is not None and comparison.cheapest.projected_month < cost.projected_month:
        return f"{money(comparison.cheapest.projected_month, cost.currency)} at {comparison.cheapest.profile}"
    return f"{money(cost.projected_month, cost.currency)} as it is"


def money(amount: Decimal, currency: str) -> str:
    """Format an amount, rounded to cents."""
    return f"{rounded(amount, CENT):,f} {currency}"


def message_of(status: StorageReportStatus) -> str:
    """How the numbers of a report were counted."""
    totals = status.totals or ReportTotals()
    sentences = [f"{totals.objects} objects of {totals.recordings} Recordings were counted."]
    if status.unpriced:
        sentences.append(unpriced_words(status.unpriced))
    return " ".join([*sentences, *status.notes])
