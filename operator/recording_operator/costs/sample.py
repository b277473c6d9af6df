"""The input of the cost computation: prices, and a sample of the stored bytes."""

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
    """Key of stored bytes: where they are and who owns them."""

    storage_location: str
    storage_class: str
    org: str


class StoredBytes(NamedTuple):
    """Bytes, billed bytes, and the part of the bytes in open uploads, which cannot be read."""

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
    """Bytes uploaded on a day, and their write requests."""

    size_bytes: int
    billable_bytes: int
    writes: int
    moment: int = 0
    """The sum of bytes times the second of the day of their upload."""


Cells = Mapping[Cell, StoredBytes]
Arrivals = Mapping[date, Mapping[Cell, ArrivedBytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPrices:
    """The prices of a location. Locations of one `group` share free allowances and tiers, like one AWS account."""

    group: str
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTerms:
    """Prices and settings of the cost computation."""

    prices: Mapping[str, LocationPrices]
    """By location."""
    playback_ratio: Decimal
    playback_base: PlaybackBase

    def groups(self) -> dict[str, Profile]:
        """The profile of each group."""
        return {priced.group: priced.profile for priced in self.prices.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The stored bytes at a time, and the uploads since the previous sample."""

    at: datetime
    cells: Cells
    arrived: Arrivals = field(default_factory=dict)
    ahead: Mapping[Cell, StoredBytes] = field(default_factory=dict)
    """Uploads during the count. They are in `cells`, and count as uploads in the next sample."""
    parts: Arrivals = field(default_factory=dict)
    """Parts of open uploads by day. They are in `cells`."""
    recent: Recent | None = None
    """Uploads of the last day. The next sample compares them with a second count of the same day."""
    young: Mapping[ClassDay, int] = field(default_factory=dict)
    unattributed_young: Mapping[ClassDay, int] = field(default_factory=dict)
    """Bytes of unknown owners. Bytes of the last sample may be among them now, so they do not count as deleted."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """By listed location: identifies what was counted there."""
    downloaded: Downloaded = field(default_factory=dict)
    """Only locations that count downloads; those of other locations are estimated."""
