"""Downloads from CloudWatch: the format of its API, with moto."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from recording_operator.api.reasons import Reason
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.cloudwatch import LATE, cloudwatch_client, downloaded_bytes

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEYS = StoreCredentials(access_key_id="key", secret_access_key="secret")


def client() -> Any:
    return cloudwatch_client(S3Options(bucket="b", region="eu-west-2", credentials=KEYS))


def count(of: Any, *, begin: datetime, end: datetime = NOW, now: datetime = NOW) -> dict[date, int]:
    return downloaded_bytes(of, bucket="b", filter_id="all", begin=begin, end=end, now=now)


def counter() -> Any:
    """The client that publishes the metric, as AWS does. It supports all operations."""
    return boto3.client(
        "cloudwatch", region_name="eu-west-2", aws_access_key_id="key", aws_secret_access_key=KEYS.secret_access_key
    )


def put(of: Any, moment: datetime, size_bytes: int, *, bucket: str = "b") -> None:
    dimensions = [{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": "all"}]
    datum = {"MetricName": "BytesDownloaded", "Dimensions": dimensions, "Timestamp": moment, "Value": size_bytes}
    of.put_metric_data(Namespace="AWS/S3", MetricData=[datum])


@mock_aws
def test_bytes_by_day_of_this_bucket_and_this_time_only() -> None:
    cloudwatch, counting = client(), counter()
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begin = now - timedelta(hours=30)
    put(counting, begin - LATE - timedelta(minutes=5), 10_000)  # before
    put(counting, begin + timedelta(minutes=1), 300)
    put(counting, now - timedelta(hours=1), 20)
    put(counting, now - timedelta(minutes=1), 5_000)  # not counted yet
    put(counting, now - timedelta(hours=1), 70_000, bucket="another")
    found = count(cloudwatch, begin=begin, end=now, now=now)
    assert sum(found.values()) == 320
    assert found[(begin + timedelta(minutes=1)).date()] >= 300


@mock_aws
def test_counting_in_turns_counts_nothing_twice() -> None:
    cloudwatch, counting = client(), counter()
    now = datetime.now(UTC).replace(microsecond=0)
    for minutes in range(10, 200, 7):
        put(counting, now - timedelta(minutes=minutes), 1)
    whole = count(cloudwatch, begin=now - timedelta(hours=3), end=now, now=now)
    middle = now - timedelta(minutes=71, seconds=13)
    parts = [
        count(cloudwatch, begin=now - timedelta(hours=3), end=middle, now=now),
        count(cloudwatch, begin=middle, end=now, now=now),
    ]
    assert sum(whole.values()) == sum(sum(part.values()) for part in parts) > 0


def test_a_month_is_asked_for_by_the_hour() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as answers:
        results = [{"Id": "downloads", "Timestamps": [NOW - timedelta(days=3)], "Values": [7.0]}]
        answers.add_response("get_metric_data", {"MetricDataResults": results})
        assert count(cloudwatch, begin=NOW - timedelta(days=20)) == {date(2026, 11, 18): 7}


def test_a_missing_permission_is_reported() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as answers:
        answers.add_client_error("get_metric_data", "AccessDenied", http_status_code=403)
        with pytest.raises(StoreError) as refusal:
            count(cloudwatch, begin=NOW - timedelta(hours=1))
    assert refusal.value.location_reason is Reason.ACCESS_DENIED
    assert count(cloudwatch, begin=NOW) == {}
