"""Usage that has not happened yet, as days. Their charges come from the same billing as those of real days.

Flat: everything stays as it is. WeekdayTrend, with at least two weeks of days: stored bytes grow as on the same
weekdays before (meetings are held on weekdays). docs/cost-rules.md contains the back-test.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from recording_operator.costs.billing import days_of
from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.charges import LocationOwner, month_after, valued
from recording_operator.costs.money import micros_of, of_micros
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.trend import Levels, Trend, grown, trend_of
from recording_operator.usage.days import UsageDay, UsageDays
from recording_operator.usage.levels import SECONDS_PER_DAY, levels_of
from recording_operator.usage.sample import OwnerKey, UsageSample
from recording_operator.usage.sharing import share_whole
from recording_operator.usage.stock import NOTHING, Stock
from recording_operator.usage.timeline import midnight

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationOutlook:
    """What is known of a location at its newest sample: its days, the stock, and how usage develops."""

    usage: UsageDays
    stock: Mapping[OwnerKey, Stock]
    trend: Trend

    @classmethod
    def of(cls, usage: UsageDays, newest: UsageSample) -> "LocationOutlook":
        """The outlook of a location."""
        return cls(usage=usage, stock=levels_of(newest), trend=trend_of(usage))

    def projected(self, *, begin: date, end: date) -> UsageDays:
        """The real days from `begin` on, and made-up days until `end` (exclusive)."""
        days = {day: entry for day, entry in self.usage.days.items() if begin <= day < end}
        for day, made_up in self._made_up(end):
            if day >= begin:
                days[day] = _sum_of(days[day], made_up) if day in days else made_up
        until = midnight(end)
        return UsageDays(location=self.usage.location, days=days, until=until, opened=self.usage.opened)

    def whole_month(self, last_day: date, *, days: int) -> UsageDays:
        """A month of so many days in which everything stays as it is, as the usage of its last day."""
        levels = self._levels()
        entry = self._day(levels, levels, 0, days * SECONDS_PER_DAY)
        return UsageDays(location=self.usage.location, days={last_day: entry}, until=midnight(last_day + _DAY))

    def _levels(self) -> Levels:
        return {key: stock.size_bytes for key, stock in self.stock.items()}

    def _made_up(self, end: date) -> Iterator[tuple[date, UsageDay]]:
        """The days from the last sample on. The first one is the rest of a day."""
        levels = self._levels()
        owners = {key[:2] for key, size_bytes in levels.items() if size_bytes}
        growth = {
            weekday: {key: amount for key, amount in of_weekday.items() if key[:2] in owners}
            for weekday, of_weekday in self.trend.growth.items()
        }
        begin, passed_s = self.usage.until, 0
        while begin.date() < end:
            stop = midnight(begin.date() + _DAY)
            seconds = int((stop - begin).total_seconds())
            after = grown(levels, growth.get(begin.weekday(), {}), seconds)
            yield begin.date(), self._day(levels, after, passed_s, seconds)
            levels, begin, passed_s = after, stop, passed_s + seconds

    def _day(self, levels: Levels, after: Levels, passed_s: int, seconds: int) -> UsageDay:
        entry = UsageDay(counts_downloads=self.trend.downloads is not None)
        held_twice = {key: levels.get(key, 0) + level for key, level in after.items()}
        for key, twice in held_twice.items():
            stock = self.stock.get(key, NOTHING)
            if stock.size_bytes:
                held = stock.times(seconds).part(twice, 2 * stock.size_bytes)
            else:
                held = stock.times(seconds).plus(Stock(size_bytes=twice * seconds // 2))
            if held != NOTHING:
                entry.volume(key).stock_seconds = held
        for key, amounts in self.trend.uploads.between(passed_s, passed_s + seconds):
            volume = entry.volume(key)
            volume.uploaded_bytes, volume.uploaded_objects, volume.writes = amounts
        if self.trend.downloads is not None:
            for key, [size_bytes] in self.trend.downloads.between(passed_s, passed_s + seconds):
                # Downloads grow with what is stored.
                now = 2 * self.stock.get(key, NOTHING).size_bytes
                entry.volume(key).downloaded_bytes = size_bytes * held_twice.get(key, 0) // now if now else size_bytes
        return entry


def _sum_of(real: UsageDay, more: UsageDay) -> UsageDay:
    """A day and the rest of it, whose downloads are counted if those of the day so far are (`trend_of`)."""
    entry = UsageDay(early_deletions=real.early_deletions, counts_downloads=more.counts_downloads)
    for day in (real, more):
        for key, volume in day.volumes.items():
            entry.volume(key).add(volume)
    return entry


def day_costs(outlooks: Mapping[str, LocationOutlook], terms: CostTerms) -> dict[LocationOwner, Decimal]:
    """The cost of one day of storage and downloads in a month in which everything stays as it is, by owner.

    It is a day of the month of the account's newest sample, so that it does not depend on a report's scope. The parts
    are exact to a millionth.
    """
    costs: dict[LocationOwner, Decimal] = {}
    for group, names in terms.groups().items():
        locations = [name for name in names if name in outlooks]
        if not locations:
            continue
        day = max(outlooks[name].usage.until for name in locations).date()
        prices = {name: LocationPrices(group=group, versions=(terms.prices[name].on(day),)) for name in locations}
        days = days_of(day, prices[locations[0]].on(day).day_basis)
        usage = {name: outlooks[name].whole_month(month_after(day) - _DAY, days=days) for name in locations}
        by_owner: Counter[LocationOwner] = Counter()
        for charge in valued(usage, replace(terms, prices=prices)):
            if charge.kind is not ChargeKind.REQUESTS:
                by_owner[LocationOwner(charge.location, charge.key)] += micros_of(charge.cost)
        of_a_day = micros_of(of_micros(sum(by_owner.values())) / days)
        costs |= {owner: of_micros(part) for owner, part in share_whole(of_a_day, by_owner).items()}
    return costs
