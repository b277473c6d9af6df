"""If downloads cannot be counted, the refresh is retried, or they are estimated and the report says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import DownloadSource
from recording_operator.controller.reports.downloads import DownloadCount, DownloadCounter
from recording_operator.controller.reports.errors import RefreshError
from recording_operator.costs.arrivals import Window
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.library import find_profile
from recording_operator.costs.sample import SHARED
from recording_operator.costs.usage import LocationTally, Scope, Usage
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.accesslogs import deliver, line, log_key
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

BUCKET, LOGS = "recordings-of-ours", "logs-of-ours"
TEMPLATE = "{org}/{uid}/{artifact}"
KEY = "acme/0b6b2f4e-8f0f-4c7e-9a51-0e6f5f1f3a11/video"
KEYS = StoreCredentials(access_key_id="key", secret_access_key="secret")
BY_LOGS = {"accessLogs": {"bucket": LOGS}}
BY_METRICS = {"cloudWatch": {"filterId": "all"}}


class _Stores:
    """Clients with the locations' buckets: of the store that keeps the logs, else of AWS, whose metrics moto plays."""

    def __init__(self, *, region: str, logs: StrictStore | None) -> None:
        self._region = region
        self._logs = logs

    def store(self, location: StorageLocation) -> S3LocationStore:
        if self._logs is not None:
            return store_of(self._logs, bucket=location.spec.s3.bucket)
        return S3LocationStore(S3Options(bucket=location.spec.s3.bucket, region=self._region, credentials=KEYS))


@pytest.fixture
def logs() -> Iterator[StrictStore]:
    """A bucket for logs."""
    with StrictStore(bucket_name=LOGS) as store:
        yield store


def a_location(name: str, prices: dict[str, Any], *, bucket: str = BUCKET) -> StorageLocation:
    spec = {"s3": {"bucket": bucket}, "keyTemplate": TEMPLATE, "prices": prices}
    return StorageLocation.model_validate({"metadata": {"name": name}, "spec": spec})


def count(
    *locations: StorageLocation,
    usage: Usage,
    failures: int = 0,
    scope: Scope | None = None,
    region: str = "us-east-1",
    logs: StrictStore | None = None,
) -> DownloadCount:
    """Count, with a window that reaches to now: nothing is too young."""
    now = datetime.now(UTC).replace(microsecond=0)
    window = Window(since=now - timedelta(hours=2), now=now + timedelta(hours=1))
    tallies = {
        location.metadata.name: LocationTally(
            usage,
            location=location.metadata.name,
            prefix="",
            key_template=TEMPLATE,
            claims=(),
            profile=find_profile("default"),
            index=RecordingIndex(),
            scope=scope or Scope(),
            window=window,
        )
        for location in locations
    }
    counter = DownloadCounter(
        stores=_Stores(region=region, logs=logs),
        usage=usage,
        scope=scope or Scope(),
        window=window,
        failures=failures,
        stop=lambda: None,
    )
    return counter.count(locations, tallies)


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
    usage = Usage()
    found = count(a_location("archive", BY_LOGS), logs=logs, usage=usage)
    by_day = usage.downloads["archive"]
    assert found.sources == {"archive": DownloadSource.ACCESS_LOGS}
    assert found.notes == []
    assert min(by_day) >= (datetime.now(UTC) - timedelta(hours=2)).date()
    assert {org: sum(day.get(org, 0) for day in by_day.values()) for org in ("acme", "globex")} == {
        "acme": 110,
        "globex": 5,
    }


def test_only_organisations_in_scope(logs: StrictStore) -> None:
    put(logs, a_line(), a_line(KEY.replace("acme", "globex"), 5))
    usage = Usage()
    count(a_location("archive", BY_LOGS), logs=logs, usage=usage, scope=Scope(orgs=frozenset({"globex"})))
    assert [set(day) for day in usage.downloads["archive"].values()] == [{"globex"}]


@pytest.mark.parametrize(
    ("lines", "words"),
    [([], "contains no access logs of these days"), (["a", "b"], "are not in S3's format")],
)
def test_logs_that_tell_nothing_are_not_a_zero(logs: StrictStore, lines: list[str], words: str) -> None:
    if lines:
        put(logs, *lines)
    usage = Usage()
    found = count(a_location("archive", BY_LOGS), logs=logs, usage=usage)
    assert (found.sources, usage.downloads) == ({}, {})
    assert words in found.notes[0]


def test_logs_without_a_download_are_a_zero(logs: StrictStore) -> None:
    put(logs, line(KEY, 243, bucket=BUCKET, at=datetime.now(UTC), operation="REST.PUT.PART"), "garbage")
    usage = Usage()
    found = count(a_location("archive", BY_LOGS), logs=logs, usage=usage)
    assert found.sources == {"archive": DownloadSource.ACCESS_LOGS}
    assert usage.downloads == {"archive": {}}
    assert found.notes == ["Unreadable lines in the access logs of archive: 1."]


def test_downloads_are_estimated_at_once_if_only_an_administrator_can_repair_it(logs: StrictStore) -> None:
    usage = Usage()
    found = count(a_location("archive", {"accessLogs": {"bucket": "nobodys-bucket"}}), logs=logs, usage=usage)
    assert (found.sources, usage.downloads) == ({}, {})
    why = "The location's bucket does not exist (ListObjectsV2: NoSuchBucket)"
    assert found.notes == [f"Downloads of archive are estimated, because they could not be counted: {why}."]


def test_a_service_that_may_recover_is_retried_and_then_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    # A real client, and a port without a listener.
    monkeypatch.setattr("recording_operator.stores.s3.cloudwatch._TIMEOUT_S", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    place = a_location("archive", BY_METRICS)
    with pytest.raises(RefreshError, match="StorageLocation archive: downloads could not be counted: No connection"):
        count(place, usage=Usage())
    usage = Usage()
    found = count(place, usage=usage, failures=3)
    assert (found.sources, usage.downloads) == ({}, {})
    assert found.notes[0].startswith("Downloads of archive are estimated")


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
    usage = Usage()
    found = count(a_location("archive", BY_METRICS), a_location("second", BY_METRICS), usage=usage)
    assert set(found.sources.values()) == {DownloadSource.CLOUD_WATCH}
    assert list(usage.downloads["archive"].values()) == [{SHARED: 42}]
    assert usage.downloads["second"] == {}
    narrow = count(a_location("archive", BY_METRICS), usage=Usage(), scope=Scope(orgs=frozenset({"acme"})))
    assert narrow.sources == {}
    assert "CloudWatch counts the whole bucket" in narrow.notes[0]
