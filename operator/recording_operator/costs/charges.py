"""Values usage: days of usage and prices become charges.

The charge for a day is the bill of the month after it minus the bill before it, so that the days of a month add up to
its bill, with all tiers and free allowances. A bill is that of a group, which is an account: all of its locations,
whatever a report includes. Each line is divided between owners in proportion to their use of that day. So the charges
of a part of the owners are the same in every report.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import groupby
from typing import Final, NamedTuple

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.billing import days_of, month_bill
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.lines import DOWNLOADS, MINIMUM, Line, usage_lines
from recording_operator.costs.money import MICRO, ZERO, exact, micros_of, of_micros, rounded
from recording_operator.costs.profile import Profile
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDay, UsageDays
from recording_operator.usage.levels import SECONDS_PER_DAY
from recording_operator.usage.sample import OTHER, OwnerKey, State
from recording_operator.usage.sharing import share_whole
from recording_operator.usage.sums import second_of

_NOBODY: Final = OwnerKey(OTHER, OTHER, OTHER, State.CURRENT)


class LocationOwner(NamedTuple):
    """Who is charged: an owner in a location."""

    location: str
    key: OwnerKey


Used = dict[Line, dict[LocationOwner, int]]
"""The amounts on each line of a bill, by owner."""


def valued(usage: Mapping[str, UsageDays], terms: CostTerms) -> tuple[Charge, ...]:
    """Value all days. `usage` is by location; locations without prices are left out."""
    charges: list[Charge] = []
    with localcontext(exact()):
        for locations in terms.groups().values():
            of_group = {name: usage[name] for name in locations if name in usage}
            days = sorted({day for found in of_group.values() for day in found.days})
            for _, month in groupby(days, key=lambda day: day.replace(day=1)):
                account = _MonthAccount(terms, of_group)
                for day in month:
                    charges += account.charge(day)
    return tuple(charges)


def downloads_of(day: UsageDay, on: date, profile: Profile, terms: CostTerms) -> Iterator[tuple[OwnerKey, int]]:
    """Downloaded bytes by owner: what was counted, and an estimate where it was not."""
    of_stored = terms.playback.base is PlaybackBase.STORED
    numerator, denominator = terms.playback.ratio.as_integer_ratio()
    if of_stored:
        denominator *= days_of(on, profile.day_basis) * SECONDS_PER_DAY
    for key, volume in day.volumes.items():
        size_bytes = volume.downloaded_bytes
        if not day.counts_downloads and key.state is State.CURRENT:
            if of_stored:
                base = volume.stock_seconds.size_bytes - volume.counted_byte_seconds
            else:
                base = volume.uploaded_bytes - volume.counted_uploaded_bytes
            size_bytes += max(base, 0) * numerator // denominator
        if size_bytes:
            yield key, size_bytes


@dataclass(slots=True)
class _MonthAccount:
    """The bill of one group for the month so far. `charge` is called for each day in order."""

    terms: CostTerms
    usage: Mapping[str, UsageDays]
    _billed: dict[Line, Decimal] = field(default_factory=dict)
    _amounts: Counter[Line] = field(default_factory=Counter)
    _downloaded: Counter[LocationOwner] = field(default_factory=Counter)
    _prices: Profile | None = None
    _days: list[date] = field(default_factory=list)

    def charge(self, day: date) -> list[Charge]:
        """The charges for a day."""
        profile = self.terms.prices[next(iter(self.usage))].on(day)
        if self._prices not in (None, profile):
            self._value_again(profile)
        self._prices = profile
        used, before = self._used(day, profile), self._billed
        self._add(used, day, profile)
        charges = list(self._early_deletions(day, profile))
        # A line that is gone from the bill, such as a minimum that was reached, is given back.
        for line in dict.fromkeys([*self._billed, *before]):
            grown = micros_of(self._billed.get(line, ZERO)) - micros_of(before.get(line, ZERO))
            charges += self._shared(line, grown, used, _unit_of(line, profile, day), day)
        return charges

    def _value_again(self, profile: Profile) -> None:
        """Begin with the bill of the days so far at other prices. What they were charged stays as it was."""
        days, self._days = self._days, []
        self._amounts.clear()
        self._downloaded.clear()
        for day in days:
            self._add(self._used(day, profile), day, profile)

    def _add(self, used: Used, day: date, profile: Profile) -> None:
        self._days.append(day)
        for line, owners in used.items():
            self._amounts[line] += sum(owners.values())
        self._downloaded.update(used.get(DOWNLOADS, {}))
        self._billed = month_bill(profile, self._amounts, month=day, elapsed_seconds=self._elapsed_s(day))

    def _entries(self, day: date) -> list[tuple[str, UsageDay]]:
        """The usage of a day, with the locations."""
        return [(name, usage.days[day]) for name, usage in self.usage.items() if day in usage.days]

    def _elapsed_s(self, day: date) -> int:
        """Seconds of the month until the end of the day, or until the last sample."""
        until = max(usage.until for usage in self.usage.values())
        if until.date() == day:
            return (day.day - 1) * SECONDS_PER_DAY + second_of(until)
        covered = max(entry.days for _, entry in self._entries(day))
        return (day.day - 1 + covered) * SECONDS_PER_DAY

    def _used(self, day: date, profile: Profile) -> Used:
        used: Used = defaultdict(lambda: defaultdict(int))
        for location, entry in self._entries(day):
            for key, volume in entry.volumes.items():
                owner = LocationOwner(location, key)
                for line, amount in usage_lines(profile, key, volume):
                    used[line][owner] += amount
            for key, size_bytes in downloads_of(entry, day, profile, self.terms):
                used[DOWNLOADS][LocationOwner(location, key)] = size_bytes
        return used

    def _shared(self, line: Line, micros: int, used: Used, unit: tuple[str, int], day: date) -> list[Charge]:
        """The growth of a line, divided between those who used it on this day."""
        amounts = {owner: amount for owner, amount in used.get(line, {}).items() if amount}
        weights = _stored_by(used) if line == MINIMUM else amounts
        if micros and not weights:
            # Downloads become cheaper without being used if the free amount grows with what is stored.
            weights = self._downloaded if line == DOWNLOADS else {}
            weights = weights or {LocationOwner(next(iter(self.usage)), _NOBODY): 1}
        name, size = unit
        return [
            # By position: with names, it would take twice as long.
            Charge(day, *owner, line.kind, _quantity(amounts.get(owner, 0), size), name, of_micros(part))
            for owner, part in share_whole(micros, weights).items()
            if part or owner in amounts
        ]

    def _early_deletions(self, day: date, profile: Profile) -> Iterator[Charge]:
        """The rest of the minimum duration of objects that were deleted before its end."""
        for location, entry in self._entries(day):
            for deleted in entry.early_deletions:
                price = profile.price_of(deleted.key.storage_class)
                left = price.min_days - (day - deleted.uploaded).days if price is not None else 0
                if price is not None and left > 0:
                    size_bytes = deleted.stock.billable_bytes(
                        least_bytes=price.min_object_bytes, overhead_bytes=price.overhead_bytes
                    )
                    volume = Decimal(size_bytes) * left / (profile.gb_bytes * days_of(day, profile.day_basis))
                    quantity, cost = rounded(volume, MICRO), rounded(volume * price.tiers[0].rate, MICRO)
                    yield Charge(day, location, deleted.key, ChargeKind.EARLY_DELETION, quantity, "GB-month", cost)


def _unit_of(line: Line, profile: Profile, day: date) -> tuple[str, int]:
    """The unit of the quantities on a line, and how many of the line's amount it is."""
    month_s = days_of(day, profile.day_basis) * SECONDS_PER_DAY
    match line.kind:
        case ChargeKind.REQUESTS:
            return "requests", 1
        case ChargeKind.DOWNLOADS:
            return "GB", profile.gb_bytes
        case ChargeKind.MONITORING:
            return "object-months", month_s
        case _:
            return "GB-month", profile.gb_bytes * month_s


def _quantity(amount: int, size: int) -> Decimal:
    """The amount in a unit of this size, to the millionth."""
    return Decimal(amount) if size == 1 else of_micros((2 * amount * 1_000_000 + size) // (2 * size))


def month_after(day: date) -> date:
    """The first of the next month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def month_before(day: date) -> date:
    """The first of the month before."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _stored_by(used: Used) -> dict[LocationOwner, int]:
    stored: Counter[LocationOwner] = Counter()
    for line, owners in used.items():
        if line.kind is ChargeKind.STORAGE:
            stored.update(owners)
    return {owner: amount for owner, amount in stored.items() if amount}
