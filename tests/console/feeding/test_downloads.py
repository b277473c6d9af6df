"""Downloads of Recordings come from the newest usage sample of each location with access logs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import DownloadSource
from recording_operator.catalog.database import open_database
from recording_operator.catalog.downloads import CountedDownloads, DownloadSum, DownloadTable
from recording_operator.console.downloads import DownloadFeed
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.codec import CONTENT_TYPE, encode, sample_name
from recording_operator.usage.sample import OTHER, Carry, RecordingDownloadRow, UsageSample
from tests.cli.counted_world import a_location
from tests.controller.usage.archives import a_sample
from tests.support.strict_fixtures import strict, strict_server
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

__all__ = ["strict", "strict_server"]

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
MONDAY = datetime(2026, 4, 20, tzinfo=UTC)
BEGIN_OF_MONTH = datetime(2026, 5, 1, tzinfo=UTC)
THIS_WEEK, LAST_WEEK = date(2026, 5, 18), date(2026, 5, 11)


@dataclass(kw_only=True)
class Counting:
    """A bucket with usage files, and a catalog."""

    strict: StrictStore
    store: LocationStore
    prefix: str
    table: DownloadTable
    feed: DownloadFeed
    locations: list[StorageLocation] = field(default_factory=list)

    def write(self, name: str, data: bytes) -> None:
        """Write a file, as the operator does."""
        assert self.store.create_document(f"{self.prefix}{name}", data, CONTENT_TYPE)

    def keep(
        self,
        hours: int,
        *rows: RecordingDownloadRow,
        since: int | None = None,
        source: DownloadSource = DownloadSource.ACCESS_LOGS,
    ) -> None:
        """Write the sample of so many hours ago."""
        at, before = NOW - timedelta(hours=hours), None if since is None else NOW - timedelta(hours=since)
        found = a_sample(at).model_copy(
            update={
                "location": "archive",
                "since": before,
                "download_source": source,
                "carry": Carry(downloads=rows),
            }
        )
        self.write(sample_name("archive", at), encode(UsageSample.model_validate(found)))

    def read(self) -> dict[str, CountedDownloads]:
        """What is in the catalog after a turn."""
        assert self.feed.turn()
        return dict(self.table.counted())


@pytest.fixture
def counting(strict: StrictStore, database_url: str) -> Iterator[Counting]:
    """An empty one."""
    manifest = a_location(strict)
    manifest["spec"]["prices"] = {"accessLogs": {"bucket": "logs"}}
    location = StorageLocation.model_validate(manifest)
    engine = open_database(database_url)
    table, store, locations = DownloadTable(engine), store_of(strict, region="eu-west-2"), [location]
    feed = DownloadFeed(
        table=table,
        locations=lambda: tuple(locations),
        open_store=lambda _: store_of(strict, region="eu-west-2"),
        now=lambda: NOW,
    )
    yield Counting(
        strict=strict, store=store, prefix=location.store.prefix, table=table, feed=feed, locations=locations
    )
    store.close()
    engine.dispose()


def row(uid: str, week: date, requests: int, size_bytes: int) -> RecordingDownloadRow:
    return RecordingDownloadRow(uid=uid, week=week, requests=requests, size_bytes=size_bytes)


def test_the_newest_sample_says_it_and_a_wrong_clock_does_not(counting: Counting) -> None:
    counting.keep(-24 * 365, row("uid-1", THIS_WEEK, 1000, 1000))
    counting.keep(48, row("uid-1", LAST_WEEK, 1, 10))
    counting.keep(
        24,
        row("uid-1", LAST_WEEK, 1, 10),
        row("uid-1", THIS_WEEK, 2, 20),
        row("uid-2", THIS_WEEK, 1, 5),
        row(OTHER, THIS_WEEK, 4, 40),
        since=48,
    )
    assert counting.read() == {"archive": CountedDownloads(since=BEGIN_OF_MONTH, total=DownloadSum(8, 75), exact=False)}

    before = len(counting.strict.requests)
    counting.read()
    assert "GetObject" not in [one.operation for one in counting.strict.requests[before:]]
    counting.keep(1, since=24)
    assert counting.read() == {"archive": CountedDownloads(since=BEGIN_OF_MONTH, total=DownloadSum(0, 0), exact=True)}


@pytest.mark.parametrize(
    ("away", "since", "exact"),
    [
        pytest.param((), 40, True, id="all-days"),
        pytest.param(tuple(range(40, 10, -1)), 10, True, id="not-from-the-beginning"),
        pytest.param((20,), 40, False, id="not-in-between"),
        pytest.param((1,), 40, False, id="not-the-last"),
    ],
)
def test_the_days_that_were_counted(counting: Counting, away: tuple[int, ...], since: int, *, exact: bool) -> None:
    for days in range(40, 0, -1):
        source = DownloadSource.PLAYBACK if days in away else DownloadSource.ACCESS_LOGS
        counting.keep((days - 1) * 24, row("uid-1", THIS_WEEK, 2, 20), since=days * 24, source=source)
    oldest = max(MONDAY, NOW - timedelta(days=since))
    assert counting.read() == {"archive": CountedDownloads(since=oldest, total=DownloadSum(2, 20), exact=exact)}


def test_what_is_read_again_after_a_pause_of_the_operator_is_not_all(counting: Counting) -> None:
    counting.keep(96, row("uid-1", LAST_WEEK, 2, 20), since=120)
    counting.keep(24, row("uid-1", THIS_WEEK, 2, 20), since=48)
    since = NOW - timedelta(hours=120)
    assert counting.read() == {"archive": CountedDownloads(since=since, total=DownloadSum(2, 20), exact=False)}


def test_a_location_without_access_logs_is_not_read_and_forgotten(counting: Counting) -> None:
    counting.keep(1, row("uid-1", THIS_WEEK, 2, 20))
    assert counting.read()
    (known,) = counting.locations
    spec = known.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    counting.locations[:] = [known.model_validate({"metadata": {"name": "archive"}, "spec": {**spec, "prices": {}}})]
    before = len(counting.strict.requests)
    assert counting.read() == {}
    assert counting.strict.requests[before:] == []


def test_what_is_counted_no_longer_is_forgotten(counting: Counting) -> None:
    counting.keep(48, row("uid-1", THIS_WEEK, 2, 20))
    assert counting.read()
    counting.keep(24, since=48, source=DownloadSource.PLAYBACK)
    assert counting.read() == {}


def test_a_file_that_is_none_is_left_out(counting: Counting) -> None:
    """Others may write to the bucket."""
    counting.write(sample_name("archive", NOW - timedelta(hours=1)), b"nonsense")
    counting.keep(2, row("uid-1", THIS_WEEK, 2, 20))
    assert counting.read()["archive"].total == DownloadSum(2, 20)


def test_what_is_known_stays_while_the_store_is_away(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    counting.keep(2, row("uid-1", THIS_WEEK, 2, 20))
    known = counting.read()
    monkeypatch.setattr(counting.feed, "_open_store", lambda _: store_of(counting.strict, bucket="gone"))
    assert counting.read() == known
