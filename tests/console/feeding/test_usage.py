"""Usage samples are copied from the buckets into the catalog, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.usage import UsageFeed
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.codec import CONTENT_TYPE, day_name, encode, encode_month, sample_name
from recording_operator.usage.sample import UsageSample
from tests.cli.counted_world import a_location
from tests.controller.usage.archives import a_sample
from tests.support.strict_fixtures import strict, strict_server
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

__all__ = ["strict", "strict_server"]

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class Samples:
    """A bucket with usage files, and a catalog."""

    strict: StrictStore
    location: StorageLocation
    store: LocationStore
    reader: CatalogReader
    feed: UsageFeed

    def write(self, name: str, data: bytes) -> None:
        """Write a file, as the operator does."""
        assert self.store.create_document(f"{self.location.store.prefix}{name}", data, CONTENT_TYPE)

    def keep(self, sample: UsageSample) -> None:
        """Write the file of one sample."""
        self.write(sample_name("archive", sample.at), encode(sample))

    @property
    def kept(self) -> list[datetime]:
        """The times of the samples in the catalog."""
        return [one.at for one in self.reader.usage("archive", until=NOW + timedelta(days=400))]


@pytest.fixture
def samples(strict: StrictStore, database_url: str) -> Iterator[Samples]:
    """An empty one."""
    location = StorageLocation.model_validate(a_location(strict))
    engine = open_database(database_url)
    reader, store = CatalogReader(engine), store_of(strict, region="eu-west-2")
    feed = UsageFeed(
        reader=reader,
        writer=CatalogWriter(engine),
        locations=lambda: (location,),
        open_store=lambda _: store_of(strict, region="eu-west-2"),
        now=lambda: NOW,
    )
    yield Samples(strict=strict, location=location, store=store, reader=reader, feed=feed)
    store.close()
    engine.dispose()


def _sample(hours: int, since: int | None = None) -> UsageSample:
    at, before = NOW - timedelta(hours=hours), None if since is None else NOW - timedelta(hours=since)
    return a_sample(at).model_copy(update={"location": "archive", "since": before})


def test_new_samples_are_read_and_old_files_are_not_read_again(samples: Samples) -> None:
    """A file of an earlier day cannot have newer samples."""
    first, second = _sample(48), _sample(24, 48)
    samples.write(day_name("archive", first.at.date()), encode_month([first]))
    samples.keep(second)
    samples.feed.turn()
    assert samples.kept == [first.at, second.at]

    third = _sample(1, 24)
    samples.keep(third)
    before = len(samples.strict.requests)
    samples.feed.turn()

    assert samples.kept == [first.at, second.at, third.at]
    assert sum(one.operation == "GetObject" for one in samples.strict.requests[before:]) == 1


def test_a_sample_of_a_wrong_clock_does_not_hide_later_ones(samples: Samples) -> None:
    """It would be the newest one for a year."""
    samples.keep(_sample(-24 * 365))
    samples.keep(_sample(2))
    samples.feed.turn()
    samples.keep(_sample(1, 2))
    samples.feed.turn()

    assert samples.kept == [NOW - timedelta(hours=2), NOW - timedelta(hours=1)]


def test_a_file_that_is_none_is_left_out(samples: Samples) -> None:
    """Others may write to the bucket."""
    samples.write(sample_name("archive", NOW - timedelta(hours=3)), b"nonsense")
    samples.keep(_sample(2))

    assert samples.feed.turn()

    assert samples.kept == [NOW - timedelta(hours=2)]
