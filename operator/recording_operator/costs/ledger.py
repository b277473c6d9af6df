"""The ledger: it turns samples into storage over time, and storage over time into costs of days.

Between two samples, objects with a date count from that date, and other changes are interpolated (`levels`). A day
without a sample is therefore interpolated, and marked as estimated.
The charge for a period is the bill of the month after it minus the bill before it, so that the days of a month add up
to its bill, with all tiers and free allowances.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, localcontext

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.arrivals import OTHER, Recent
from recording_operator.costs.billing import SECONDS_PER_DAY, Bill, MonthUsage, days_of, month_bill
from recording_operator.costs.downloads import RecentDownloads, counted_on, with_counted
from recording_operator.costs.levels import StorageLevels, byte_seconds
from recording_operator.costs.money import MICRO, ZERO, exact, share
from recording_operator.costs.sample import ArrivedBytes, Cell, Cells, CostTerms, Sample, StoredBytes
from recording_operator.costs.usage import ClassDay


@dataclass(slots=True, kw_only=True)
class OrgDay:
    """The share of an organisation in a day. `storage_gb` is the last value of the day, the others are sums."""

    storage_gb: Decimal = ZERO
    upload_gb: Decimal = ZERO
    download_gb: Decimal = ZERO
    writes: int = 0
    storage_cost: Decimal = ZERO
    download_cost: Decimal = ZERO
    request_cost: Decimal = ZERO

    @property
    def cost(self) -> Decimal:
        """All of it."""
        return self.storage_cost + self.download_cost + self.request_cost


@dataclass(slots=True, kw_only=True)
class DayEntry:
    """One day, by organisation."""

    estimated: bool = False
    orgs: dict[str, OrgDay] = field(default_factory=dict)

    def org(self, name: str) -> OrgDay:
        """The share of an organisation."""
        return self.orgs.setdefault(name, OrgDay())


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The ledger. `byte_seconds`, `downloads` and `writes` are those of the month of `at`."""

    at: datetime
    cells: dict[Cell, StoredBytes] = field(default_factory=dict)
    opened: datetime | None = None
    """When the first sample was taken. Earlier days are reconstructed, without deleted objects."""
    breaks: set[date] = field(default_factory=set)
    """Days on which a location was added, removed, or counted from another source. Projections ignore their changes."""
    young: dict[ClassDay, int] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    """By location: identifies what was counted when its `young` were counted."""
    recent: Recent | None = None
    byte_seconds: dict[tuple[str, str], int] = field(default_factory=dict)
    downloads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    reads: RecentDownloads = field(default_factory=RecentDownloads)
    days: dict[date, DayEntry] = field(default_factory=dict)

    def usage(self, group: str, terms: CostTerms, *, elapsed_seconds: int) -> MonthUsage:
        """The usage of the locations of a group in this month."""
        names = {name for name, priced in terms.prices.items() if priced.group == group}
        by_class: dict[str, int] = {}
        for (location, storage_class), seconds in self.byte_seconds.items():
            if location in names:
                by_class[storage_class] = by_class.get(storage_class, 0) + seconds
        return MonthUsage(
            byte_seconds=by_class,
            download_bytes=sum(size for name, size in self.downloads.items() if name in names),
            writes=sum(count for name, count in self.writes.items() if name in names),
            elapsed_seconds=elapsed_seconds,
        )

    def bills(self, terms: CostTerms, *, until: datetime) -> dict[str, Bill]:
        """The bill of each group for the month of `at` until `until`."""
        month = month_start(self.at)
        elapsed_s = int((until - month).total_seconds())
        return {
            group: month_bill(profile, self.usage(group, terms, elapsed_seconds=elapsed_s), month=month.date())
            for group, profile in terms.groups().items()
        }

    def month_cost(self) -> Decimal:
        """The cost of this month so far."""
        return self._cost_of(month_start(self.at).date(), self.at.date()) or ZERO

    def last_month_cost(self) -> Decimal | None:
        """The cost of the previous month; None if no day of it is known."""
        end = month_start(self.at).date()
        return self._cost_of(month_start(midnight(end) - timedelta(days=1)).date(), end - timedelta(days=1))

    def _cost_of(self, first: date, last: date) -> Decimal | None:
        days = [entry for day, entry in self.days.items() if first <= day <= last]
        with localcontext(exact()):
            return sum((part.cost for entry in days for part in entry.orgs.values()), ZERO) if days else None


def month_start(at: datetime) -> datetime:
    """Midnight (UTC) of the first of the month."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def open_ledger(sample: Sample, terms: CostTerms) -> Ledger:
    """A new ledger from the beginning of the month, derived from the dates of objects and of parts of open uploads.

    Objects that were deleted before the first sample are not included.
    """
    drawn = StorageLevels.of_first(sample)
    ledger = Ledger(at=month_start(sample.at), cells=dict(drawn.first))
    advance(ledger, sample, terms, estimated=True)
    ledger.recent, ledger.opened = sample.recent, sample.at
    ledger.young, ledger.bases = dict(sample.young), dict(sample.bases)
    return ledger


def advance(ledger: Ledger, sample: Sample, terms: CostTerms, *, estimated: bool = False) -> None:
    """Charge for the time since the last sample, and make the new sample the last.

    `estimated`: the ledger begins without a sample.
    """
    begin, end = ledger.at, sample.at
    if end <= begin:
        ledger.cells = dict(sample.cells)
        return
    _charge_early_deletions(ledger, sample, terms)
    drawn, whole = StorageLevels.between(ledger.cells, sample), Decimal((end - begin).total_seconds())
    for stop in _stops(begin, end):
        day = ledger.at.date()
        part = Decimal((stop - begin).total_seconds()) / whole
        level = dict(sample.cells) if stop == end else drawn.at(day, part)
        without_sample = (estimated or begin.date() < day) and day < end.date()
        stored = byte_seconds(ledger.cells, level, drawn.uploads.get(day, []), begin=ledger.at, end=stop)
        arrived = sample.arrived.get(day, {})
        used = _StretchUsage.of(stored, level, arrived, counted_on(sample.downloaded, day), day, terms)
        _charge(ledger, stop, level, arrived, used, terms, estimated=without_sample)
    ledger.reads.note(sample.downloaded, begin=begin, end=end)
    ledger.young, ledger.recent = _still_young(ledger, sample, terms), sample.recent
    ledger.bases = ledger.bases | dict(sample.bases)


def midnight(day: date) -> datetime:
    """The beginning of a day in UTC."""
    return datetime.combine(day, time(0), UTC)


def _stops(begin: datetime, end: datetime) -> Iterator[datetime]:
    """The midnights between `begin` and `end`, and the end."""
    stop = midnight(begin.date() + timedelta(days=1))
    while stop < end:
        yield stop
        stop += timedelta(days=1)
    yield end


def _charge(
    ledger: Ledger,
    stop: datetime,
    level: dict[Cell, StoredBytes],
    arrived: Mapping[Cell, ArrivedBytes],
    used: "_StretchUsage",
    terms: CostTerms,
    *,
    estimated: bool,
) -> None:
    """Charge for a period within a day."""
    before = ledger.bills(terms, until=ledger.at)
    entry = ledger.days.setdefault(ledger.at.date(), DayEntry(estimated=True))
    entry.estimated = entry.estimated and estimated
    for cell, amount in used.billable_seconds.items():
        key = (cell.storage_location, cell.storage_class)
        ledger.byte_seconds[key] = ledger.byte_seconds.get(key, 0) + amount
    for cell, amount in used.downloads.items():
        ledger.downloads[cell.storage_location] = ledger.downloads.get(cell.storage_location, 0) + amount
    for cell, uploaded in arrived.items():
        ledger.writes[cell.storage_location] = ledger.writes.get(cell.storage_location, 0) + uploaded.writes
    after = ledger.bills(terms, until=stop)
    for group in after:
        _book(entry, group, before[group], after[group], used, terms)
    _note_amounts(entry, level, arrived, used, terms)
    ledger.at, ledger.cells = stop, level
    if stop == month_start(stop):
        ledger.byte_seconds, ledger.downloads, ledger.writes = {}, {}, {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _StretchUsage:
    """The usage of a period."""

    billable_seconds: dict[Cell, int]
    downloads: dict[Cell, int]
    writes: dict[Cell, int]

    @classmethod
    def of(
        cls,
        stored: Cells,
        level: Cells,
        arrived: Mapping[Cell, ArrivedBytes],
        counted: Mapping[str, Mapping[str, int]],
        day: date,
        terms: CostTerms,
    ) -> "_StretchUsage":
        """`stored` is bytes times seconds; `level` is the stored bytes at the end."""
        downloads = {}
        for cell, amount in stored.items():
            priced = terms.prices.get(cell.storage_location)
            if priced is not None and terms.playback_base is PlaybackBase.STORED:
                month_s = days_of(day, priced.profile.day_basis) * SECONDS_PER_DAY
                downloads[cell] = int(amount.readable_bytes * terms.playback_ratio / month_s)
        if terms.playback_base is PlaybackBase.UPLOADED:
            downloads = {cell: int(uploaded.size_bytes * terms.playback_ratio) for cell, uploaded in arrived.items()}
        return cls(
            billable_seconds={cell: amount.billable_bytes for cell, amount in stored.items()},
            downloads=with_counted(downloads, counted, level),
            writes={cell: uploaded.writes for cell, uploaded in arrived.items()},
        )


def _book(entry: DayEntry, group: str, before: Bill, after: Bill, used: _StretchUsage, terms: CostTerms) -> None:
    """Divide the growth of a group's bill between organisations, each kind of cost in proportion to its usage."""

    def weights(of: Mapping[Cell, int], storage_class: str | None = None) -> dict[str, int]:
        found: dict[str, int] = {}
        for cell, amount in of.items():
            priced = terms.prices.get(cell.storage_location)
            same_class = storage_class is None or cell.storage_class == storage_class
            if priced is not None and priced.group == group and same_class:
                found[cell.org] = found.get(cell.org, 0) + amount
        return found or {OTHER: 1}

    for name, amount in after.storage.items():
        grown = amount - before.storage.get(name, ZERO)
        for org, part in _parts(grown, weights(used.billable_seconds, name)):
            entry.org(org).storage_cost += part
    for org, part in _parts(after.downloads - before.downloads, weights(used.downloads)):
        entry.org(org).download_cost += part
    for org, part in _parts(after.requests - before.requests, weights(used.writes)):
        entry.org(org).request_cost += part


def _parts(grown: Decimal, weights: Mapping[str, int]) -> Iterator[tuple[str, Decimal]]:
    if grown:
        yield from share(grown, weights, quantum=MICRO).items()


def _note_amounts(
    entry: DayEntry, level: Cells, arrived: Mapping[Cell, ArrivedBytes], used: _StretchUsage, terms: CostTerms
) -> None:
    gb = _gigabytes(terms)
    for part in entry.orgs.values():
        part.storage_gb = ZERO
    for cell, stored in level.items():
        entry.org(cell.org).storage_gb += gb(cell, stored.size_bytes)
    for cell, uploaded in arrived.items():
        entry.org(cell.org).upload_gb += gb(cell, uploaded.size_bytes)
        entry.org(cell.org).writes += uploaded.writes
    for cell, size_bytes in used.downloads.items():
        entry.org(cell.org).download_gb += gb(cell, size_bytes)


def _gigabytes(terms: CostTerms) -> Callable[[Cell, int], Decimal]:
    def gb(cell: Cell, size_bytes: int) -> Decimal:
        priced = terms.prices.get(cell.storage_location)
        return Decimal(size_bytes) / (priced.profile.gb_bytes if priced else 10**9)

    return gb


def _charge_early_deletions(ledger: Ledger, sample: Sample, terms: CostTerms) -> None:
    """Charge the remaining minimum duration of objects that were deleted (or moved) before its end.

    They are found by comparing the bytes of each day and class with those of the last sample. This is only possible if
    both samples counted the same keys: objects that are not counted have not been deleted.
    """
    for of, size_bytes in ledger.young.items():
        priced = terms.prices.get(of.storage_location)
        price = priced.profile.price_of(of.storage_class) if priced else None
        gone = size_bytes - sample.young.get(of, 0) - sample.unattributed_young.get(of, 0)
        basis = sample.bases.get(of.storage_location)
        if priced is None or price is None or gone <= 0 or basis is None:
            continue
        left = _days_left(of, sample.at, terms)
        if left <= 0 or basis != ledger.bases.get(of.storage_location):
            continue
        days = days_of(of.day, priced.profile.day_basis)
        gb_months = Decimal(gone) * left / (priced.profile.gb_bytes * days)
        entry = ledger.days.setdefault(sample.at.date(), DayEntry())
        for org, part in _parts(gb_months * price.tiers[0].rate, {OTHER: 1}):
            entry.org(org).storage_cost += part


def _days_left(of: ClassDay, at: datetime, terms: CostTerms) -> int:
    """Remaining days of the minimum duration of a class, for objects uploaded on a day."""
    priced = terms.prices.get(of.storage_location)
    price = priced.profile.price_of(of.storage_class) if priced else None
    return price.min_days - (at.date() - of.day).days if price else 0


def _still_young(ledger: Ledger, sample: Sample, terms: CostTerms) -> dict[ClassDay, int]:
    """The young bytes of the sample, and the previous ones of locations that could not be listed this time."""
    unseen = {
        of: size_bytes
        for of, size_bytes in ledger.young.items()
        if of.storage_location not in sample.bases and _days_left(of, sample.at, terms) > 0
    }
    return unseen | dict(sample.young)
