"""What came between two counts: each upload once, also one that a count fell in the middle of.

A store dates an object in whole seconds, and S3 dates one made of parts by the time at which its upload began. An
object can therefore be older than the last count and yet not have been there. So that it is not missed, a count also
notes what the day before it brought; the next one counts the same stretch again, and what is more by then came late.
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
"""Cannot be an organisation or namespace: those hold no parentheses."""
LATE_WITHIN: Final = timedelta(days=1)
"""How long before a count an upload that it did not see may have begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a count has to know of time: `since` the last sample (or the begin of the month), and `now`."""

    since: datetime
    now: datetime
    recent_since: datetime | None = None
    """From when to `since` the last sample noted what had come; None where it did not."""


class UploadDay(NamedTuple):
    """When bytes came, and whose they are."""

    storage_location: str
    storage_class: str
    org: str
    day: date


class Uploader(NamedTuple):
    """Where bytes came, and whose they are."""

    storage_location: str
    org: str


@dataclass(slots=True)
class Amount:
    """Objects (of uploads: write requests) and bytes; `billable_bytes` as the price profile rounds each object up."""

    objects: int = 0
    size_bytes: int = 0
    billable_bytes: int = 0
    incomplete_bytes: int = 0
    """The part of `size_bytes` in open uploads, which is billed but cannot be read."""
    moment: int = 0
    """Of what came on a day: the sum of bytes times the second of the day."""

    @property
    def readable_bytes(self) -> int:
        """The bytes of objects."""
        return self.size_bytes - self.incomplete_bytes

    def add(
        self, size_bytes: int, billable_bytes: int, objects: int = 1, *, incomplete_bytes: int = 0, moment: int = 0
    ) -> None:
        """Count more."""
        self.objects += objects
        self.size_bytes += size_bytes
        self.billable_bytes += billable_bytes
        self.incomplete_bytes += incomplete_bytes
        self.moment += moment


class UploadSum(NamedTuple):
    """Bytes that came, and the write requests that brought them."""

    size_bytes: int
    writes: int


Recent = Mapping[Uploader, UploadSum]


@dataclass(slots=True)
class Arrivals:
    """Uploads by the time that the store, or the Recording, gives them; `objects` of the amounts are write requests."""

    by_day: dict[UploadDay, Amount] = field(default_factory=dict)
    """Since the last sample."""
    recent: dict[Uploader, Amount] = field(default_factory=dict)
    """Within LATE_WITHIN before now."""
    recounted: dict[Uploader, Amount] = field(default_factory=dict)
    """What the last sample noted as recent, counted again."""
    locations: set[str] = field(default_factory=set)
    """Those that were looked at."""
    ahead: dict[UploadDay, Amount] = field(default_factory=dict)
    """Later than now: it came while the count went on."""
    parts: dict[UploadDay, Amount] = field(default_factory=dict)
    """Parts of open uploads that came since the last sample. They are stored, and are no upload yet."""

    def add(self, of: UploadDay, amount: Amount, at: datetime, window: Window) -> None:
        """Count an upload. One later than `now` is the next count's."""
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
        """Count a part of an open upload. The last sample held those that came before it."""
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
    """The sum for a key; keys beyond so many are one."""
    found = sums.get(key)
    if found is None:
        found = sums.setdefault(key if len(sums) < most else beyond, Amount())
    return found


def earliest(window: Window) -> datetime:
    """What came before that is no arrival of any kind."""
    return min(window.since, window.recent_since or window.since, window.now - LATE_WITHIN)


def late(recounted: Recent, noted: Recent) -> dict[Uploader, UploadSum]:
    """What came later than its time says: by how much a location has more of the stretch than the last sample noted.

    Only for locations that the last sample looked at. Never less than nothing: what was deleted meanwhile hides as much
    that came late. Told by the location as a whole, because an organisation may be among the others at one time and
    have a name at another; shared by growth.
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
        sizes = _parts({key: came.size_bytes for key, came in grown.items()})
        writes = _parts({key: came.writes for key, came in grown.items()})
        for key in grown:
            came = UploadSum(sizes.get(key, 0), writes.get(key, 0))
            if any(came):
                found[key] = came
    return found


def _parts(grown: Mapping[Uploader, int]) -> dict[Uploader, int]:
    """What all grew by, shared among those that grew."""
    total = sum(grown.values())
    if total <= 0:
        return {}
    weights = {key: amount for key, amount in grown.items() if amount > 0}
    return {key: int(part) for key, part in share(Decimal(total), weights, quantum=Decimal(1)).items()}
