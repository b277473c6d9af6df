"""Which lines of a bill the usage of one owner appears on, under one price profile.

Sources: AWS S3 pricing and the user guide's pages on storage classes (archive overhead, Intelligent-Tiering) and on
multipart uploads; docs/decisions/exact-prices.md quotes them.
"""

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


class LineAmount(NamedTuple):
    """An amount on a line: bytes (or objects, on a monitoring line) times seconds, bytes of downloads, or requests."""

    line: Line
    amount: int


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


def usage_lines(profile: Profile, key: OwnerKey, volume: Volume) -> list[LineAmount]:
    """The lines of storage, monitoring and requests."""
    lines = storage_lines(profile, key, volume.stock_seconds)
    return lines + request_lines(profile, key, volume) if volume.writes else lines


def storage_lines(profile: Profile, key: OwnerKey, stock: Stock) -> list[LineAmount]:
    """The lines of stock (or stock times seconds)."""
    price = profile.price_of(key.storage_class)
    if price is None:
        return [LineAmount(Line(ChargeKind.STORAGE, key.storage_class), stock.size_bytes)]
    if key.state is State.INCOMPLETE:
        return [LineAmount(Line(ChargeKind.STORAGE, class_of(profile, key)), stock.size_bytes)]
    lines = _by_age(price, key.storage_class, stock)
    if price.monitoring_per_thousand:
        lines.append(LineAmount(Line(ChargeKind.MONITORING, key.storage_class), stock.monitored))
    if price.default_class_overhead_bytes:
        overhead = price.default_class_overhead_bytes * stock.objects
        lines.append(LineAmount(Line(ChargeKind.STORAGE, profile.default_storage_class), overhead))
    return lines


def _by_age(price: StorageClassPrice, name: str, stock: Stock) -> list[LineAmount]:
    rest = stock.billable_bytes(least_bytes=price.min_object_bytes, overhead_bytes=price.overhead_bytes)
    if not price.age_tiers:
        return [LineAmount(Line(ChargeKind.STORAGE, name), rest)]
    lines: list[LineAmount] = []
    older = 0
    for tier in reversed(price.age_tiers):
        after = min(max(stock.bytes_after(tier.after_days), older), rest)
        lines.append(LineAmount(Line(ChargeKind.STORAGE, name, tier.after_days), after - older))
        older = after
    lines.append(LineAmount(Line(ChargeKind.STORAGE, name), max(rest - older, 0)))
    return lines


def request_lines(profile: Profile, key: OwnerKey, volume: Volume) -> list[LineAmount]:
    """The lines of write requests.

    A multipart upload into an archive class sends one request at the archive's price, which completes it; the others
    are billed as those of the class that holds its parts.
    """
    price = profile.price_of(key.storage_class)
    if price is None or not price.incomplete_as:
        return [LineAmount(_write_line(price, key.storage_class), volume.writes)]
    final = min(volume.uploaded_objects, volume.writes)
    lines = [LineAmount(_write_line(price, key.storage_class), final)]
    if volume.writes > final:
        others = _write_line(profile.price_of(price.incomplete_as), price.incomplete_as)
        lines.append(LineAmount(others, volume.writes - final))
    return lines


def _write_line(price: StorageClassPrice | None, name: str) -> Line:
    return WRITES if price is None or price.write_per_million is None else Line(ChargeKind.REQUESTS, name)
