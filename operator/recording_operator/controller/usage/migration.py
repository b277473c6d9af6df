"""Converts the accounts that earlier versions kept in StorageReports to the first sample of each location.

An account has the last count by location, class and organisation, sums of the month by location and class, and a
history of days and months by organisation. The sums of the month stay as they are, so that its bill is the same; they
are divided between days and organisations so that each costs what the history says. A history of several locations is
divided between them in proportion to the bytes of the last count.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import DownloadSource, LocationRow, ReportSource, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.controller.usage.counter import StorageClasses
from recording_operator.controller.usage.division import divided
from recording_operator.controller.usage.ledger import StoredLedger
from recording_operator.controller.usage.means import days_of, is_day, mean_gb
from recording_operator.kube.client import KubeApi
from recording_operator.usage.levels import SECONDS_PER_DAY
from recording_operator.usage.sample import UNKNOWN, ArrivalRow, Carry, PastRow, State, StockRow, UsageSample
from recording_operator.usage.sharing import share_whole
from recording_operator.usage.window import LATE_WITHIN

_NOTE: Final = "Usage of {location} until {at} UTC was converted from the account of an earlier version."
_NO_NAMESPACES: Final = " It had organisations, but no namespaces."
_logger = logging.getLogger(__name__)


class PastKey(NamedTuple):
    """A day (or month) of the history, an organisation and a storage class."""

    begin: date
    end: date
    org: str
    storage_class: str


@dataclass(slots=True)
class _Past:
    byte_seconds: int = 0
    uploaded_bytes: int = 0
    writes: int = 0
    downloaded_bytes: int = 0
    size_bytes: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of one report."""

    report: str
    orgs: frozenset[str]
    namespaces: frozenset[str]
    ledger: StoredLedger
    history: tuple[HistoryEntry, ...]
    rows: tuple[LocationRow, ...]

    @property
    def has_all(self) -> bool:
        """Whether it includes all owners."""
        return not self.orgs and not self.namespaces

    @property
    def namespace(self) -> str:
        """The namespace of all that it includes, if that is known."""
        return next(iter(self.namespaces)) if len(self.namespaces) == 1 else UNKNOWN

    def is_apart_from(self, other: "Account") -> bool:
        """Whether they have nothing in common."""
        pairs = (self.orgs, other.orgs), (self.namespaces, other.namespaces)
        return any(ours and theirs and not ours & theirs for ours, theirs in pairs)

    def has(self, location: str) -> bool:
        """Whether the location was counted."""
        ledger = self.ledger
        names = {row.storage_location for row in ledger.cells}
        names |= {row.storage_location for row in ledger.meters} | {row.storage_location for row in ledger.traffic}
        return location in names


class Migration:
    """Finds the first sample of a location in the accounts of all StorageReports."""

    def __init__(self, *, kube: KubeApi, classes_of: Callable[[StorageLocation], StorageClasses]) -> None:
        self._kube = kube
        self._classes_of = classes_of
        self._is_done = False
        """No report has an account any more; none gets one again."""

    def first_sample(self, location: StorageLocation) -> UsageSample | None:
        """The sample that the samples of a location begin with, if an account has the location. Raises KubeError."""
        if self._is_done:
            return None
        accounts = accounts_of(self._kube.list_reports())
        self._is_done = not accounts
        return converted(accounts, location.metadata.name, classes=self._classes_of(location))


def accounts_of(reports: Iterable[Mapping[str, Any]]) -> list[Account]:
    """The accounts in StorageReports (dicts from the API server)."""
    found = []
    for raw in reports:
        if not (raw.get("status") or {}).get("ledger"):
            continue
        try:
            report = StorageReport.model_validate(raw)
            ledger = StoredLedger.model_validate(report.status.ledger)
        except ValidationError:
            extra = {"report": str(raw["metadata"]["name"])}
            _logger.error("The account in status.ledger cannot be read, and is not converted", extra=extra)
            continue
        scope = report.spec.scope
        found.append(
            Account(
                report=report.metadata.name,
                orgs=frozenset(scope.orgs),
                namespaces=frozenset(scope.namespaces),
                ledger=ledger,
                history=report.status.history,
                rows=report.status.by_storage_location,
            )
        )
    return found


def chosen(accounts: Iterable[Account], location: str) -> list[Account]:
    """The accounts that together describe a location, without anything twice.

    One of all owners, if there is one, else those of different organisations or namespaces, the one with the most bytes
    first.
    """
    having = sorted(
        (account for account in accounts if account.has(location)),
        key=lambda account: (not account.has_all, -_bytes_in(account, location), account.report),
    )
    taken: list[Account] = []
    for account in having:
        if all(account.is_apart_from(other) for other in taken):
            taken.append(account)
    return taken


def converted(accounts: Iterable[Account], location: str, *, classes: StorageClasses) -> UsageSample | None:
    """The first sample of a location; None without accounts. `classes` are those of its prices."""
    taken = chosen(accounts, location)
    if not taken:
        return None
    at = max(account.ledger.sampled_at for account in taken)
    row = next((row for account in taken for row in account.rows if row.name == location), None)
    parts = [_Conversion(account, location, classes=classes) for account in taken]
    no_namespaces = _NO_NAMESPACES if any(account.namespace == UNKNOWN for account in taken) else ""
    return UsageSample(
        location=location,
        at=at,
        source=row.source if row is not None else ReportSource.INVENTORY,
        download_source=row.downloads if row is not None else DownloadSource.PLAYBACK,
        profile=row.profile if row is not None else "",
        stored=tuple(stored for part in parts for stored in part.stored()),
        past=tuple(past for part in parts for past in part.past()),
        notes=(_NOTE.format(location=location, at=f"{at:%Y-%m-%d %H:%M}") + no_namespaces,),
        carry=Carry(recent=_recent(taken, location)),
    )


def _recent(taken: Iterable[Account], location: str) -> tuple[ArrivalRow, ...]:
    """Uploads before the last count, with which the next count finds late ones. Unknown unless of all owners."""
    return tuple(
        ArrivalRow(
            org=row.org,
            namespace=UNKNOWN,
            storage_class="",
            day=account.ledger.sampled_at.date(),
            size_bytes=row.bytes,
            writes=row.writes,
        )
        for account in taken
        for row in account.ledger.recent
        if row.storage_location == location
        and account.has_all
        and account.ledger.recent_since == account.ledger.sampled_at - LATE_WITHIN
    )


@dataclass(slots=True)
class _Conversion:
    """Converts what one account has of one location."""

    account: Account
    location: str
    classes: StorageClasses = field(kw_only=True)
    _rows: dict[PastKey, _Past] = field(default_factory=dict)

    def stored(self) -> Iterator[StockRow]:
        """The last count. Objects are not known."""
        for cell in self.account.ledger.cells:
            if cell.storage_location != self.location:
                continue
            amounts = {State.CURRENT: cell.bytes - cell.incomplete_bytes, State.INCOMPLETE: cell.incomplete_bytes}
            for state, size_bytes in amounts.items():
                if size_bytes > 0:
                    yield StockRow(
                        org=cell.org,
                        namespace=self.account.namespace,
                        storage_class=cell.storage_class,
                        state=state,
                        size_bytes=size_bytes,
                    )

    def past(self) -> list[PastRow]:
        """The days and months of the history."""
        means = mean_gb(self.account.history, until=self.account.ledger.sampled_at)
        for entry in self.account.history:
            self._add_entry(entry, means)
        self._add_month()
        return [
            PastRow(
                begin=key.begin,
                end=key.end,
                org=key.org,
                namespace=self.account.namespace,
                storage_class=key.storage_class,
                byte_seconds=row.byte_seconds,
                uploaded_bytes=row.uploaded_bytes,
                writes=row.writes,
                downloaded_bytes=row.downloaded_bytes,
                size_bytes=row.size_bytes,
                estimated=row.estimated,
            )
            for key, row in sorted(self._rows.items())
        ]

    # History

    def _add_entry(self, entry: HistoryEntry, means: Mapping[tuple[str, str], Decimal]) -> None:
        """Stock of a day or month, and what happened on it; of this month only the stock, whose sums are known."""
        begin, end = days_of(entry.date)
        in_month = begin >= self._month()
        for org in entry.orgs:
            held, mean = self._bytes(org.storage_gb), self._bytes(means[entry.date, org.name])
            seconds = ((end - begin).days + 1) * SECONDS_PER_DAY
            for name, part in self._by_class(held, org.name).items():
                self._row(entry, org, name).size_bytes += part
            uploads = self._row(entry, org, self.classes.default)
            uploads.uploaded_bytes += self._part(self._bytes(org.upload_gb), org.name)
            if in_month:
                continue
            for name, part in self._by_class(mean * seconds, org.name).items():
                self._row(entry, org, name).byte_seconds += part
            uploads.downloaded_bytes += self._part(self._bytes(org.download_gb), org.name)
            uploads.writes += self._part(org.api_requests, org.name)

    def _add_month(self) -> None:
        """The sums of this month, divided between the days and organisations of the history."""
        ledger, used = self.account.ledger, self._month_days()
        stored = {key: org.storage_cost for key, (_, org) in used.items()}
        if not any(stored.values()):
            stored = {key: org.storage_gb + 1 for key, (_, org) in used.items()}
        sums = {
            meter.storage_class: int(meter.byte_seconds)
            for meter in ledger.meters
            if meter.storage_location == self.location
        }
        shares = {(key, name): self._share(key[1], name) for key in used for name in sums}
        rates = {name: self.classes.rate(name) for name in sums}
        for name, weights in divided(stored, shares=shares, sums=sums, rates=rates).items():
            for key, part in share_whole(sums[name], weights).items():
                self._row(*used[key], name).byte_seconds += part
        otherwise = {key: _micro(amount) for key, amount in stored.items()}
        for traffic in ledger.traffic:
            if traffic.storage_location == self.location:
                downloads = {key: _micro(org.download_gb) for key, (_, org) in used.items()}
                for key, part in self._shared(traffic.download_bytes, downloads, otherwise).items():
                    self._row(*used[key], self.classes.default).downloaded_bytes += part
                writes = {key: org.api_requests for key, (_, org) in used.items()}
                for key, part in self._shared(traffic.writes, writes, otherwise).items():
                    self._row(*used[key], self.classes.default).writes += part

    def _shared(
        self, amount: int, weights: Mapping[tuple[date, str], int], otherwise: Mapping[tuple[date, str], int]
    ) -> dict[tuple[date, str], int]:
        return share_whole(amount, weights if any(weights.values()) else otherwise)

    def _month_days(self) -> dict[tuple[date, str], tuple[HistoryEntry, HistoryOrg]]:
        """The days of this month by organisation. At least the last one."""
        month = self._month()
        found = {
            (date.fromisoformat(entry.date), org.name): (entry, org)
            for entry in self.account.history
            if is_day(entry.date) and date.fromisoformat(entry.date) >= month
            for org in entry.orgs
        }
        day = (self.account.ledger.sampled_at - timedelta(microseconds=1)).date()
        alone = HistoryEntry(date=day.isoformat()), HistoryOrg(name=UNKNOWN)
        return found or {(day, UNKNOWN): alone}

    def _month(self) -> date:
        """The first day of the month whose sums are known. At its first moment, they are those of no time."""
        return self.account.ledger.sampled_at.date().replace(day=1)

    def _row(self, entry: HistoryEntry, org: HistoryOrg, storage_class: str) -> _Past:
        begin, end = days_of(entry.date)
        row = self._rows.setdefault(PastKey(begin, end, org.name, storage_class), _Past())
        row.estimated = entry.estimated
        return row

    # Shares

    def _bytes(self, gigabytes: Decimal) -> int:
        return int(gigabytes * self.classes.gb_bytes)

    def _by_class(self, amount: int, org: str) -> dict[str, int]:
        """The part of an organisation's amount that is in this location, by storage class."""
        weights = {
            cell.storage_class: self._weight(org, cell.storage_class)
            for cell in self.account.ledger.cells
            if cell.storage_location == self.location
        }
        if not any(weights.values()):
            weights = {
                meter.storage_class: int(meter.byte_seconds)
                for meter in self.account.ledger.meters
                if meter.storage_location == self.location
            }
        return share_whole(self._part(amount, org), weights or {self.classes.default: 1})

    def _part(self, amount: int, org: str) -> int:
        """The part of an organisation's amount that is in this location: by its stored bytes, else by those of all."""
        ledger = self.account.ledger
        names = {row.storage_location for row in ledger.traffic} | {row.storage_location for row in ledger.meters}
        by_org, by_all = dict.fromkeys(sorted(names), 0), dict.fromkeys(sorted(names), 0)
        for cell in ledger.cells:
            by_all[cell.storage_location] = by_all.get(cell.storage_location, 0) + cell.bytes
            if cell.org == org:
                by_org[cell.storage_location] = by_org.get(cell.storage_location, 0) + cell.bytes
        return share_whole(amount, by_org if any(by_org.values()) else by_all).get(self.location, 0)

    def _share(self, org: str, storage_class: str) -> Decimal:
        """The part of an organisation that is in this location and class: by its bytes, else by the sums of all."""
        ledger, place = self.account.ledger, (self.location, storage_class)
        held = {(cell.storage_location, cell.storage_class): cell.bytes for cell in ledger.cells if cell.org == org}
        if not any(held.values()):
            held = {(one.storage_location, one.storage_class): int(one.byte_seconds) for one in ledger.meters}
        return Decimal(held.get(place, 0)) / (sum(held.values()) or 1)

    def _weight(self, org: str, storage_class: str) -> int:
        place = (self.location, storage_class, org)
        return sum(
            cell.bytes
            for cell in self.account.ledger.cells
            if (cell.storage_location, cell.storage_class, cell.org) == place
        )


def _bytes_in(account: Account, location: str) -> int:
    return sum(cell.bytes for cell in account.ledger.cells if cell.storage_location == location)


def _micro(amount: Decimal) -> int:
    return int(amount * 1_000_000)
