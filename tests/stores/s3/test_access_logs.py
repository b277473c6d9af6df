"""Downloads in server access logs: each is counted once, for every way of delivery."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from localcluster import S3Server
from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally, LoggedDownload
from recording_operator.stores.s3 import access_logs as accesslog
from recording_operator.stores.s3.access_logs import LATE, logged_downloads
from tests.support.accesslogs import deliver, line, log_key, turn_back

SOURCE, LOGS = "recordings-of-ours", "logs-of-ours"
HOUR = timedelta(hours=1)
KEY = "r/acme/0b6b2f4e-8f0f-4c7e-9a51-0e6f5f1f3a11/video.mp4"


@pytest.fixture
def aws() -> Iterator[Any]:
    """A client of a bucket for logs whose LastModified is now."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
        client.create_bucket(Bucket=LOGS)
        yield client


def now() -> datetime:
    return datetime.now(UTC)


def read(client: Any, *, reading: AccessLogTally | None = None, **more: Any) -> list[LoggedDownload]:
    given = {"bucket": SOURCE, "logs_bucket": LOGS, "logs_prefix": "logs/", "begin": now() - HOUR, "end": now() + HOUR}
    return list(logged_downloads(client, reading or AccessLogTally(), **{**given, **more}))


def put(client: Any, *lines: str, key: str | None = None) -> None:
    deliver(client, bucket=LOGS, key=key or log_key("logs/", now()), lines=list(lines))


def test_a_record_of_a_download(aws: Any) -> None:
    put(aws, line(KEY, 2_662_992, bucket=SOURCE, at=datetime(2026, 2, 6, 23, 59, tzinfo=UTC)))
    reading = AccessLogTally()
    assert read(aws, reading=reading) == [LoggedDownload(KEY, date(2026, 2, 6), 2_662_992)]
    assert (reading.objects, reading.lines, reading.unreadable) == (1, 1, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"operation": "REST.HEAD.OBJECT"},
        {"operation": "REST.PUT.PART"},
        {"operation": "REST.GET.BUCKET"},
        {"operation": "REST.COPY.OBJECT_GET"},
        {"status": "403"},
        {"status": "304", "sent": "-"},
        {"bucket": "another"},
    ],
    ids=str,
)
def test_lines_that_are_not_downloads_of_the_bucket(aws: Any, other: dict[str, str]) -> None:
    given: dict[str, Any] = {"sent": 243, "bucket": SOURCE, "at": now(), **other}
    reading = AccessLogTally()
    put(aws, line(KEY, **given))
    assert read(aws, reading=reading) == []
    assert (reading.lines, reading.unreadable) == (1, 0)


@pytest.mark.parametrize("written", ["a%20b/c%3Dd", "a+b/c%3Dd", "a%2520b/c%253Dd"])
def test_keys_are_encoded_once_or_twice(aws: Any, written: str) -> None:
    put(aws, line(written, 1, bucket=SOURCE, at=now()))
    assert read(aws)[0].key == "a b/c=d"


def test_a_record_that_comes_twice_counts_once(aws: Any) -> None:
    twice, other = (line(KEY, 10, bucket=SOURCE, at=now(), request=name) for name in ("A1", "B2"))
    put(aws, twice, other)
    put(aws, twice)
    reading = AccessLogTally()
    assert sum(found.size_bytes for found in read(aws, reading=reading)) == 20
    assert reading.repeated == 1


def test_unreadable_lines_are_counted_and_skipped(aws: Any) -> None:
    good = line(KEY, 7, bucket=SOURCE, at=now())
    endless = "x" * (3 * 2**20)
    put(aws, "", "not a log", endless, good, good.replace("[", "[99/Foo/", 1), good.rsplit('" 206', 1)[0])
    reading = AccessLogTally()
    assert [found.size_bytes for found in read(aws, reading=reading)] == [7]
    assert reading.unreadable == 4


def test_windows_of_any_size_do_not_tear_lines(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(aws, *(line(KEY, number, bucket=SOURCE, at=now()) for number in range(1, 40)))
    for size_bytes in (1, 7, 513, 2**20):
        monkeypatch.setattr(accesslog, "_READ_BYTES", size_bytes)
        assert [found.size_bytes for found in read(aws)] == list(range(1, 40))


def test_logs_partitioned_by_date_and_logs_named_by_second(aws: Any) -> None:
    for key in (log_key("logs/", now()), log_key("logs/", now(), partitioned=True)):
        put(aws, line(KEY, 5, bucket=SOURCE, at=now()), key=key)
    put(aws, line(KEY, 100, bucket=SOURCE, at=now()), key=f"logs/{now():%Y-%m-%d}-notes.txt")
    put(aws, line(KEY, 100, bucket=SOURCE, at=now()), key=log_key("elsewhere/", now()))
    assert [found.size_bytes for found in read(aws)] == [5, 5]


def test_a_prefix_need_not_be_a_folder(aws: Any) -> None:
    put(aws, line(KEY, 5, bucket=SOURCE, at=now()), key=log_key("recordings-", now()))
    assert len(read(aws, logs_prefix="recordings-")) == 1


def test_a_log_of_days_ago_that_is_delivered_now_is_read_now(aws: Any) -> None:
    late = now() - timedelta(days=9)
    put(aws, line(KEY, 5, bucket=SOURCE, at=late), key=log_key("logs/", late, partitioned=True))
    assert read(aws) == [LoggedDownload(KEY, late.date(), 5)]


def test_a_log_delivered_just_now_is_read_later(aws: Any) -> None:
    named = log_key("logs/", now() - LATE)  # of a day that is looked at, also just after midnight
    put(aws, line(KEY, 5, bucket=SOURCE, at=now()), key=named)
    reading = AccessLogTally()
    assert read(aws, reading=reading, end=now()) == []
    assert (reading.objects_seen, reading.objects) == (1, 0)
    assert read(aws, begin=now() + HOUR / 2) == []  # an earlier call has read it
    assert len(read(aws, begin=now(), end=now() + HOUR / 2)) == 1


def test_a_missing_permission_to_read_the_logs_is_reported(aws: Any) -> None:
    with pytest.raises(StoreError) as refusal:
        read(aws, logs_bucket="nobodys-bucket")
    assert refusal.value.location_reason is Reason.BUCKET_NOT_FOUND


def test_a_stop_is_noticed_between_logs(aws: Any) -> None:
    put(aws, line(KEY, 5, bucket=SOURCE, at=now()))

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        read(aws, stop=stop)


def test_memory_does_not_grow_with_the_logs(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accesslog, "_REMEMBERED_REQUESTS", 500)
    put(aws, *(line(KEY, 1, bucket=SOURCE, at=now()) for _ in range(20_000)))  # 10 MB
    given: dict[str, Any] = {"bucket": SOURCE, "logs_bucket": LOGS, "logs_prefix": "logs/"}
    found = logged_downloads(aws, AccessLogTally(), begin=now() - HOUR, end=now() + HOUR, **given)
    for _ in range(1000):
        next(found)
    tracemalloc.start()
    try:
        assert sum(1 for _ in found) == 19_000
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.cluster
def test_reading_in_turns_reads_each_log_once(s3: S3Server, bucket: str) -> None:
    client, begin = s3.client(), now().replace(microsecond=0) - timedelta(days=3)
    for number in range(30):
        delivered = begin + number * timedelta(hours=2, minutes=7)
        # What it tells of may be long ago.
        named = delivered - timedelta(days=number % 5)
        key = log_key("logs/", named, partitioned=number % 2 == 0)
        deliver(client, bucket=bucket, key=key, lines=[line(KEY, 2**number, bucket=SOURCE, at=named)])
        turn_back(s3, bucket=bucket, key=key, to=delivered)
    marks = [begin + LATE, begin + timedelta(hours=5), begin + timedelta(hours=5, seconds=1), begin + timedelta(days=2)]
    turns = [
        read(client, logs_bucket=bucket, begin=first, end=last)
        for first, last in zip(marks, [*marks[1:], now()], strict=True)
    ]
    found = [download.size_bytes for turn in turns for download in turn]
    assert sum(found) == 2**30 - 1  # every one of them
    assert len(found) == 30
    assert all(turns[index] for index in (0, 2, 3))
