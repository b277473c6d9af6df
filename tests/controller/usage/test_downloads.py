"""What becomes of downloads that cannot be counted: tried again, or estimated and told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import DownloadSource
from recording_operator.controller.usage.downloads import DownloadCounter
from recording_operator.controller.usage.errors import CountError
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.usage.counting import LocationTally
from recording_operator.usage.owners import RecordingIndex
from recording_operator.usage.sample import SHARED
from recording_operator.usage.window import Window
from tests.support.accesslogs import deliver, line, log_key
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

BUCKET, LOGS = "recordings-of-ours", "logs-of-ours"
TEMPLATE = "{org}/{uid}/{artifact}"
KEY = "acme/0b6b2f4e-8f0f-4c7e-9a51-0e6f5f1f3a11/video"
KEYS = StoreCredentials(access_key_id="key", secret_access_key="secret")
BY_LOGS = {"accessLogs": {"bucket": LOGS}}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
BY_METRICS = {"cloudWatch": {"filterId": "all"}}


class _Stores:
    """Clients with the locations' buckets: of the store that keeps the logs, else of AWS, whose metrics moto plays."""

    def __init__(self, *, region: str, logs: StrictStore | None) -> None:
        self._region = region
        self._logs = logs

    def store(self, location: StorageLocation) -> S3LocationStore:
        if self._logs is not None:
            return store_of(self._logs, bucket=location.store.bucket)
        return S3LocationStore(S3Options(bucket=location.store.bucket, region=self._region, credentials=KEYS))


@pytest.fixture
def logs() -> Iterator[StrictStore]:
    """A bucket for logs."""
    with StrictStore(bucket_name=LOGS) as store:
        yield store


def a_location(name: str, prices: dict[str, Any], *, bucket: str = BUCKET) -> StorageLocation:
    spec = {"s3": {"bucket": bucket}, "keyTemplate": TEMPLATE, "prices": prices}
    return StorageLocation.model_validate({"metadata": {"name": name}, "spec": spec})


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one location: bytes by day and organisation."""

    source: DownloadSource
    note: str | None
    downloads: dict[date, dict[str, int]]


def count(
    *locations: StorageLocation, failures: int = 0, region: str = "us-east-1", logs: StrictStore | None = None
) -> dict[str, Counted]:
    """Count, with a window that reaches to now: nothing is too young."""
    now = datetime.now(UTC).replace(microsecond=0)
    window = Window(since=now - timedelta(hours=2), now=now + timedelta(hours=1))
    counter = DownloadCounter(stores=_Stores(region=region, logs=logs), locations=locations, stop=lambda: None)
    found = {}
    for location in locations:
        tally = LocationTally(
            prefix="",
            key_template=TEMPLATE,
            claims=(),
            index=RecordingIndex(),
            window=window,
            default_class="STANDARD",
            min_days=lambda _: 0,
        )
        made = counter.count(location, tally, window=window, counts_keys=True, failures=failures)
        found[location.metadata.name] = Counted(made.source, made.note, tally.downloads)
    return found


def put(logs: StrictStore, *lines: str) -> None:
    client = boto3.client(
        "s3",
        region_name=logs.region,
        endpoint_url=logs.endpoint,
        aws_access_key_id=logs.access_key,
        aws_secret_access_key=logs.secret_key,
    )
    deliver(client, bucket=LOGS, key=log_key("", datetime.now(UTC)), lines=list(lines))


def a_line(key: str = KEY, sent: int = 10, *, days_ago: int = 0) -> str:
    return line(key, sent, bucket=BUCKET, at=datetime.now(UTC) - timedelta(days=days_ago))


def test_logs_are_booked_by_organisation_and_late_ones_on_the_first_open_day(logs: StrictStore) -> None:
    put(logs, a_line(), a_line(KEY.replace("acme", "globex"), 5), a_line(sent=100, days_ago=4), a_line("notes.txt", 9))
    found = count(a_location("archive", BY_LOGS), logs=logs)["archive"]
    assert (found.source, found.note) == (DownloadSource.ACCESS_LOGS, None)
    assert min(found.downloads) >= (datetime.now(UTC) - timedelta(hours=2)).date()
    assert {org: sum(day.get(org, 0) for day in found.downloads.values()) for org in ("acme", "globex")} == {
        "acme": 110,
        "globex": 5,
    }


@pytest.mark.parametrize(
    ("lines", "words"),
    [([], "contains no access logs of these days"), (["a", "b"], "are not in S3's format")],
)
def test_logs_that_tell_nothing_are_not_a_zero(logs: StrictStore, lines: list[str], words: str) -> None:
    if lines:
        put(logs, *lines)
    found = count(a_location("archive", BY_LOGS), logs=logs)["archive"]
    assert (found.source, found.downloads) == (DownloadSource.PLAYBACK, {})
    assert found.note is not None
    assert words in found.note


def test_logs_without_a_download_are_a_zero(logs: StrictStore) -> None:
    put(logs, line(KEY, 243, bucket=BUCKET, at=datetime.now(UTC), operation="REST.PUT.PART"), "garbage")
    found = count(a_location("archive", BY_LOGS), logs=logs)["archive"]
    assert found == Counted(DownloadSource.ACCESS_LOGS, "1 lines of the access logs of archive could not be read.", {})


def test_logs_of_keys_that_another_location_counts_are_left_to_it(logs: StrictStore) -> None:
    place = a_location("archive", BY_LOGS)
    counter = DownloadCounter(stores=_Stores(region="us-east-1", logs=logs), locations=[place], stop=lambda: None)
    tally: Any = None
    made = counter.count(place, tally, window=Window(since=NOW, now=NOW), counts_keys=False, failures=0)
    assert (made.source, made.note) == (DownloadSource.ACCESS_LOGS, None)


def test_what_only_an_administrator_mends_is_estimated_at_once(logs: StrictStore) -> None:
    found = count(a_location("archive", {"accessLogs": {"bucket": "nobodys-bucket"}}), logs=logs)["archive"]
    assert (found.source, found.downloads) == (DownloadSource.PLAYBACK, {})
    answer = "The location's bucket does not exist (ListObjectsV2: NoSuchBucket)"
    assert found.note == f"Downloads of archive are estimated, because they could not be counted: {answer}."


def test_what_may_yet_answer_is_tried_again_and_then_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    # A real client against a port where nobody listens.
    monkeypatch.setattr("recording_operator.stores.s3.cloudwatch._TIMEOUT_S", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    place = a_location("archive", BY_METRICS)
    with pytest.raises(CountError, match="Downloads could not be counted: No connection"):
        count(place)
    found = count(place, failures=3)["archive"]
    assert (found.source, found.downloads) == (DownloadSource.PLAYBACK, {})
    assert found.note is not None
    assert found.note.startswith("Downloads of archive are estimated")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that plays AWS; the operator's own transport sends to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", f"http://{host}:{port}")
    yield
    server.stop()


@pytest.mark.usefixtures("aws")
def test_cloudwatch_counts_the_whole_bucket_once() -> None:
    metrics = boto3.client("cloudwatch", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    dimensions = [{"Name": "BucketName", "Value": BUCKET}, {"Name": "FilterId", "Value": "all"}]
    when = datetime.now(UTC) - timedelta(minutes=30)
    datum = {"MetricName": "BytesDownloaded", "Dimensions": dimensions, "Timestamp": when, "Value": 42}
    metrics.put_metric_data(Namespace="AWS/S3", MetricData=[datum])
    found = count(a_location("second", BY_METRICS), a_location("archive", BY_METRICS))
    assert {one.source for one in found.values()} == {DownloadSource.CLOUD_WATCH}
    assert list(found["archive"].downloads.values()) == [{SHARED: 42}]
    assert found["second"].downloads == {}
