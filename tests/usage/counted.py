"""Counts of small buckets."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import HealthCheck, settings

from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.counting import LocationTally, OpenPart
from recording_operator.usage.owners import KeyClaim, RecordingIndex
from recording_operator.usage.sample import OwnerKey, State, UsageSample
from recording_operator.usage.stock import Stock
from recording_operator.usage.window import window_after

LOCATION: Final = "archive"
BASIS: Final = "basis"
GB: Final = 10**9
MIB: Final = 2**20
DAY: Final = timedelta(days=1)
TEMPLATE: Final = "{org}/{namespace}/{uid}/{artifact}{ext}"
UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Examples may take as long as they need on a busy machine."""


def at(text: str) -> datetime:
    """A time in UTC: `2026-03-01` or with a time of day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def uid_of(number: int) -> str:
    """A uid whose first digits differ from those of other numbers."""
    return str(uuid.UUID(int=number << 64))


def min_days(storage_class: str) -> int:
    """Minimum durations, as in AWS S3."""
    return {"STANDARD_IA": 30, "GLACIER_IR": 90}.get(storage_class, 0)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object in a bucket, or one version of it."""

    size_bytes: int
    dated: datetime
    number: int = 1
    org: str = "acme"
    namespace: str = "team"
    storage_class: str | None = None
    etag: str = ""

    @property
    def key(self) -> str:
        """By TEMPLATE."""
        return f"{self.org}/{self.namespace}/{uid_of(self.number)}/video.mp4"


@dataclass(frozen=True, kw_only=True)
class OpenThing:
    """An open upload."""

    parts: tuple[OpenPart, ...]
    number: int = 1
    storage_class: str | None = None

    @property
    def key(self) -> str:
        """By TEMPLATE."""
        return f"acme/team/{uid_of(self.number)}/video.mp4"


@dataclass(kw_only=True)
class Listing:
    """What a count finds."""

    current: Iterable[Thing] = ()
    noncurrent: Iterable[Thing] = ()
    delete_markers: Iterable[Thing] = ()
    uploads: Iterable[OpenThing] = ()
    recordings: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Organisation and namespace by number."""


def tally(
    previous: UsageSample | None,
    now: datetime,
    *,
    basis: str = BASIS,
    template: str = TEMPLATE,
    prefix: str = "",
    claims: tuple[KeyClaim, ...] = (),
    recordings: Mapping[int, tuple[str, str]] | None = None,
    org_of: Callable[[str, str], str | None] | None = None,
) -> LocationTally:
    """A tally at `now`."""
    index = RecordingIndex(listed_from=now)
    for number, (org, namespace) in (recordings or {}).items():
        index.add(uid_of(number), org=org, namespace=namespace)
    return LocationTally(
        prefix=prefix,
        key_template=template,
        claims=claims,
        index=index,
        window=window_after(previous, now=now, basis=basis),
        default_class="STANDARD",
        min_days=min_days,
        org_of=org_of,
    )


def count(
    previous: UsageSample | None,
    now: datetime,
    listing: Listing,
    *,
    basis: str = BASIS,
    template: str = TEMPLATE,
    is_complete: bool = True,
) -> UsageSample:
    """The sample of a count at `now`, written and read again."""
    counting = tally(previous, now, basis=basis, template=template, recordings=listing.recordings)
    for one in listing.current:
        counting.add(
            one.key, size_bytes=one.size_bytes, storage_class=one.storage_class, last_modified=one.dated, etag=one.etag
        )
    for old, is_delete_marker in [(one, False) for one in listing.noncurrent] + [
        (one, True) for one in listing.delete_markers
    ]:
        counting.add_noncurrent(
            old.key,
            size_bytes=old.size_bytes,
            storage_class=old.storage_class,
            last_modified=old.dated,
            etag=old.etag,
            is_delete_marker=is_delete_marker,
        )
    for upload in listing.uploads:
        counting.add_open_upload(upload.key, parts=upload.parts, storage_class=upload.storage_class)
    if is_complete:
        counting.was_listed()
    sample = sample_from(counting, location=LOCATION, previous=previous, basis=basis)
    return UsageSample.model_validate_json(sample.model_dump_json(by_alias=True))


def stored(sample: UsageSample) -> dict[OwnerKey, Stock]:
    """Stored stock by owner."""
    return {row.key: row.stock for row in sample.stored}


def uploaded(sample: UsageSample) -> dict[str, int]:
    """Uploaded bytes by organisation."""
    found: dict[str, int] = {}
    for row in sample.arrived:
        if row.state is not State.INCOMPLETE:
            found[row.org] = found.get(row.org, 0) + row.size_bytes
    return {org: size for org, size in found.items() if size}
