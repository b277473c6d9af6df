"""Values usage: days of usage and prices become charges.

The charge for a day is the bill of the month after it minus the bill before it, so that the days of a month add up to
its bill, with all tiers and free allowances. A bill is that of a group, which is an account: all of its locations,
whatever a report includes. Each line is divided between owners in proportion to their use of that day. So the charges
of a part of the owners are the same in every report.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.billing import SECONDS_PER_DAY, Bill, days_of, month_bill
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.lines import DOWNLOADS, MINIMUM, Line, class_of, storage_lines
from recording_operator.costs.money import MICRO, ZERO, exact, rounded
from recording_operator.costs.profile import Profile
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import EarlyDeletion, UsageDay, UsageDays
from recording_operator.usage.sample import OTHER, OwnerKey, State
from recording_operator.usage.sharing import share_whole

_NOBODY: Final = OwnerKey(OTHER, OTHER, OTHER, State.CURRENT)


class Owner(NamedTuple):
    """Who is charged: an owner in a location."""

    location: str
    key: OwnerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """Charges, and the usage without a price (by name)."""

    charges: tuple[Charge, ...]
    unpriced: frozenset[str]


def valued(usage: Mapping[str, UsageDays], terms: CostTerms) -> Valuation:
    """Value all days. `usage` is by location; locations without prices are left out."""
    charges: list[Charge] = []
    unpriced: frozenset[str] = frozenset()
    for locations in terms.groups().values():
        account = _Account(terms, {name: usage[name] for name in locations if name in usage})
        charges += account.charges()
        unpriced |= account.unpriced
    return Valuation(charges=tuple(charges), unpriced=unpriced)


def downloads_of(day: UsageDay, on: date, profile: Profile, terms: CostTerms) -> Iterator[tuple[OwnerKey, int]]:
    """Downloaded bytes by owner: counted, or else estimated."""
    month_s = days_of(on, profile.day_basis) * SECONDS_PER_DAY
    for key, volume in day.volumes.items():
        if day.counts_downloads:
            yield key, volume.downloaded_bytes
        elif key.state is not State.CURRENT:
            continue
        elif terms.playback_base is PlaybackBase.STORED:
            yield key, int(volume.stock_seconds.size_bytes * terms.playback_ratio / month_s)
        else:
            yield key, int(volume.uploaded_bytes * terms.playback_ratio)


@dataclass(slots=True)
class _Account:
    """One group: its bill of the month so far, day by day."""

    terms: CostTerms
    usage: Mapping[str, UsageDays]
    unpriced: frozenset[str] = frozenset()
    _amounts: dict[Line, int] = field(default_factory=dict)
    _valued_by: Profile | None = None
    _billed: Bill = field(default_factory=lambda: Bill(costs={}, unpriced=frozenset()))

    def charges(self) -> Iterator[Charge]:
        """All charges, in order of days."""
        days = sorted({day for location in self.usage.values() for day in location.days})
        month: date | None = None
        for day in days:
            if month != day.replace(day=1):
                month = day.replace(day=1)
                self._amounts, self._billed, self._valued_by = {}, Bill(costs={}, unpriced=frozenset()), None
            yield from self._day(day)

    def _day(self, day: date) -> Iterator[Charge]:
        used: dict[Line, dict[Owner, int]] = {}
        for location, days in self.usage.items():
            entry = days.days.get(day)
            if entry is not None:
                self._collect(used, location, entry, day)
                yield from self._early(location, entry.early_deletions, day)
        profile = self._profile(day)
        if self._valued_by is not None and profile != self._valued_by:
            # New prices apply from their date: what was used before them stays as it was billed.
            before_s = (day.day - 1) * SECONDS_PER_DAY
            self._billed = month_bill(profile, self._amounts, month=day, elapsed_seconds=before_s)
        self._valued_by = profile
        for line, owners in used.items():
            self._amounts[line] = self._amounts.get(line, 0) + sum(owners.values())
        bill = month_bill(profile, self._amounts, month=day, elapsed_seconds=self._elapsed_s(day))
        self.unpriced |= bill.unpriced
        yield from self._shared(day, profile, bill, used)
        self._billed = bill

    def _profile(self, day: date) -> Profile:
        return self.terms.prices[next(iter(self.usage))].on(day)

    def _elapsed_s(self, day: date) -> int:
        """Seconds of the month until the end of the day, or until the last sample."""
        until = max(days.until for days in self.usage.values())
        if until.date() == day:
            return (day.day - 1) * SECONDS_PER_DAY + until.hour * 3600 + until.minute * 60 + until.second
        return day.day * SECONDS_PER_DAY

    def _collect(self, used: dict[Line, dict[Owner, int]], location: str, entry: UsageDay, day: date) -> None:
        profile = self.terms.prices[location].on(day)
        for key, volume in entry.volumes.items():
            owner = Owner(location, key)
            for line, amount in storage_lines(profile, key, volume.stock_seconds):
                _add(used, line, owner, amount)
            if volume.writes:
                name = class_of(profile, key) or profile.default_storage_class
                _add(used, Line(ChargeKind.REQUESTS, name), owner, volume.writes)
        for key, size_bytes in downloads_of(entry, day, profile, self.terms):
            _add(used, DOWNLOADS, Owner(location, key), size_bytes)

    def _shared(
        self, day: date, profile: Profile, bill: Bill, used: Mapping[Line, Mapping[Owner, int]]
    ) -> Iterator[Charge]:
        """The growth of each line, divided between those who used it on this day."""
        for line in bill.costs.keys() | self._billed.costs.keys():
            grown = _micro(bill.costs.get(line, ZERO)) - _micro(self._billed.costs.get(line, ZERO))
            weights = used.get(line, {})
            if line == MINIMUM:
                weights = _stored_by(used)
            parts = share_whole(grown, {owner: amount for owner, amount in weights.items() if amount} or _nobody(self))
            owners: Iterable[Owner] = parts.keys() | weights.keys()
            for owner in owners:
                amount, part = weights.get(owner, 0), parts.get(owner, 0)
                if part or (amount and line != MINIMUM):
                    yield _charge(day, owner, line, profile, 0 if line == MINIMUM else amount, part)

    def _early(self, location: str, deletions: Iterable[EarlyDeletion], day: date) -> Iterator[Charge]:
        """The remaining minimum duration of objects that were deleted before its end."""
        profile = self.terms.prices[location].on(day)
        for deleted in deletions:
            price = profile.price_of(deleted.key.storage_class)
            left = price.min_days - (day - deleted.uploaded).days if price is not None else 0
            if price is None or left <= 0:
                continue
            size_bytes = deleted.stock.billable_bytes(
                least_bytes=price.min_object_bytes, overhead_bytes=price.overhead_bytes
            )
            with localcontext(exact()):
                volume = Decimal(size_bytes) * left / (profile.gb_bytes * days_of(day, profile.day_basis))
                yield Charge(
                    day=day,
                    location=location,
                    key=deleted.key,
                    kind=ChargeKind.EARLY_DELETION,
                    quantity=rounded(volume, MICRO),
                    unit="GB-month",
                    cost=rounded(volume * price.tiers[0].rate, MICRO),
                )


def _nobody(account: _Account) -> dict[Owner, int]:
    return {Owner(next(iter(account.usage)), _NOBODY): 1}


def _stored_by(used: Mapping[Line, Mapping[Owner, int]]) -> dict[Owner, int]:
    stored: dict[Owner, int] = {}
    for line, owners in used.items():
        if line.kind is ChargeKind.STORAGE:
            for owner, amount in owners.items():
                stored[owner] = stored.get(owner, 0) + amount
    return stored


def _charge(day: date, owner: Owner, line: Line, profile: Profile, amount: int, micros: int) -> Charge:
    quantity, unit = Decimal(amount), "requests"
    month_s = days_of(day, profile.day_basis) * SECONDS_PER_DAY
    if line.kind is ChargeKind.STORAGE or line.kind is ChargeKind.MINIMUM:
        quantity, unit = rounded(quantity / (profile.gb_bytes * month_s), MICRO), "GB-month"
    elif line.kind is ChargeKind.MONITORING:
        quantity, unit = rounded(quantity / month_s, MICRO), "object-months"
    elif line.kind is ChargeKind.DOWNLOADS:
        quantity, unit = rounded(quantity / profile.gb_bytes, MICRO), "GB"
    cost = Decimal(micros).scaleb(-6)
    return Charge(
        day=day, location=owner.location, key=owner.key, kind=line.kind, quantity=quantity, unit=unit, cost=cost
    )


def _micro(amount: Decimal) -> int:
    return int(rounded(amount, MICRO).scaleb(6))


def _add(used: dict[Line, dict[Owner, int]], line: Line, owner: Owner, amount: int) -> None:
    owners = used.setdefault(line, {})
    owners[owner] = owners.get(owner, 0) + amount


def month_after(day: date) -> date:
    """The first of the next month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
