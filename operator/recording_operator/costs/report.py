"""A StorageReport as a view: a pure function of usage samples, prices and the report's spec."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
    StorageReportSpec,
    StorageReportStatus,
)
from recording_operator.api.storagereport_budget import Budget
from recording_operator.costs.budget import percent_of
from recording_operator.costs.caveats import counted_elsewhere, never_counted, not_included, told_by_counts
from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.charges import downloads_of, month_after
from recording_operator.costs.comparison import ComparedMonth, MonthUsage, compared
from recording_operator.costs.history import HistoryBuilder
from recording_operator.costs.lines import class_of
from recording_operator.costs.money import CENT, MILL, ZERO, rounded
from recording_operator.costs.profile import Profile
from recording_operator.costs.rows import class_name
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.spans import gigabytes
from recording_operator.costs.terms import CostTerms
from recording_operator.costs.view import ReportView, cost_of_month
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import RecordingRow, State, UsageSample

MOST_NAMED: Final = 100
_MOST_CLASSES: Final = 31
_MOST_UNPRICED: Final = 32
AHEAD: Final = timedelta(days=1)
"""A last sample this far in the future was taken with a wrong clock."""


class CurrencyError(ValueError):
    """Amounts in several currencies cannot be summed. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """What a report is computed from.

    `terms`, `samples` and `usage` are of all locations, also those outside the scope: tiers, allowances and minimums
    apply to all locations of an account.
    """

    spec: StorageReportSpec
    now: datetime
    """Used only if no location in scope has a sample."""
    terms: CostTerms
    samples: Mapping[str, UsageSample]
    """The newest sample of each location. A location without one has not been counted."""
    usage: Mapping[str, UsageDays]
    """The days of each location (`usage.timeline.usage_days`)."""
    comparison: Mapping[str, tuple[Profile, ...]] = field(default_factory=dict)
    """For each name in `spec.compare`: the dated versions of the profile, the oldest first; at least one."""
    notes: tuple[str, ...] = ()
    """Further sentences for `status.notes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """The numbers of a report, and a message about how they were counted.

    Conditions, times and what else the status of a resource has are left empty.
    """

    status: StorageReportStatus
    message: str


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


def report(inputs: ReportInputs) -> ReportResult:
    """Compute a report. The same inputs give the same numbers. Raises CurrencyError."""
    scope = ScopeFilter.of(inputs.spec.scope)
    currency = currency_of(inputs.terms, scope, inputs.spec.budget)
    view = ReportView.of(scope=scope, terms=inputs.terms, samples=inputs.samples, usage=inputs.usage, now=inputs.now)
    cost, totals = _cost(view, currency), _totals(view)
    comparison = _comparison(view, inputs.comparison, currency)
    how = [*counted_elsewhere(view.samples), *told_by_counts(view.samples), *comparison.notes, *inputs.notes]
    uncounted = [name for name in view.terms.prices if scope.includes_location(name) and name not in view.samples]
    notes = [*never_counted(uncounted), *not_included(view.samples, scope), *how]
    status = StorageReportStatus(
        as_of=view.as_of,
        source=_source(view.samples.values()),
        unpriced=_unpriced(view),
        notes=tuple(map(_sentence, notes[:MOST_NOTES])),
        summary=_summary(totals, cost, comparison, inputs.spec.budget),
        totals=totals,
        uploads=_uploads([row for _, row in view.recordings]),
        cost=cost,
        comparison=comparison.rows,
        history=HistoryBuilder(terms=view.terms, scope=scope, today=view.today).entries(view.usage, view.charges),
        **_rows(view),
    )
    return ReportResult(status=status, message=_message(status))


def _cost(view: ReportView, currency: str) -> ReportCost:
    methods = {one.method for name, one in view.outlooks.items() if view.scope.includes_location(name)}
    known = any(view.month_before <= day < view.month for usage in view.usage_in_scope() for day in usage.days)
    trend = ProjectionMethod.WEEKDAY_TREND
    return ReportCost(
        currency=currency,
        today=rounded(sum(view.holdings.costs.values(), ZERO), MILL),
        month_to_date=cost_of_month(view.charges, view.month),
        projected_month=cost_of_month(view.projected, view.month),
        projected_next_month=cost_of_month(view.projected, month_after(view.month)),
        last_month=cost_of_month(view.charges, view.month_before) if known else None,
        method=trend if trend in methods else ProjectionMethod.FLAT,
    )


def _totals(view: ReportView) -> ReportTotals:
    held, samples, rows = view.holdings, view.samples.values(), [row for _, row in view.recordings]
    downloaded, writes = _this_month(view)
    return ReportTotals(
        recordings=sum(row.recordings for row in rows),
        objects=held.objects(State.CURRENT),
        bytes=held.size_bytes(State.CURRENT),
        storage_gb=_gb(view, ((owner.location, stock.size_bytes) for owner, stock in held.stock.items())),
        upload_gb24h=_gb(view, ((name, row.bytes_24h) for name, row in view.recordings)),
        uploads24h=sum(row.complete_24h for row in rows),
        download_gb=_gb(view, downloaded),
        api_requests=writes,
        orphaned_bytes=sum(sample.orphaned_bytes for sample in samples),
        incomplete_upload_bytes=held.size_bytes(State.INCOMPLETE),
        noncurrent_objects=held.objects(State.NONCURRENT),
        noncurrent_bytes=held.size_bytes(State.NONCURRENT),
        foreign_bytes=sum(sample.foreign_bytes for sample in samples),
    )


def _this_month(view: ReportView) -> tuple[list[tuple[str, int]], int]:
    """Bytes downloaded in this month so far by location, and write requests."""
    downloaded: list[tuple[str, int]] = []
    writes = 0
    for usage in view.usage_in_scope():
        name, prices = usage.location, view.terms.prices[usage.location]
        for day, entry in usage.days.items():
            if not view.month <= day < month_after(view.month):
                continue
            writes += sum(volume.writes for key, volume in entry.volumes.items() if view.scope.includes(name, key))
            downloaded += [
                (name, size_bytes)
                for key, size_bytes in downloads_of(entry, day, prices.on(day), view.terms)
                if view.scope.includes(name, key)
            ]
    return downloaded, writes


def _gb(view: ReportView, amounts: Iterable[tuple[str, int]]) -> Decimal:
    by_gb: dict[int, int] = {}
    for location, size_bytes in amounts:
        prices = view.prices_of(location)
        gb_bytes = prices.gb_bytes if prices is not None else 10**9
        by_gb[gb_bytes] = by_gb.get(gb_bytes, 0) + size_bytes
    return gigabytes(by_gb)


def _uploads(rows: Sequence[RecordingRow]) -> ReportUploads:
    stored, failed = sum(row.complete_24h for row in rows), sum(row.failed_24h for row in rows)
    seconds, timed = sum(row.seconds_24h for row in rows), sum(row.timed_24h for row in rows)
    rate = rounded(Decimal(stored) * 100 / (stored + failed), Decimal("0.1")) if stored + failed else None
    return ReportUploads(
        success_rate=None if rate is None else f"{rate:f}%",
        mean_seconds=seconds // timed if timed else None,
        failed24h=failed,
    )


def _rows(view: ReportView) -> dict[str, Any]:
    held = view.holdings
    recordings = view.recordings
    locations = dict.fromkeys(view.samples, 0) | _counts((name, row) for name, row in recordings)
    by_org = held.rows(lambda one: one.key.org, _counts((row.org, row) for _, row in recordings), most=MOST_NAMED)
    by_namespace = held.rows(
        lambda one: one.key.namespace, _counts((row.namespace, row) for _, row in recordings), most=MOST_NAMED
    )
    by_location = held.rows(lambda one: one.location, locations, most=MOST_NAMED)
    by_class = held.rows(class_name, {}, most=_MOST_CLASSES)
    return {
        "by_org": tuple(by_org),
        "by_namespace": tuple(by_namespace),
        "by_storage_location": tuple(
            LocationRow(**row.model_dump(), **_counted(view, row.name)) for row in by_location
        ),
        "by_storage_class": tuple(ClassRow(**row.model_dump(exclude={"recordings"})) for row in by_class),
    }


def _counts(rows: Iterable[tuple[str, RecordingRow]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, row in rows:
        counts[name] = counts.get(name, 0) + row.recordings
    return counts


def _counted(view: ReportView, location: str) -> dict[str, Any]:
    """How a location was counted. (other) has no location of its own."""
    sample, profile = view.samples.get(location), view.prices_of(location)
    return {
        "source": sample.source if sample is not None else _source(view.samples.values()),
        **({"downloads": sample.download_source} if sample is not None else {}),
        "profile": profile.name if profile is not None else "",
        "prices_as_of": profile.as_of.isoformat() if profile is not None else "",
    }


def _source(samples: Iterable[UsageSample]) -> ReportSource:
    kinds = {sample.source for sample in samples}
    return kinds.pop() if len(kinds) == 1 else ReportSource.MIXED if kinds else ReportSource.RECORDINGS


def _unpriced(view: ReportView) -> tuple[str, ...]:
    """Usage of this month without a price."""
    found: set[str] = set()
    for charge in view.projected:
        profile = view.terms.prices[charge.location].on(charge.day)
        if not charge.quantity:
            continue
        if charge.kind is ChargeKind.DOWNLOADS and profile.egress is None:
            found.add("downloads")
        if charge.kind is ChargeKind.STORAGE and profile.price_of(class_of(profile, charge.key)) is None:
            found.add(f"storage class {class_of(profile, charge.key)}")
    return tuple(sorted(found))[:_MOST_UNPRICED]


def _comparison(view: ReportView, profiles: Mapping[str, tuple[Profile, ...]], currency: str) -> ComparedMonth:
    after = month_after(view.month)

    def of_month(usage: Mapping[str, UsageDays]) -> dict[str, UsageDays]:
        return {
            name: replace(one, days={day: entry for day, entry in one.days.items() if view.month <= day < after})
            for name, one in usage.items()
        }

    month = MonthUsage(so_far=of_month(view.usage), projected=of_month(view.projected_usage))
    here = [charge for charge in view.projected if charge.day < after]
    return compared(month, profiles, terms=view.terms, scope=view.scope, here=here, day=view.today, currency=currency)


def _summary(totals: ReportTotals, cost: ReportCost, comparison: ComparedMonth, budget: Budget | None) -> ReportSummary:
    used = None
    if budget is not None:
        used = f"{percent_of(cost.month_to_date, budget.amount)}% of {money(budget.amount, budget.currency)}"
    places = CENT if totals.storage_gb >= 1 else Decimal("0.001")
    return ReportSummary(
        storage=f"{rounded(totals.storage_gb, places):,f} GB",
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


def _sentence(note: str) -> str:
    return f"{note.rstrip('.')}."


def _message(status: StorageReportStatus) -> str:
    totals = status.totals or ReportTotals()
    sentences = [f"{totals.objects} objects of {totals.recordings} Recordings were counted."]
    if status.unpriced:
        sentences.append(f"Without a price, and not included in any cost: {', '.join(status.unpriced)}.")
    return " ".join([*sentences, *status.notes])
