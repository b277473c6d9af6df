"""The ledger as the status stores it: days of three months, then months; the largest organisations and (other)."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from recording_operator.api.storagereport import (
    MOST_HISTORY_ORGS,
    HistoryEntry,
    HistoryOrg,
)
from recording_operator.api.storagereport_ledger import (
    LedgerBasis,
    LedgerCell,
    LedgerMeter,
    LedgerRead,
    LedgerRecent,
    LedgerTraffic,
    LedgerYoung,
    StoredLedger,
)
from recording_operator.costs.arrivals import (
    LATE_WITHIN,
    OTHER,
    Amount,
    Arrivals,
    Recent,
    UploadDay,
    Uploader,
    UploadSum,
    late,
)
from recording_operator.costs.billing import SECONDS_PER_DAY
from recording_operator.costs.downloads import RecentDownloads
from recording_operator.costs.ledger import DayEntry, Ledger, OrgDay, month_start
from recording_operator.costs.money import MICRO, ZERO, rounded
from recording_operator.costs.sample import (
    ANY_CLASS,
    NOTHING,
    SHARED,
    ArrivedBytes,
    Cell,
    Downloaded,
    Sample,
    StoredBytes,
)
from recording_operator.costs.usage import ClassDay, Holding, Usage

MOST_MONTHS: Final = 36
MONTHS_BY_DAY: Final = 3
_MOST_CELLS: Final = 2048
_MOST_YOUNG: Final = 2048
_MOST_READS: Final = 512
_MOST_RECENT: Final = 512
_MOST_BREAKS: Final = 92  # a projection uses eight weeks
_DATE_CHARS: Final = 10
# etcd accepts 1.5 MiB per object. The size of a row without its names, and the limit for all rows.
_CELL_BYTES: Final = 120
_MOST_CELL_BYTES: Final = 300_000
_ORG_BYTES: Final = 230
_MOST_HISTORY_BYTES: Final = 800_000


def sample_of(usage: Usage, *, at: datetime, last: Ledger | None) -> Sample:
    """The counted usage as a sample, with as many named organisations as fit into a status."""
    for most in (100, 50, 20, 5, 0):
        cells, kept = _cells(usage, most)
        if len(cells) <= _MOST_CELLS and sum(_CELL_BYTES + len("".join(cell)) for cell in cells) <= _MOST_CELL_BYTES:
            break
    return Sample(
        at=at,
        cells=cells,
        arrived=_arrived(usage.arrivals, kept, at, last),
        ahead=_ahead(usage.arrivals, kept),
        parts=_parts(usage.arrivals, kept, at),
        # A row for each counted location, so that no uploads can be distinguished from unknown uploads.
        recent={Uploader(name, OTHER): UploadSum(0, 0) for name in usage.arrivals.locations}
        | _named(usage.arrivals.recent, kept),
        young=usage.young,
        unattributed_young=usage.unattributed_young,
        bases=usage.bases,
        downloaded=_downloaded(usage.downloads, kept),
    )


def _arrived(
    arrivals: Arrivals, kept: frozenset[str], at: datetime, last: Ledger | None
) -> dict[date, dict[Cell, ArrivedBytes]]:
    """Uploads by day. Late uploads are added to the first day that is not finished."""
    arrived: dict[date, dict[Cell, ArrivedBytes]] = {}

    def add(day: date, cell: Cell, *more: int) -> None:
        of_day = arrived.setdefault(day, {})
        before = of_day.get(cell, ArrivedBytes(0, 0, 0))
        of_day[cell] = ArrivedBytes(*(a + b for a, b in zip(before, more, strict=True)))

    for upload, amount in arrivals.by_day.items():
        day, moment = _booked_on(upload, amount, at)
        add(day, _cell(upload, kept), amount.size_bytes, amount.billable_bytes, amount.objects, moment)
    if last is not None and last.recent is not None:
        names = kept | {uploader.org for uploader in last.recent}
        for uploader, upload_sum in late(_named(arrivals.recounted, names), last.recent).items():
            cell = Cell(uploader.storage_location, ANY_CLASS, uploader.org)
            add(last.at.date(), cell, upload_sum.size_bytes, upload_sum.size_bytes, upload_sum.writes, 0)
    return arrived


def _booked_on(upload: UploadDay, amount: Amount, at: datetime) -> tuple[date, int]:
    """The day and moment of an upload. At midnight, uploads belong to the day that ends, like its charges."""
    last_day = (at - timedelta(microseconds=1)).date()
    if upload.day > last_day:
        return last_day, amount.size_bytes * SECONDS_PER_DAY
    return upload.day, amount.moment


def _parts(arrivals: Arrivals, kept: frozenset[str], at: datetime) -> dict[date, dict[Cell, ArrivedBytes]]:
    found: dict[date, dict[Cell, ArrivedBytes]] = {}
    for upload, amount in arrivals.parts.items():
        day, moment = _booked_on(upload, amount, at)
        of_day, cell = found.setdefault(day, {}), _cell(upload, kept)
        before = of_day.get(cell, ArrivedBytes(0, 0, 0))
        size_bytes = before.size_bytes + amount.size_bytes
        of_day[cell] = ArrivedBytes(size_bytes, size_bytes, 0, before.moment + moment)
    return found


def _ahead(arrivals: Arrivals, kept: frozenset[str]) -> dict[Cell, StoredBytes]:
    found: dict[Cell, StoredBytes] = {}
    for upload, amount in arrivals.ahead.items():
        cell = _cell(upload, kept)
        found[cell] = found.get(cell, NOTHING).plus(StoredBytes(amount.size_bytes, amount.billable_bytes))
    return found


def _cell(of: UploadDay | Holding, kept: frozenset[str]) -> Cell:
    return Cell(of.storage_location, of.storage_class, of.org if of.org in kept else OTHER)


def _named(recent: Mapping[Uploader, Amount], kept: frozenset[str]) -> dict[Uploader, UploadSum]:
    found: dict[Uploader, UploadSum] = {}
    for uploader, amount in recent.items():
        key = uploader if uploader.org in kept else uploader._replace(org=OTHER)
        before = found.get(key, UploadSum(0, 0))
        found[key] = UploadSum(before.size_bytes + amount.size_bytes, before.writes + amount.objects)
    return found


def _downloaded(counted: Downloaded, kept: frozenset[str]) -> Downloaded:
    found: dict[str, dict[date, dict[str, int]]] = {}
    for location, by_day in counted.items():
        of_location = found.setdefault(location, {})
        for day, by_org in by_day.items():
            of_day = of_location.setdefault(day, {})
            for org, size_bytes in by_org.items():
                name = org if org in kept or org == SHARED else OTHER
                of_day[name] = of_day.get(name, 0) + size_bytes
    return found


def _cells(usage: Usage, most_orgs: int) -> tuple[dict[Cell, StoredBytes], frozenset[str]]:
    by_org: dict[str, int] = {}
    for holding, amount in usage.held.items():
        by_org[holding.org] = by_org.get(holding.org, 0) + amount.billable_bytes
    kept = frozenset(sorted(by_org, key=lambda org: (-by_org[org], org))[:most_orgs])
    cells: dict[Cell, StoredBytes] = {}
    for holding, amount in usage.held.items():
        cell = _cell(holding, kept)
        held = StoredBytes(amount.size_bytes, amount.billable_bytes, amount.incomplete_bytes)
        cells[cell] = cells.get(cell, NOTHING).plus(held)
    return cells, kept


def load(stored: StoredLedger | None, history: Iterable[HistoryEntry]) -> Ledger | None:
    """The ledger in a status; None if there is none yet."""
    if stored is None:
        return None
    return Ledger(
        at=stored.sampled_at,
        opened=stored.opened_at,
        breaks={date.fromisoformat(day) for day in stored.breaks},
        bases={basis.storage_location: basis.mark for basis in stored.bases},
        cells={
            Cell(cell.storage_location, cell.storage_class, cell.org): StoredBytes(
                cell.bytes, cell.billable_bytes, cell.incomplete_bytes
            )
            for cell in stored.cells
        },
        young={
            ClassDay(young.storage_location, young.storage_class, date.fromisoformat(young.date)): young.bytes
            for young in stored.young
        },
        recent=_load_recent(stored),
        byte_seconds={
            (meter.storage_location, meter.storage_class): int(meter.byte_seconds) for meter in stored.meters
        },
        downloads={traffic.storage_location: traffic.download_bytes for traffic in stored.traffic},
        writes={traffic.storage_location: traffic.writes for traffic in stored.traffic},
        reads=RecentDownloads(
            size_bytes={(read.storage_location, read.org): read.bytes for read in stored.reads},
            seconds={
                traffic.storage_location: traffic.counted_seconds
                for traffic in stored.traffic
                if traffic.counted_seconds
            },
        ),
        days={
            date.fromisoformat(entry.date): DayEntry(
                estimated=entry.estimated,
                orgs={org.name: _org_day(org) for org in entry.orgs},
            )
            for entry in history
            if len(entry.date) == _DATE_CHARS
        },
    )


def _load_recent(stored: StoredLedger) -> dict[Uploader, UploadSum] | None:
    if stored.recent_since is None:
        return None
    return {Uploader(one.storage_location, one.org): UploadSum(one.bytes, one.writes) for one in stored.recent}


def save_ledger(ledger: Ledger, *, scope: str) -> StoredLedger:
    """The ledger for the status. `scope` identifies what was counted."""
    youngest = sorted(ledger.young.items(), key=lambda item: -item[1])[:_MOST_YOUNG]
    young_at = sorted({of.storage_location for of, _ in youngest} & ledger.bases.keys())
    return StoredLedger(
        sampled_at=ledger.at,
        opened_at=ledger.opened,
        breaks=tuple(day.isoformat() for day in sorted(ledger.breaks)[-_MOST_BREAKS:]),
        bases=tuple(LedgerBasis(storage_location=name, mark=ledger.bases[name]) for name in young_at),
        cells=tuple(
            LedgerCell(
                storage_location=cell.storage_location,
                storage_class=cell.storage_class,
                org=cell.org,
                bytes=stored.size_bytes,
                billable_bytes=stored.billable_bytes,
                incomplete_bytes=stored.incomplete_bytes,
            )
            for cell, stored in sorted(ledger.cells.items())
        ),
        meters=tuple(
            LedgerMeter(storage_location=location, storage_class=name, byte_seconds=Decimal(seconds))
            for (location, name), seconds in sorted(ledger.byte_seconds.items())
        ),
        traffic=tuple(
            LedgerTraffic(
                storage_location=name,
                download_bytes=ledger.downloads.get(name, 0),
                writes=ledger.writes.get(name, 0),
                counted_seconds=ledger.reads.seconds.get(name, 0),
            )
            for name in sorted(ledger.downloads.keys() | ledger.writes.keys() | ledger.reads.seconds.keys())
        ),
        reads=_reads(ledger.reads),
        young=tuple(
            LedgerYoung(
                storage_location=of.storage_location,
                storage_class=of.storage_class,
                date=of.day.isoformat(),
                bytes=size_bytes,
            )
            for of, size_bytes in sorted(youngest)
        ),
        recent_since=None if ledger.recent is None else ledger.at - LATE_WITHIN,
        recent_scope=scope,
        recent=_save_recent(ledger.recent or {}),
    )


def _save_recent(recent: Recent) -> tuple[LedgerRecent, ...]:
    """The largest organisations by name; the others of a location share one row."""
    largest = sorted(recent.items(), key=lambda item: (-item[1].size_bytes, item[0]))
    kept = dict(largest[:_MOST_RECENT])
    for uploader, upload_sum in largest[_MOST_RECENT:]:
        key = uploader._replace(org=OTHER)
        before = kept.get(key, UploadSum(0, 0))
        kept[key] = UploadSum(before.size_bytes + upload_sum.size_bytes, before.writes + upload_sum.writes)
    return tuple(
        LedgerRecent(
            storage_location=uploader.storage_location,
            org=uploader.org,
            bytes=upload_sum.size_bytes,
            writes=upload_sum.writes,
        )
        for uploader, upload_sum in sorted(kept.items())
    )


def _reads(reads: RecentDownloads) -> tuple[LedgerRead, ...]:
    """The organisations with the most downloads; the others of a location share one row."""
    largest = sorted(reads.size_bytes.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(largest[:_MOST_READS])
    for (location, org), size_bytes in largest[_MOST_READS:]:
        key = (location, org if org == SHARED else OTHER)
        kept[key] = kept.get(key, 0) + size_bytes
    return tuple(
        LedgerRead(storage_location=location, org=org, bytes=size_bytes)
        for (location, org), size_bytes in sorted(kept.items())
    )


def save_history(ledger: Ledger, history: Iterable[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """Months, then days, the oldest first. `history` is that of the previous status: its months are kept."""
    months = {entry.date: entry for entry in history if len(entry.date) < _DATE_CHARS}
    oldest = _months_before(month_start(ledger.at).date(), MONTHS_BY_DAY - 1)
    rolled: dict[str, dict[date, DayEntry]] = {}
    for day, entry in ledger.days.items():
        if day < oldest:
            rolled.setdefault(f"{day:%Y-%m}", {})[day] = entry
    for month, days in rolled.items():
        if month not in months:
            months[month] = _month_entry(month, days)
    kept = [months[month] for month in sorted(months)[-MOST_MONTHS:]]
    kept += [_history_entry(day.isoformat(), entry) for day, entry in sorted(ledger.days.items()) if day >= oldest]
    for most in (10, 5, 1):
        if sum(_ORG_BYTES + len(org.name) for entry in kept for org in entry.orgs) <= _MOST_HISTORY_BYTES:
            break
        kept = [_with_fewer(entry, most) for entry in kept]
    return tuple(kept)


def _with_fewer(entry: HistoryEntry, most: int) -> HistoryEntry:
    """The entry with at most `most` named organisations; the others share one row."""
    orgs = {org.name: _org_day(org) for org in entry.orgs}
    return _history_entry(entry.date, DayEntry(estimated=entry.estimated, orgs=orgs), most=most)


def _months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _month_entry(month: str, days: Mapping[date, DayEntry]) -> HistoryEntry:
    merged = DayEntry(estimated=all(entry.estimated for entry in days.values()))
    for entry in days.values():
        for name, part in entry.orgs.items():
            _add(merged.org(name), part)
    for part in merged.orgs.values():
        part.storage_gb /= len(days)
    return _history_entry(month, merged)


def _history_entry(when: str, entry: DayEntry, *, most: int = MOST_HISTORY_ORGS - 1) -> HistoryEntry:
    """The entry with the largest organisations by name."""
    largest = sorted(
        (name for name in entry.orgs if name != OTHER),
        key=lambda name: (-entry.orgs[name].cost, -entry.orgs[name].storage_gb, name),
    )
    kept = {name: replace(entry.orgs[name]) for name in largest[:most]}
    rest = [name for name in entry.orgs if name not in kept]
    for name in rest:
        _add(kept.setdefault(OTHER, OrgDay()), entry.orgs[name])
    orgs = tuple(_history_org(name, part) for name, part in kept.items())
    return HistoryEntry(
        date=when,
        estimated=entry.estimated,
        # Sums of the rounded parts, so that the displayed numbers add up.
        storage_gb=sum((org.storage_gb for org in orgs), ZERO),
        upload_gb=sum((org.upload_gb for org in orgs), ZERO),
        download_gb=sum((org.download_gb for org in orgs), ZERO),
        api_requests=sum(org.api_requests for org in orgs),
        cost=sum((org.storage_cost + org.download_cost + org.request_cost for org in orgs), ZERO),
        orgs=orgs,
    )


def _add(into: OrgDay, part: OrgDay) -> None:
    for one in fields(OrgDay):
        setattr(into, one.name, getattr(into, one.name) + getattr(part, one.name))


def _history_org(name: str, part: OrgDay) -> HistoryOrg:
    return HistoryOrg(
        name=name,
        storage_gb=rounded(part.storage_gb, MICRO),
        upload_gb=rounded(part.upload_gb, MICRO),
        download_gb=rounded(part.download_gb, MICRO),
        api_requests=part.writes,
        storage_cost=rounded(part.storage_cost, MICRO),
        download_cost=rounded(part.download_cost, MICRO),
        request_cost=rounded(part.request_cost, MICRO),
    )


def _org_day(org: HistoryOrg) -> OrgDay:
    return OrgDay(
        storage_gb=org.storage_gb,
        upload_gb=org.upload_gb,
        download_gb=org.download_gb,
        writes=org.api_requests,
        storage_cost=org.storage_cost,
        download_cost=org.download_cost,
        request_cost=org.request_cost,
    )
