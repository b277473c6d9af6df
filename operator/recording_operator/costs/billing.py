"""Computes a month's bill from usage.

S3 charges for byte-seconds over the month, divided by the bytes of a GB and the seconds of that month (28 to 31 days),
then tier by tier. `dayBasis: fixed30` divides by 30 days in every month instead. docs/costs.md, "Storage over time".
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from recording_operator.costs.money import ZERO, exact
from recording_operator.costs.profile import DayBasis, Profile, Tier

SECONDS_PER_DAY: Final = 86_400
_FIXED_DAYS: Final = 30
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthUsage:
    """The usage of one month so far under one profile. Bytes are billable bytes."""

    byte_seconds: Mapping[str, int] = field(default_factory=dict)
    """By storage class."""
    download_bytes: int = 0
    writes: int = 0
    elapsed_seconds: int = 0
    """Elapsed part of the month. A minimum volume is charged in proportion to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A month's bill, not rounded. `unpriced` names the usage for which the profile has no price."""

    storage: Mapping[str, Decimal]
    downloads: Decimal
    requests: Decimal
    unpriced: frozenset[str]

    @property
    def total(self) -> Decimal:
        """All of it."""
        with localcontext(exact()):
            return sum(self.storage.values(), ZERO) + self.downloads + self.requests


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
    with localcontext(exact()):
        for tier in tiers:
            end = volume if tier.up_to_gb is None else min(volume, tier.up_to_gb)
            if end > begin:
                total += (end - begin) * tier.rate
                begin = end
        return total


def month_bill(profile: Profile, usage: MonthUsage, *, month: date) -> Bill:
    """The bill of the profile for the usage of a month."""
    with localcontext(exact()):
        unpriced: set[str] = set()
        days = days_of(month, profile.day_basis)
        volumes = {
            name: gb_months(seconds, gb_bytes=profile.gb_bytes, days=days)
            for name, seconds in usage.byte_seconds.items()
        }
        stored = sum(volumes.values(), ZERO)
        storage: dict[str, Decimal] = {}
        for name, volume in volumes.items():
            price = profile.price_of(name)
            if price is None:
                storage[name] = ZERO
                if volume:
                    unpriced.add(f"storage class {name}")
            else:
                storage[name] = tiered(volume, price.tiers)
        _charge_minimum(profile, storage, stored, usage.elapsed_seconds, days)
        return Bill(
            storage=storage,
            downloads=_downloads(profile, usage.download_bytes, stored, unpriced),
            requests=_requests(profile, usage.writes),
            unpriced=frozenset(unpriced),
        )


def _charge_minimum(
    profile: Profile, storage: dict[str, Decimal], stored: Decimal, elapsed_seconds: int, days: int
) -> None:
    """Add a charge up to the minimum volume."""
    share_of_month = min(Decimal(elapsed_seconds) / (days * SECONDS_PER_DAY), Decimal(1))
    missing = profile.minimum_monthly_gb * share_of_month - stored
    if missing > 0:
        name = profile.default_storage_class
        storage[name] = storage.get(name, ZERO) + missing * profile.storage_classes[name].tiers[0].rate


def _downloads(profile: Profile, size_bytes: int, stored: Decimal, unpriced: set[str]) -> Decimal:
    if profile.egress is None:
        if size_bytes:
            unpriced.add("downloads")
        return ZERO
    volume = Decimal(size_bytes) / profile.gb_bytes
    free = max(profile.egress.free_gb_month, profile.egress.free_times_storage * stored)
    # Tiers start after the free allowance: "first 100 GB free, then 0.09 to 10 TB".
    return tiered(max(volume - free, ZERO), profile.egress.tiers)


def _requests(profile: Profile, writes: int) -> Decimal:
    if profile.requests is None:
        return ZERO
    paid = max(writes - profile.requests.free_writes_month, 0)
    return Decimal(paid) * profile.requests.write_per_million / _MILLION
