"""Small inputs for the cost model: a location, its prices, samples of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, settings

from recording_operator.api.storagereport import PlaybackBase
from recording_operator.costs.ledger import Ledger, advance
from recording_operator.costs.library import find_profile
from recording_operator.costs.profile import Profile
from recording_operator.costs.sample import ArrivedBytes, Cell, CostTerms, LocationPrices, Sample, StoredBytes

GB = 10**9
GIB = 2**30
LOCATION = "archive"
DAY = timedelta(days=1)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no fault of what is tested."""


def at(text: str) -> datetime:
    """A time in UTC: `2026-03-01` or with a time of day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(
    profile: str | Profile = "default", *, ratio: str = "0", base: PlaybackBase = PlaybackBase.STORED
) -> CostTerms:
    """One location with these prices, and downloads only if a ratio is given."""
    found = find_profile(profile) if isinstance(profile, str) else profile
    return CostTerms(
        prices={LOCATION: LocationPrices(group=found.name, profile=found)},
        playback_ratio=Decimal(ratio),
        playback_base=base,
    )


def sample(when: datetime, by_org: Mapping[str, int], *, storage_class: str = "STANDARD") -> Sample:
    """What each organisation holds at a time."""
    cells = {Cell(LOCATION, storage_class, org): StoredBytes(size, size) for org, size in by_org.items()}
    return Sample(at=when, cells=cells)


def ledger(when: datetime, by_org: Mapping[str, int], *, storage_class: str = "STANDARD") -> Ledger:
    """An account that begins with these amounts."""
    return Ledger(at=when, cells=dict(sample(when, by_org, storage_class=storage_class).cells))


def arrived(org: str, size_bytes: int, *, writes: int = 1) -> dict[Cell, ArrivedBytes]:
    """Bytes that were stored on a day."""
    return {Cell(LOCATION, "STANDARD", org): ArrivedBytes(size_bytes, size_bytes, writes)}


def kept(begin: str, end: str, by_org: Mapping[str, int], by: CostTerms) -> Ledger:
    """An account over a time in which nothing changes."""
    book = ledger(at(begin), by_org)
    advance(book, sample(at(end), by_org), by)
    return book
