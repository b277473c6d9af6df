"""Sums over the objects of one location by owner and day. Memory use grows with owners and days, not with objects."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from recording_operator.usage.sample import OTHER, OwnerKey
from recording_operator.usage.stock import AGES, MONITORED_BYTES, SMALL, Stock

MOST_OWNERS: Final = 10_000
"""Owners (with class and state) that are named in one location. All others share a sum."""
MOST_DAYS: Final = 50_000
"""Days of uploads by owner. All others share a sum for each day."""
TIERED_CLASS: Final = "INTELLIGENT_TIERING"
_NONE_SMALL: Final = (0,) * (2 * len(SMALL))
_NONE_AGED: Final = (0,) * len(AGES)


class StockSum:
    """A Stock to which objects are added."""

    __slots__ = ("_aged", "_small", "monitored", "objects", "size_bytes")

    def __init__(self) -> None:
        self.objects = 0
        self.size_bytes = 0
        self.monitored = 0
        # Most sums have neither: there may be one for each owner and day.
        self._small: list[int] | None = None
        self._aged: list[int] | None = None

    def add(self, size_bytes: int, *, tiered_age: int | None) -> None:
        """Add an object. `tiered_age` is its age in days in a class with tiers by age, else None."""
        self.objects += 1
        self.size_bytes += size_bytes
        if size_bytes < MONITORED_BYTES:
            self.add_small(size_bytes)
        elif tiered_age is not None:
            self.add_aged(size_bytes, tiered_age)

    def add_small(self, size_bytes: int) -> None:
        """Add to the sums of small objects."""
        small = self._small = self._small or list(_NONE_SMALL)
        for number, limit in enumerate(SMALL):
            if size_bytes < limit:
                small[2 * number] += 1
                small[2 * number + 1] += size_bytes

    def add_aged(self, size_bytes: int, age: int) -> None:
        """Add to the sums of monitored objects."""
        self.monitored += 1
        aged = self._aged = self._aged or list(_NONE_AGED)
        for number, limit in enumerate(AGES):
            if age >= limit:
                aged[number] += size_bytes

    @property
    def stock(self) -> Stock:
        """The sum."""
        small, aged = self._small or _NONE_SMALL, self._aged or _NONE_AGED
        return Stock._make([self.objects, self.size_bytes, *small, self.monitored, *aged])


class UploadSum(StockSum):
    """Uploads of a day."""

    __slots__ = ("moment", "writes")

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.moment = 0
        """The sum of bytes times the second of the day."""


class OwnerSum(StockSum):
    """Stored objects of one owner, class and state, and the days of their upload."""

    __slots__ = ("ahead", "is_tiered", "key", "noted_since", "uploads", "young", "young_since")

    def __init__(self, key: OwnerKey, *, noted_since: datetime, young_since: datetime | None) -> None:
        """Uploads after `noted_since` have to be recorded; those from `young_since` on are young."""
        super().__init__()
        self.key = key
        self.is_tiered = key.storage_class == TIERED_CLASS
        self.noted_since = noted_since
        self.young_since = young_since
        self.uploads: dict[date, UploadSum] = {}
        self.ahead: dict[date, UploadSum] = {}
        self.young: dict[date, StockSum] = {}


@dataclass(slots=True)
class RecentSum:
    """Uploaded bytes and write requests of an organisation and namespace."""

    size_bytes: int = 0
    writes: int = 0

    def add(self, size_bytes: int, writes: int) -> None:
        """Add an upload."""
        self.size_bytes += size_bytes
        self.writes += writes


@dataclass(slots=True)
class RecentSums:
    """Uploads of a period by organisation and namespace."""

    by_owner: dict[tuple[str, str], RecentSum] = field(default_factory=dict)

    def add(self, key: OwnerKey, size_bytes: int, writes: int) -> None:
        """Add an upload. Owners beyond the most share a sum."""
        owner = key[:2]
        found = self.by_owner.get(owner)
        if found is None:
            beyond = len(self.by_owner) >= MOST_OWNERS
            found = self.by_owner.setdefault((OTHER, OTHER) if beyond else owner, RecentSum())
        found.add(size_bytes, writes)


def amounts(stock: Stock) -> dict[str, Any]:
    """The fields of a StockRow. Those that are 0 are left out."""
    fields: dict[str, Any] = {"objects": stock.objects, "size_bytes": stock.size_bytes}
    if any(stock[2:8]):
        fields |= {"small_objects": stock[2:8:2], "small_bytes": stock[3:8:2]}
    if stock.monitored:
        fields |= {"monitored": stock.monitored, "aged_bytes": stock[9:]}
    return fields


def second_of(at: datetime) -> int:
    """The second of the day."""
    return at.hour * 3600 + at.minute * 60 + at.second


def young_since(now: datetime, min_days: int) -> datetime | None:
    """The first time whose objects are younger than the minimum duration; None if there is none."""
    if not min_days:
        return None
    return datetime.combine(now.date() - timedelta(days=min_days - 1), time(0), UTC)
