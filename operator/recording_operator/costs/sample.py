"""What a report is given: the prices to count by, and what was there at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.arrivals import Recent
from recording_operator.costs.profile import Profile
from recording_operator.costs.usage import ClassDay

SHARED: Final = ""
"""Used if usage was not counted by organisation."""
ANY_CLASS: Final = ""
"""Stands for the storage class of uploads that were counted by location only."""
Downloaded = Mapping[str, Mapping[date, Mapping[str, int]]]
"""Bytes downloaded, by location, day and organisation (or SHARED)."""


class Cell(NamedTuple):
    """Where bytes are, and whose they are."""

    storage_location: str
    storage_class: str
    org: str


class StoredBytes(NamedTuple):
    """Bytes, billed bytes, and those of them in open uploads, which cannot be read."""

    size_bytes: int
    billable_bytes: int
    incomplete_bytes: int = 0

    @property
    def readable_bytes(self) -> int:
        """The bytes of objects."""
        return self.size_bytes - self.incomplete_bytes

    def plus(self, more: "StoredBytes") -> "StoredBytes":
        """The sum."""
        return StoredBytes(*(a + b for a, b in zip(self, more, strict=True)))

    def less(self, gone: "StoredBytes") -> "StoredBytes":
        """The difference."""
        return StoredBytes(*(a - b for a, b in zip(self, gone, strict=True)))


NOTHING: Final = StoredBytes(0, 0)


class ArrivedBytes(NamedTuple):
    """Bytes that came on a day, and the write requests that brought them."""

    size_bytes: int
    billable_bytes: int
    writes: int
    moment: int = 0
    """The sum of bytes times the second of the day at which they came."""


Cells = Mapping[Cell, StoredBytes]
Arrivals = Mapping[date, Mapping[Cell, ArrivedBytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPrices:
    """The prices of a location. Locations of one `group` share allowances and tiers, as one account's bill does."""

    group: str
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTerms:
    """What costs are counted by."""

    prices: Mapping[str, LocationPrices]
    """By location."""
    playback_ratio: Decimal
    playback_base: PlaybackBase

    def groups(self) -> dict[str, Profile]:
        """The profile of each group."""
        return {priced.group: priced.profile for priced in self.prices.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was there at a time, and what had come since the sample before."""

    at: datetime
    cells: Cells
    arrived: Arrivals = field(default_factory=dict)
    ahead: Mapping[Cell, StoredBytes] = field(default_factory=dict)
    """What came while it was counted: it is in the cells, and has arrived by the next sample."""
    parts: Arrivals = field(default_factory=dict)
    """Parts of open uploads, which are in the cells, by the day they came."""
    recent: Recent | None = None
    """What had come on the day before; the next sample compares it with what that day has brought by then."""
    young: Mapping[ClassDay, int] = field(default_factory=dict)
    unattributed_young: Mapping[ClassDay, int] = field(default_factory=dict)
    """Bytes of unknown owners. Bytes of the last sample may be among them now, so they do not count as deleted."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """By location that was listed, the mark of what was looked at there."""
    downloaded: Downloaded = field(default_factory=dict)
    """Of the locations that count downloads; the others' are estimated."""
