"""Amounts of stored objects, from which the billed bytes of any price profile follow."""

from collections.abc import Iterable
from operator import add, sub
from typing import Final, NamedTuple

SMALL: Final = (4_096, 65_536, 131_072)
"""Sizes in bytes below which a price profile may bill an object as larger."""
AGES: Final = (30, 90)
"""Days after which S3 Intelligent-Tiering moves an object that is not read to a cheaper tier."""
MONITORED_BYTES: Final = 131_072
"""Intelligent-Tiering monitors and moves objects of at least this size."""


class Stock(NamedTuple):
    """Objects and their bytes. Also used for stock times seconds, and for differences, which may be negative."""

    objects: int = 0
    size_bytes: int = 0
    objects_below_4k: int = 0
    bytes_below_4k: int = 0
    objects_below_64k: int = 0
    bytes_below_64k: int = 0
    objects_below_128k: int = 0
    bytes_below_128k: int = 0
    monitored: int = 0
    """Objects that Intelligent-Tiering monitors."""
    bytes_after_30d: int = 0
    """Bytes of monitored objects that are at least 30 days old."""
    bytes_after_90d: int = 0

    def plus(self, more: "Stock") -> "Stock":
        """The sum."""
        return _stock(map(add, self, more))

    def less(self, gone: "Stock") -> "Stock":
        """The difference."""
        return _stock(map(sub, self, gone))

    def times(self, factor: int) -> "Stock":
        """Each amount multiplied."""
        return _stock([amount * factor for amount in self])

    def plus_times(self, more: "Stock", factor: int) -> "Stock":
        """The sum with a multiple of another stock."""
        # Written out, because this is half of the time of turning samples into days.
        a, b, c, d, e, f, g, h, i, j, k = self
        a2, b2, c2, d2, e2, f2, g2, h2, i2, j2, k2 = more
        return _stock(
            (
                a + a2 * factor,
                b + b2 * factor,
                c + c2 * factor,
                d + d2 * factor,
                e + e2 * factor,
                f + f2 * factor,
                g + g2 * factor,
                h + h2 * factor,
                i + i2 * factor,
                j + j2 * factor,
                k + k2 * factor,
            )
        )

    def mean_times(self, other: "Stock", factor: int) -> "Stock":
        """The mean with another stock, multiplied and rounded down."""
        return _stock([(mine + its) * factor // 2 for mine, its in zip(self, other, strict=True)])

    def part(self, numerator: int, denominator: int) -> "Stock":
        """A fraction of each amount, rounded down."""
        return _stock([amount * numerator // denominator for amount in self])

    def at_least_zero(self) -> "Stock":
        """Negative amounts replaced by 0."""
        return _stock([max(amount, 0) for amount in self]) if min(self) < 0 else self

    def bytes_after(self, days: int) -> int:
        """Bytes that are at least so many days old. `days` is one of AGES."""
        return self.bytes_after_30d if days == AGES[0] else self.bytes_after_90d

    def billable_bytes(self, *, least_bytes: int, overhead_bytes: int) -> int:
        """The billed bytes if an object counts as at least `least_bytes`, plus `overhead_bytes`.

        `least_bytes` is 0 or one of SMALL.
        """
        added = 0
        if least_bytes:
            place = 2 + 2 * SMALL.index(least_bytes)
            added = least_bytes * self[place] - self[place + 1]
        return self.size_bytes + added + overhead_bytes * self.objects


def _stock(amounts: Iterable[int]) -> Stock:
    """A Stock of all amounts in order. Days of many owners are sums of hundreds of thousands, so this must be fast."""
    return tuple.__new__(Stock, amounts)


NOTHING: Final = Stock()


def total(stocks: Iterable[Stock]) -> Stock:
    """The sum of all."""
    return Stock._make(map(sum, zip(*stocks, strict=True))) if (stocks := list(stocks)) else NOTHING


def stock_of(size_bytes: int) -> Stock:
    """One object of a size, in a class without tiers by age."""
    below = [value for limit in SMALL for value in ((1, size_bytes) if size_bytes < limit else (0, 0))]
    return Stock(1, size_bytes, *below)
