"""Uploads between two samples: each is counted once, even if it was in progress at the time of a sample.

A store gives the time of an object in whole seconds, and S3 gives for a multipart upload the time at which it began. An
object can therefore be older than the last sample and still not be in it. So that it is not missed, each sample also
records the uploads of the day before it. The next sample counts that day again: the difference was uploaded late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from recording_operator.costs.money import share

_Key = TypeVar("_Key")
MOST_OWNERS: Final = 10_000
MOST_DAYS: Final = 50_000
OTHER: Final = "(other)"
"""Never the name of an organisation or namespace, because these contain no parentheses."""
LATE_WITHIN: Final = timedelta(days=1)
"""How long before a sample an upload may have begun that the sample does not contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The period of a count: `since` the last sample (or the beginning of the month) until `now`."""

    since: datetime
    now: datetime
    recent_since: datetime | None = None
    """Start of the period before `since` whose uploads the last sample recorded; None if it did not."""


class UploadDay(NamedTuple):
    """Key of uploads: where, who and on which day."""

    storage_location: str
    storage_class: str
    org: str
    day: date


class Uploader(NamedTuple):
    """Key of uploads: where and who."""

    storage_location: str
    org: str


@dataclass(slots=True)
class Amount:
    """Objects (for uploads: write requests) and bytes. `billable_bytes`: sizes rounded up as the price profile says."""

    objects: int = 0
    size_bytes: int = 0
    billable_bytes: int = 0
    incomplete_bytes: int = 0
    """The part of `size_bytes` in open uploads, which is billed but cannot be read."""
    moment: int = 0
    """For uploads of a day: the sum of bytes times the second of the day."""

    @property
    def readable_bytes(self) -> int:
        """The bytes of objects."""
        return self.size_bytes - self.incomplete_bytes

    def add(
        self, size_bytes: int, billable_bytes: int, objects: int = 1, *, incomplete_bytes: int = 0, moment: int = 0
    ) -> None:
        """Add to the amounts."""
        self.objects += objects
        self.size_bytes += size_bytes
        self.billable_bytes += billable_bytes
        self.incomplete_bytes += incomplete_bytes
        self.moment += moment


class UploadSum(NamedTuple):
    """Uploaded bytes and write requests."""

    size_bytes: int
    writes: int


Recent = Mapping[Uploader, UploadSum]


@dataclass(slots=True)
class Arrivals:
    """Uploads by the time in the store or the Recording. `objects` of the amounts are write requests."""

    by_day: dict[UploadDay, Amount] = field(default_factory=dict)
    """Since the last sample."""
    recent: dict[Uploader, Amount] = field(default_factory=dict)
    """Within LATE_WITHIN before now."""
    recounted: dict[Uploader, Amount] = field(default_factory=dict)
    """The uploads that were recent at the last sample, counted again."""
    locations: set[str] = field(default_factory=set)
    """Locations that were counted."""
    ahead: dict[UploadDay, Amount] = field(default_factory=dict)
    """Uploads during the count, later than `now`."""
    parts: dict[UploadDay, Amount] = field(default_factory=dict)
    """Parts of open uploads since the last sample. They are stored, but do not count as uploads yet."""

    def add(self, of: UploadDay, amount: Amount, at: datetime, window: Window) -> None:
        """Count an upload. One that is later than `now` belongs to the next sample."""
        if at > window.since:
            sums = self.by_day if at <= window.now else self.ahead
            _sum(sums, of, of._replace(org=OTHER), MOST_DAYS).add(
                amount.size_bytes, amount.billable_bytes, amount.objects, moment=_moment(amount.size_bytes, at)
            )
        elif window.recent_since is not None and at > window.recent_since:
            _note(self.recounted, of, amount)
        if window.now - LATE_WITHIN < at <= window.now:
            _note(self.recent, of, amount)

    def add_part(self, of: UploadDay, size_bytes: int, at: datetime, window: Window) -> None:
        """Count a part of an open upload. Earlier parts are in the last sample."""
        if at > window.since:
            found = _sum(self.parts, of, of._replace(org=OTHER), MOST_DAYS)
            found.add(size_bytes, size_bytes, 0, incomplete_bytes=size_bytes, moment=_moment(size_bytes, at))


def _moment(size_bytes: int, at: datetime) -> int:
    return size_bytes * (at.hour * 3600 + at.minute * 60 + at.second)


def _note(into: dict[Uploader, Amount], of: UploadDay, amount: Amount) -> None:
    key = Uploader(of.storage_location, of.org)
    found = _sum(into, key, key._replace(org=OTHER), MOST_OWNERS)
    found.add(amount.size_bytes, amount.billable_bytes, amount.objects)


def _sum(sums: dict[_Key, Amount], key: _Key, beyond: _Key, most: int) -> Amount:
    """The amount for a key. Keys beyond `most` share the amount of `beyond`."""
    found = sums.get(key)
    if found is None:
        found = sums.setdefault(key if len(sums) < most else beyond, Amount())
    return found


def earliest(window: Window) -> datetime:
    """The time before which uploads need not be counted."""
    return min(window.since, window.recent_since or window.since, window.now - LATE_WITHIN)


def late(recounted: Recent, noted: Recent) -> dict[Uploader, UploadSum]:
    """Late uploads: what a location has now in the period that the last sample recorded, minus what it had then.

    Only for locations in the last sample. Never negative: objects deleted meanwhile hide as many late uploads. Computed
    for each location as a whole, because an organisation may be in (other) in one of the samples only; then shared
    between the organisations by growth.
    """
    found: dict[Uploader, UploadSum] = {}
    for location in sorted({key.storage_location for key in noted}):
        keys = [key for key in recounted.keys() | noted.keys() if key.storage_location == location]
        nothing = UploadSum(0, 0)
        grown = {
            key: UploadSum(
                *(now - then for now, then in zip(recounted.get(key, nothing), noted.get(key, nothing), strict=True))
            )
            for key in sorted(keys)
        }
        sizes = _parts({key: upload_sum.size_bytes for key, upload_sum in grown.items()})
        writes = _parts({key: upload_sum.writes for key, upload_sum in grown.items()})
        for key in grown:
            upload_sum = UploadSum(sizes.get(key, 0), writes.get(key, 0))
            if any(upload_sum):
                found[key] = upload_sum
    return found


def _parts(grown: Mapping[Uploader, int]) -> dict[Uploader, int]:
    """The total growth, shared between the keys that grew."""
    total = sum(grown.values())
    if total <= 0:
        return {}
    weights = {key: amount for key, amount in grown.items() if amount > 0}
    return {key: int(part) for key, part in share(Decimal(total), weights, quantum=Decimal(1)).items()}
