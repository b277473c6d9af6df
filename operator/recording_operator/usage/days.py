"""Usage by day: what the samples of one location say, day by day and owner by owner."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from recording_operator.usage.sample import OwnerKey
from recording_operator.usage.stock import NOTHING, Stock


@dataclass(slots=True, kw_only=True)
class Volume:
    """Usage of one owner, class and state in one day."""

    stock_seconds: Stock = NOTHING
    """Stock times the seconds it was stored."""
    end: Stock = NOTHING
    """Stock at the end of the day (today: at the last sample)."""
    uploaded_bytes: int = 0
    uploaded_objects: int = 0
    writes: int = 0
    """Write requests of the uploads. One of each object creates it; the others belong to multipart uploads."""
    downloaded_bytes: int = 0
    """Only counted downloads; see `UsageDay.counts_downloads`."""
    counted_byte_seconds: int = 0
    """On a day of which downloads were counted for a part only: the byte-seconds of that part."""
    counted_uploaded_bytes: int = 0
    """The same for uploads."""

    def add(self, more: "Volume") -> None:
        """Add what was used in more of the day. The stock at the end stays."""
        self.stock_seconds = self.stock_seconds.plus(more.stock_seconds)
        self.uploaded_bytes += more.uploaded_bytes
        self.uploaded_objects += more.uploaded_objects
        self.writes += more.writes
        self.downloaded_bytes += more.downloaded_bytes
        self.counted_byte_seconds += more.counted_byte_seconds
        self.counted_uploaded_bytes += more.counted_uploaded_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyDeletion:
    """Objects that were deleted (or moved) on the day, before the minimum duration of their class was over."""

    key: OwnerKey
    uploaded: date
    stock: Stock


@dataclass(slots=True, kw_only=True)
class UsageDay:
    """One day (UTC) of one location. The first and the last day may be incomplete."""

    volumes: dict[OwnerKey, Volume] = field(default_factory=dict)
    early_deletions: list[EarlyDeletion] = field(default_factory=list)
    estimated: bool = False
    """No sample was taken on that day: its numbers were derived from others."""
    counts_downloads: bool = False
    """Downloads were counted all day; otherwise they are to be estimated, but for what `Volume.counted_…` says."""
    is_break: bool = False
    """Growth on this day means nothing: the first sample, or another basis or source than the day before."""
    days: int = 1
    """Days that the entry covers: more than one if only the sum of a month is known."""

    def volume(self, key: OwnerKey) -> Volume:
        """The volume of a key."""
        found = self.volumes.get(key)
        if found is None:
            found = self.volumes[key] = Volume()
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDays:
    """All days of one location, up to the last sample."""

    location: str
    days: Mapping[date, UsageDay]
    """In order, without gaps from the first day on, but for days that only a month's sum is known of: these are under
    the first day of the month.
    """
    until: datetime
    """Time of the last sample."""
    opened: datetime | None = None
    """Time of the first sample. Earlier days are reconstructed."""

    def between(self, begin: date, end: date) -> "UsageDays":
        """The days from `begin` on, before `end`."""
        return replace(self, days={day: entry for day, entry in self.days.items() if begin <= day < end})
