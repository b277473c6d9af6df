"""Which lines of a bill the usage of one owner appears on, under one price profile.

Sources: AWS S3 pricing and the user guide's pages on storage classes (archive overhead, Intelligent-Tiering) and on
multipart uploads; docs/decisions/exact-prices.md quotes them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.profile import Profile, StorageClassPrice
from recording_operator.usage.days import Volume
from recording_operator.usage.sample import OwnerKey, State
from recording_operator.usage.stock import Stock


class Line(NamedTuple):
    """A line of a month's bill: its kind, the storage class, and the age in days from which its rate applies."""

    kind: ChargeKind
    storage_class: str = ""
    after_days: int = 0


LineAmounts = Iterator[tuple[Line, int]]
"""Amounts on lines: bytes (or objects, on a monitoring line) times seconds, bytes of downloads, or requests."""
DOWNLOADS = Line(ChargeKind.DOWNLOADS)
MINIMUM = Line(ChargeKind.MINIMUM)
WRITES = Line(ChargeKind.REQUESTS)
"""Requests in all classes without a price of their own. They share the free requests."""


def class_of(profile: Profile, key: OwnerKey) -> str:
    """The storage class that stock is billed as. Open uploads bound for an archive are billed as another class."""
    price = profile.price_of(key.storage_class)
    if key.state is State.INCOMPLETE and price is not None and price.incomplete_as:
        return price.incomplete_as
    return key.storage_class


def usage_lines(profile: Profile, key: OwnerKey, volume: Volume) -> LineAmounts:
    """The lines of storage, monitoring and requests."""
    yield from storage_lines(profile, key, volume.stock_seconds)
    if volume.writes:
        yield from request_lines(profile, key, volume)


def storage_lines(profile: Profile, key: OwnerKey, stock: Stock) -> LineAmounts:
    """The lines of stock (or stock times seconds)."""
    price = profile.price_of(key.storage_class)
    if price is None or key.state is State.INCOMPLETE:
        yield Line(ChargeKind.STORAGE, class_of(profile, key)), stock.size_bytes
        return
    yield from _by_age(price, key.storage_class, stock)
    if price.monitoring_per_thousand:
        yield Line(ChargeKind.MONITORING, key.storage_class), stock.monitored
    if price.default_class_overhead_bytes:
        overhead = price.default_class_overhead_bytes * stock.objects
        yield Line(ChargeKind.STORAGE, profile.default_storage_class), overhead


def _by_age(price: StorageClassPrice, name: str, stock: Stock) -> LineAmounts:
    rest = stock.billable_bytes(least_bytes=price.min_object_bytes, overhead_bytes=price.overhead_bytes)
    older = 0
    for tier in reversed(price.age_tiers):
        after = min(max(stock.bytes_after(tier.after_days), older), rest)
        yield Line(ChargeKind.STORAGE, name, tier.after_days), after - older
        older = after
    yield Line(ChargeKind.STORAGE, name), rest - older


def request_lines(profile: Profile, key: OwnerKey, volume: Volume) -> LineAmounts:
    """The lines of write requests.

    A multipart upload into an archive class sends one request at the archive's price, which completes it; the others
    are billed as those of the class that holds its parts.
    """
    price = profile.price_of(key.storage_class)
    others = price.incomplete_as if price is not None else ""
    final = min(volume.uploaded_objects, volume.writes) if others else volume.writes
    yield _write_line(price, key.storage_class), final
    if volume.writes > final:
        yield _write_line(profile.price_of(others), others), volume.writes - final


def _write_line(price: StorageClassPrice | None, name: str) -> Line:
    return WRITES if price is None or price.write_per_million is None else Line(ChargeKind.REQUESTS, name)
