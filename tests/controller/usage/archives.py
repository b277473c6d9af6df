"""Archives on a strict store: locations, samples, histories."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import ReportSource
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.errors import LocationError
from recording_operator.usage.codec import encode, sample_name
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import ArrivalRow, Carry, StockRow, UsageSample
from recording_operator.usage.timeline import usage_days
from tests.support.strict_bucket import Attributes
from tests.support.strict_store import StrictStore

PLAIN = Attributes(content_type="application/gzip", metadata={}, headers={})
FOLDER = "p/.recording-operator/usage/archive/"
START = datetime(2026, 9, 10, 0, 0, 7, tzinfo=UTC)
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
NewArchive = Callable[..., LocationArchive]


class Stores:
    """The store of each location; `error` is raised instead."""

    def __init__(self, store: Any) -> None:
        self.opened = store
        self.error: LocationError | None = None

    def store(self, _: StorageLocation) -> Any:
        if self.error is not None:
            raise self.error
        return self.opened


def a_location(name: str = "archive", ready: str = "") -> StorageLocation:
    spec = {"s3": {"bucket": "recordings", "prefix": "p/"}, "keyTemplate": "{uid}/{artifact}"}
    condition = {"type": "Ready", "status": "False", "reason": ready, "lastTransitionTime": "2026-11-01T00:00:00Z"}
    status = {"conditions": [{**condition, "message": "", "observedGeneration": 1}] if ready else []}
    return StorageLocation.model_validate({"metadata": {"name": name}, "spec": spec, "status": status})


LOCATION = a_location()


def a_sample(
    at: datetime, since: datetime | None = None, *, size_bytes: int = 1000, name: str = "archive"
) -> UsageSample:
    row: dict[str, Any] = {"org": "acme", "namespace": "a", "storage_class": "STANDARD", "size_bytes": size_bytes}
    arrived = ArrivalRow(**row, day=(at - timedelta(seconds=8)).date(), writes=1)
    return UsageSample(
        location=name,
        at=at,
        since=since,
        source=ReportSource.INVENTORY,
        stored=(StockRow(**row),),
        arrived=(arrived,),
        carry=Carry(recent=(arrived,)),
    )


def a_history() -> list[UsageSample]:
    """Samples of three months, several on some days, and one of another leader."""
    times = ["09-10T00", "09-20T00", "10-05T00", "10-18T00", "10-18T09", "10-18T18", "10-31T00", "11-01T00", "11-03T00"]
    made: list[UsageSample] = []
    for number, text in enumerate(times):
        at = datetime.fromisoformat(f"2026-{text}:00:07+00:00")
        made.append(a_sample(at, made[-1].at if made else None, size_bytes=1000 + 7 * number))
    return [*made, a_sample(made[2].at - timedelta(hours=1), made[1].at, size_bytes=5)]


def put(strict: StrictStore, *samples: UsageSample) -> None:
    """Place samples in the bucket as if kept earlier."""
    for one in samples:
        strict.bucket.put(f"p/{sample_name(one.location, one.at)}", encode(one), PLAIN)


def days(archive: LocationArchive) -> UsageDays:
    """The usage of the location."""
    return usage_days(archive.samples(LOCATION))


def names(strict: StrictStore) -> list[str]:
    """The location's files."""
    return sorted(key.removeprefix(FOLDER) for key in strict.bucket.versions if key.startswith(FOLDER))
