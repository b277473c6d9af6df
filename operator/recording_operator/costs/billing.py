"""Computes a month's bill from the amounts on its lines.

S3 charges for byte-seconds over the month, divided by the bytes of a GB and the seconds of that month (28 to 31 days),
then tier by tier. `dayBasis: fixed30` divides by 30 days in every month instead. See docs/cost-rules.md, "Storage over
time".
"""

import calendar
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.lines import DOWNLOADS, MINIMUM, WRITES, Line
from recording_operator.costs.money import ZERO, exact
from recording_operator.costs.profile import DayBasis, Profile, StorageClassPrice, Tier
from recording_operator.usage.levels import SECONDS_PER_DAY

_FIXED_DAYS: Final = 30
_ONE: Final = Decimal(1)
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000


def days_of(month: date, basis: DayBasis) -> int:
    """How many days the month is divided into."""
    return _FIXED_DAYS if basis is DayBasis.FIXED30 else calendar.monthrange(month.year, month.month)[1]


def gb_months(byte_seconds: int, *, gb_bytes: int, days: int) -> Decimal:
    """Turn storage over time into the unit of the bill. `days` is the month's length (`days_of`)."""
    with localcontext(exact()):
        return Decimal(byte_seconds) / (gb_bytes * days * SECONDS_PER_DAY)


def tiered(volume: Decimal, tiers: Sequence[Tier]) -> Decimal:
    """The price of a monthly volume, each tier's share at its own rate."""
    total, begin = ZERO, ZERO
    for tier in tiers:
        end = volume if tier.up_to_gb is None else min(volume, tier.up_to_gb)
        if end > begin:
            total += (end - begin) * tier.rate
            begin = end
    return total


def month_bill(
    profile: Profile, amounts: Mapping[Line, int], *, month: date, elapsed_seconds: int
) -> dict[Line, Decimal]:
    """The bill of the profile for the amounts of a month so far, not rounded. What has no price costs nothing.

    Amounts are byte-seconds on storage lines, object-seconds on monitoring lines, bytes of downloads, and requests.
    A minimum volume is charged in proportion to `elapsed_seconds`.
    """
    days = days_of(month, profile.day_basis)
    month_s = days * SECONDS_PER_DAY
    costs: dict[Line, Decimal] = {}
    stored = ZERO
    with localcontext(exact()):
        for line, amount in amounts.items():
            price = profile.price_of(line.storage_class)
            if line.kind is ChargeKind.STORAGE:
                volume = gb_months(amount, gb_bytes=profile.gb_bytes, days=days)
                stored += volume
                costs[line] = _storage(price, line.after_days, volume)
            elif line.kind is ChargeKind.MONITORING:
                rate = price.monitoring_per_thousand / _THOUSAND if price is not None else ZERO
                costs[line] = Decimal(amount) / month_s * rate
            elif line.kind is ChargeKind.REQUESTS:
                costs[line] = _requests(profile, line, amount)
        costs[DOWNLOADS] = _downloads(profile, amounts.get(DOWNLOADS, 0), stored)
        missing = profile.minimum_monthly_gb * min(Decimal(elapsed_seconds) / month_s, _ONE) - stored
        if missing > 0:
            costs[MINIMUM] = missing * profile.storage_classes[profile.default_storage_class].tiers[0].rate
        return costs


def _storage(price: StorageClassPrice | None, after_days: int, volume: Decimal) -> Decimal:
    if price is None:
        return ZERO
    by_age = {tier.after_days: tier.rate for tier in price.age_tiers}
    return volume * by_age[after_days] if after_days in by_age else tiered(volume, price.tiers)


def _requests(profile: Profile, line: Line, count: int) -> Decimal:
    """Requests of classes with a price of their own are never free."""
    price = profile.price_of(line.storage_class) if line != WRITES else None
    if price is not None and price.write_per_million is not None:
        return count * price.write_per_million / _MILLION
    if profile.requests is None:
        return ZERO
    return max(count - profile.requests.free_writes_month, 0) * profile.requests.write_per_million / _MILLION


def _downloads(profile: Profile, size_bytes: int, stored: Decimal) -> Decimal:
    if profile.egress is None:
        return ZERO
    volume = Decimal(size_bytes) / profile.gb_bytes
    free = max(profile.egress.free_gb_month, profile.egress.free_times_storage * stored)
    # Tiers start after the free allowance: "first 100 GB free, then 0.09 to 10 TB".
    return tiered(max(volume - free, ZERO), profile.egress.tiers)
