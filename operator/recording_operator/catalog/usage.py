"""Usage samples in the catalog: each whole, as the file that is in the bucket. docs/usage.md describes the format."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from recording_operator.catalog.entries import as_time, milliseconds
from recording_operator.catalog.tables import USAGE_SAMPLES
from recording_operator.usage.codec import decode, encode, without_carry
from recording_operator.usage.months import chain
from recording_operator.usage.sample import UsageSample


@dataclass(frozen=True, slots=True)
class _Row:
    at: datetime
    since: datetime | None
    sample: bytes


def usage_rows(location: str, samples: Iterable[UsageSample]) -> list[dict[str, Any]]:
    """The rows of samples, in order. Raises UsageFormatError."""
    rows = {
        one.at: {
            "location": location,
            "at": milliseconds(one.at),
            "since": milliseconds(one.since),
            "sample": encode(without_carry(one)),
        }
        for one in samples
    }
    return [rows[at] for at in sorted(rows)]


def usage_locations(connection: Connection) -> tuple[str, ...]:
    """The locations that have samples."""
    query = select(USAGE_SAMPLES.c.location).distinct().order_by(USAGE_SAMPLES.c.location)
    return tuple(connection.scalars(query))


def last_usage(connection: Connection, location: str) -> datetime | None:
    """The time of the newest sample."""
    return as_time(connection.scalar(select(func.max(USAGE_SAMPLES.c.at)).where(USAGE_SAMPLES.c.location == location)))


def usage_samples(connection: Connection, location: str, *, until: datetime) -> Sequence[UsageSample]:
    """The samples that count at that time, in order. Raises UsageFormatError."""
    table = USAGE_SAMPLES.c
    query = select(table.at, table.since, table.sample).where(table.location == location).order_by(table.at)
    rows = [
        _Row(at=at, since=as_time(row.since), sample=row.sample)
        for row in connection.execute(query)
        if (at := as_time(row.at)) is not None
    ]
    return [decode(row.sample) for row in chain(rows, until=until)]
