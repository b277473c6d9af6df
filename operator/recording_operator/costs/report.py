"""Compute the status of a StorageReport from the counted usage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import (
    Budget,
    ClassRow,
    DownloadSource,
    LocationRow,
    ReportCost,
    ReportSource,
    ReportSummary,
    ReportTotals,
    ReportUploads,
    StorageReportStatus,
)
from recording_operator.costs.arrivals import Recent, Window
from recording_operator.costs.books import load, sample_of, save_history, save_ledger
from recording_operator.costs.budget import percent_of
from recording_operator.costs.ledger import Ledger, advance, month_start, open_ledger
from recording_operator.costs.money import CENT, MICRO, MILL, ZERO, rounded
from recording_operator.costs.projection import Projection, project
from recording_operator.costs.sample import CostTerms
from recording_operator.costs.today import DayCost, day_cost, rows
from recording_operator.costs.uploads import RecordingTally
from recording_operator.costs.usage import Usage

MOST_NAMED: Final = 100
_MOST_CLASSES: Final = 31
_MOST_UNPRICED: Final = 32
AHEAD: Final = timedelta(days=1)
"""A last sample this far in the future was taken with a wrong clock."""
_RECENT: Final = timedelta(days=28)


class CurrencyError(ValueError):
    """Amounts in several currencies cannot be summed. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountResult:
    """The usage that a refresh counted."""

    at: datetime
    usage: Usage
    recordings: RecordingTally
    sources: Mapping[str, ReportSource]
    """By location."""
    scope: str
    """Identifies the scope of the count."""
    downloads: Mapping[str, DownloadSource] = field(default_factory=dict)
    """By location; only locations whose downloads are counted."""


def window_of(previous: StorageReportStatus, *, now: datetime, scope: str) -> Window:
    """The period for which uploads are counted: since the last sample, or since the beginning of the month."""
    ledger = previous.ledger
    if ledger is None or starts_again(previous, now=now, scope=scope):
        return Window(since=month_start(now), now=now)
    return Window(since=ledger.sampled_at, now=now, recent_since=ledger.recent_since)


def starts_again(previous: StorageReportStatus, *, now: datetime, scope: str) -> bool:
    """Whether a new ledger is needed: the last one has another `scope`, or its time is in the future."""
    ledger = previous.ledger
    return ledger is not None and (ledger.recent_scope != scope or ledger.sampled_at > now + AHEAD)


def currency_of(terms: CostTerms, budget: Budget | None, *, previous: StorageReportStatus | None = None) -> str:
    """The currency of the prices, the budget and the history. Raises CurrencyError if they differ."""
    found = sorted({priced.profile.currency for priced in terms.prices.values()})
    if len(found) > 1:
        raise CurrencyError(
            f"The prices of the locations are in {' and '.join(found)}, which cannot be summed. Create a report "
            "for each currency with spec.scope.storageLocations."
        )
    currency = found[0] if found else (budget.currency if budget else "USD")
    if budget is not None and budget.currency != currency:
        raise CurrencyError(f"The budget is in {budget.currency}, the prices are in {currency}. Use one currency.")
    so_far = previous.cost.currency if previous is not None and previous.cost is not None else currency
    if previous is not None and so_far != currency and any(entry.cost for entry in previous.history):
        raise CurrencyError(
            f"The report's history is in {so_far}, the prices are now in {currency}. Create a new StorageReport."
        )
    return currency


def refreshed(
    previous: StorageReportStatus, counted: CountResult, terms: CostTerms, *, budget: Budget | None
) -> StorageReportStatus:
    """The status with new numbers. Conditions and schedule times are not changed. Raises CurrencyError."""
    currency = currency_of(terms, budget, previous=previous)
    ledger = _advanced_ledger(previous, counted, terms)
    today = day_cost(
        counted.usage.held,
        terms,
        uploaded_bytes_a_day=_uploaded_a_day(ledger, terms),
        day=counted.at.date(),
        reads=ledger.reads,
    )
    projection = project(ledger, terms)
    totals = _totals(counted, ledger, terms)
    cost = _cost(ledger, projection, today, currency)
    return previous.model_copy(
        update={
            "as_of": counted.at,
            "source": _source(counted.sources),
            "unpriced": tuple(sorted(today.unpriced))[:_MOST_UNPRICED],
            "summary": _summary(totals, cost, budget),
            "totals": totals,
            "uploads": _uploads(counted.recordings),
            "cost": cost,
            **_shares(counted, today, terms),
            "history": save_history(ledger, previous.history),
            "ledger": save_ledger(ledger, scope=counted.scope),
        }
    )


def _advanced_ledger(previous: StorageReportStatus, counted: CountResult, terms: CostTerms) -> Ledger:
    """The ledger including the new count. A new ledger keeps the days before this month."""
    ledger = load(previous.ledger, previous.history)
    if ledger is None or starts_again(previous, now=counted.at, scope=counted.scope):
        month = month_start(counted.at).date()
        kept = {day: entry for day, entry in ledger.days.items() if day < month} if ledger is not None else {}
        ledger = open_ledger(sample_of(counted.usage, at=counted.at, last=None), terms)
        ledger.days = kept | ledger.days
        return ledger
    if _sources_changed(ledger, previous, counted):
        days = (counted.at.date() - ledger.at.date()).days
        ledger.breaks |= {ledger.at.date() + timedelta(days=number) for number in range(days + 1)}
    ledger.recent = _comparable(ledger.recent, previous, counted)
    advance(ledger, sample_of(counted.usage, at=counted.at, last=ledger), terms)
    return ledger


def _sources_changed(ledger: Ledger, previous: StorageReportStatus, counted: CountResult) -> bool:
    """Whether a location was added or removed, or is counted from another source."""
    then = {uploader.storage_location for uploader in ledger.recent or ()}
    sources = {row.name: row.source for row in previous.by_storage_location}
    changed = any(counted.sources.get(name, source) is not source for name, source in sources.items())
    return changed or (ledger.recent is not None and then != counted.usage.arrivals.locations)


def _comparable(recent: Recent | None, previous: StorageReportStatus, counted: CountResult) -> Recent | None:
    """The recent uploads of locations whose source has not changed. Times from different sources cannot be compared."""
    if recent is None:
        return None
    then = {row.name: row.source for row in previous.by_storage_location}
    changed = {name for name, source in then.items() if counted.sources.get(name) is not source}
    return {uploader: uploads for uploader, uploads in recent.items() if uploader.storage_location not in changed}


def _uploaded_a_day(ledger: Ledger, terms: CostTerms) -> Decimal:
    """Mean bytes per day over the last four weeks. Today is excluded unless it is the only day."""
    today = ledger.at.date()
    days = [entry for day, entry in ledger.days.items() if today - _RECENT <= day < today] or list(ledger.days.values())
    gb = sum((part.upload_gb for entry in days for part in entry.orgs.values()), ZERO) / max(len(days), 1)
    sizes = [priced.profile.gb_bytes for priced in terms.prices.values()]
    return gb * max(sizes, default=10**9)


def _totals(counted: CountResult, ledger: Ledger, terms: CostTerms) -> ReportTotals:
    usage, tally = counted.usage, counted.recordings
    return ReportTotals(
        recordings=tally.count,
        objects=sum(amount.objects for amount in usage.held.values()),
        bytes=sum(amount.size_bytes for amount in usage.held.values()) - usage.incomplete_bytes,
        storage_gb=rounded(
            sum(
                (
                    Decimal(amount.size_bytes) / terms.prices[holding.storage_location].profile.gb_bytes
                    for holding, amount in usage.held.items()
                    if holding.storage_location in terms.prices
                ),
                ZERO,
            ),
            MICRO,
        ),
        upload_gb24h=rounded(Decimal(tally.upload_bytes_24h) / _gb_bytes(terms), MICRO),
        uploads24h=tally.uploads_24h,
        download_gb=rounded(
            sum(
                (
                    Decimal(size_bytes) / terms.prices[name].profile.gb_bytes
                    for name, size_bytes in ledger.downloads.items()
                    if name in terms.prices
                ),
                ZERO,
            ),
            MICRO,
        ),
        api_requests=sum(ledger.writes.values()),
        orphaned_bytes=usage.orphaned_bytes,
        incomplete_upload_bytes=usage.incomplete_bytes,
        foreign_bytes=usage.foreign_bytes,
    )


def _gb_bytes(terms: CostTerms) -> int:
    """Bytes in a GB for the whole report: as the locations define it, or 10**9 if they differ."""
    sizes = {priced.profile.gb_bytes for priced in terms.prices.values()}
    return sizes.pop() if len(sizes) == 1 else 10**9


def _uploads(tally: RecordingTally) -> ReportUploads:
    stored, ended = tally.success_rate
    rate = f"{rounded(Decimal(stored) * 100 / ended, Decimal('0.1')):f}%" if ended else None
    mean = tally.seconds_24h // tally.timed_24h if tally.timed_24h else None
    return ReportUploads(success_rate=rate, mean_seconds=mean, failed24h=tally.failed_24h)


def _cost(ledger: Ledger, projection: Projection, today: DayCost, currency: str) -> ReportCost:
    last_month = ledger.last_month_cost()
    return ReportCost(
        currency=currency,
        today=rounded(today.total, MILL),
        month_to_date=rounded(ledger.month_cost(), CENT),
        projected_month=rounded(projection.month, CENT),
        projected_next_month=rounded(projection.next_month, CENT),
        last_month=None if last_month is None else rounded(last_month, CENT),
        method=projection.method,
    )


def _source(sources: Mapping[str, ReportSource]) -> ReportSource:
    kinds = set(sources.values())
    return kinds.pop() if len(kinds) == 1 else ReportSource.MIXED if kinds else ReportSource.RECORDINGS


def _shares(counted: CountResult, today: DayCost, terms: CostTerms) -> dict[str, object]:
    held, tally = counted.usage.held, counted.recordings
    by_location = rows(held, today, by=lambda h: h.storage_location, recordings=tally.by_location, most=MOST_NAMED)
    return {
        "by_org": tuple(rows(held, today, by=lambda h: h.org, recordings=tally.by_org, most=MOST_NAMED)),
        "by_namespace": tuple(
            rows(held, today, by=lambda h: h.namespace, recordings=tally.by_namespace, most=MOST_NAMED)
        ),
        "by_storage_location": tuple(
            LocationRow(
                **row.model_dump(),
                source=counted.sources.get(row.name, ReportSource.RECORDINGS),
                downloads=counted.downloads.get(row.name, DownloadSource.PLAYBACK),
                profile=terms.prices[row.name].profile.name if row.name in terms.prices else "",
                prices_as_of=_as_of(terms, row.name),
            )
            for row in by_location
        ),
        "by_storage_class": tuple(
            ClassRow(**row.model_dump(exclude={"recordings"}))
            for row in rows(held, today, by=lambda h: h.storage_class, recordings={}, most=_MOST_CLASSES)
        ),
    }


def _as_of(terms: CostTerms, location: str) -> str:
    priced = terms.prices.get(location)
    as_of: date | None = priced.profile.as_of if priced else None
    return as_of.isoformat() if as_of else ""


def _summary(totals: ReportTotals, cost: ReportCost, budget: Budget | None) -> ReportSummary:
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
    )


def money(amount: Decimal, currency: str) -> str:
    """Format an amount, rounded to cents."""
    return f"{rounded(amount, CENT):,f} {currency}"
