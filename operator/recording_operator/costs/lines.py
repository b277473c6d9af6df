"""Which lines of a bill the stock of one owner appears on, under one price profile.

Sources: AWS S3 pricing and the user guide's pages on storage classes (archive overhead, Intelligent-Tiering, multipart
uploads), as docs/costs.md quotes them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.profile import Profile, StorageClassPrice
from recording_operator.usage.sample import OwnerKey, State
from recording_operator.usage.stock import Stock


class Line(NamedTuple):
    """A line of a month's bill: its kind, the storage class, and the age in days from which its rate applies."""

    kind: ChargeKind
    storage_class: str = ""
    after_days: int = 0


DOWNLOADS = Line(ChargeKind.DOWNLOADS)
MINIMUM = Line(ChargeKind.MINIMUM)


def class_of(profile: Profile, key: OwnerKey) -> str:
    """The storage class that stock is billed as. Open uploads bound for an archive are billed as another class."""
    price = profile.price_of(key.storage_class)
    if key.state is State.INCOMPLETE and price is not None and price.incomplete_as:
        return price.incomplete_as
    return key.storage_class


def storage_lines(profile: Profile, key: OwnerKey, stock: Stock) -> Iterator[tuple[Line, int]]:
    """The lines of stock (or stock times seconds) and the amount on each: bytes, or objects on a monitoring line."""
    name = class_of(profile, key)
    price = profile.price_of(name)
    if price is None:
        yield Line(ChargeKind.STORAGE, name), stock.size_bytes
        return
    billable_bytes = _billable(price, key, stock)
    aged = 0
    for tier in reversed(price.age_tiers):
        after = stock.bytes_after(tier.after_days)
        yield Line(ChargeKind.STORAGE, name, tier.after_days), after - aged
        aged = after
    yield Line(ChargeKind.STORAGE, name), billable_bytes - aged
    if price.monitoring_per_thousand:
        yield Line(ChargeKind.MONITORING, name), stock.monitored
    if price.default_class_overhead_bytes and key.state is not State.INCOMPLETE:
        overhead = price.default_class_overhead_bytes * stock.objects
        yield Line(ChargeKind.STORAGE, profile.default_storage_class), overhead


def _billable(price: StorageClassPrice, key: OwnerKey, stock: Stock) -> int:
    if key.state is State.INCOMPLETE:
        return stock.size_bytes
    return stock.billable_bytes(least_bytes=price.min_object_bytes, overhead_bytes=price.overhead_bytes)
