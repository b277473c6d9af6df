"""Usage samples for tests of days and charges: one location, named amounts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import HealthCheck, settings

from recording_operator.api.storagereport import DownloadSource, ReportSource
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import (
    ArrivalRow,
    DownloadRow,
    EarlyDeletionRow,
    OwnerKey,
    State,
    StockRow,
    UsageSample,
)
from recording_operator.usage.stock import SMALL, Stock, stock_of, total
from recording_operator.usage.timeline import usage_days

GB = 10**9
GIB = 2**30
LOCATION = "archive"
TEAM = "team"
DAY = timedelta(days=1)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no fault of what is tested."""


def at(text: str) -> datetime:
    """A time in UTC: `2026-03-01` or with a time of day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def key_of(org: str, storage_class: str = "STANDARD", state: State = State.CURRENT) -> OwnerKey:
    """The objects of an organisation in its one namespace."""
    return OwnerKey(org, TEAM, storage_class, state)


def stored(key: OwnerKey, stock: Stock | int) -> StockRow:
    """A row of stored objects; a number is the bytes of one large object."""
    return StockRow.model_validate(_amounts(key, stock))


def arrival(key: OwnerKey, when: datetime, stock: Stock | int, *, writes: int = 1) -> ArrivalRow:
    """A row of uploads at one time."""
    second = when.hour * 3600 + when.minute * 60 + when.second
    return ArrivalRow.model_validate({**_amounts(key, stock), "day": when.date(), "second": second, "writes": writes})


def early(key: OwnerKey, uploaded: date, stock: Stock | int) -> EarlyDeletionRow:
    """A row of objects that were deleted before their minimum duration was over."""
    return EarlyDeletionRow.model_validate({**_amounts(key, stock), "day": uploaded})


def _amounts(key: OwnerKey, stock: Stock | int) -> dict[str, object]:
    found = stock if isinstance(stock, Stock) else Stock(1 if key.state is not State.INCOMPLETE else 0, stock)
    below = found[2 : 2 + 2 * len(SMALL)]
    return {
        "org": key.org,
        "namespace": key.namespace,
        "storage_class": key.storage_class,
        "state": key.state,
        "objects": found.objects,
        "size_bytes": found.size_bytes,
        "small_objects": below[::2],
        "small_bytes": below[1::2],
        "monitored": found.monitored,
        "aged_bytes": (found.bytes_after_30d, found.bytes_after_90d),
    }


def sample(
    when: datetime,
    held: Mapping[str, int] | Mapping[OwnerKey, Stock | int],
    *,
    since: datetime | None = None,
    arrived: Iterable[ArrivalRow] = (),
    downloaded: Mapping[date, Mapping[str, int]] | None = None,
    deleted_early: Iterable[EarlyDeletionRow] = (),
    ahead: Iterable[ArrivalRow] = (),
    location: str = LOCATION,
    basis: str = "whole",
    source: ReportSource = ReportSource.INVENTORY,
    counted_by: str | None = None,
) -> UsageSample:
    """A sample. `held` is by organisation (bytes of one large object in STANDARD) or by key."""
    rows = [stored(key_of(key) if isinstance(key, str) else key, amount) for key, amount in held.items()]
    reads = [
        DownloadRow(org=org, day=day, size_bytes=size)
        for day, by_org in (downloaded or {}).items()
        for org, size in by_org.items()
    ]
    return UsageSample(
        location=location,
        at=when,
        since=since,
        source=source,
        download_source=DownloadSource.PLAYBACK if downloaded is None else DownloadSource.ACCESS_LOGS,
        basis=basis,
        counted_by=counted_by,
        stored=tuple(rows),
        arrived=tuple(arrived),
        ahead=tuple(ahead),
        downloaded=tuple(reads),
        deleted_early=tuple(deleted_early),
    )


def days_of(*samples: UsageSample) -> UsageDays:
    """The days of samples; each is told when the one before it was taken."""
    chained = [samples[0], *(after.model_copy(update={"since": before.at}) for before, after in pairwise(samples))]
    return usage_days(chained)


def steady(begin: str, end: str, held: Mapping[str, int] | Mapping[OwnerKey, Stock | int]) -> UsageDays:
    """A time in which nothing changes. It begins at the first of a month, or with a day of its own."""
    return days_of(sample(at(begin), held), sample(at(end), held))


def byte_seconds(usage: UsageDays, day: str | None = None) -> int:
    """Bytes times seconds of a day, or of all days."""
    days = usage.days.values() if day is None else [usage.days[date.fromisoformat(day)]]
    return sum(volume.stock_seconds.size_bytes for entry in days for volume in entry.volumes.values())


def ends(usage: UsageDays) -> dict[int, int]:
    """The bytes at the end of each day, by day of the month."""
    return {
        day.day: total([volume.end for volume in entry.volumes.values()]).size_bytes
        for day, entry in usage.days.items()
    }


def objects_of(*sizes: int) -> Stock:
    """The stock of objects of these sizes."""
    return total([stock_of(size) for size in sizes])


def gb_hours(amount: int) -> Decimal:
    """Byte-seconds as GB-hours."""
    return Decimal(amount) / GB / 3600


def sums(parts: Sequence[int | Decimal]) -> Decimal:
    """The sum as a decimal."""
    return sum(map(Decimal, parts), Decimal(0))
