"""Reads from CloudWatch how many bytes were downloaded from a bucket on AWS.

S3 counts requests only if the bucket has a metrics configuration (`PutBucketMetricsConfiguration`), whose id is the
`FilterId`. The counts are some minutes late.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, PartialCredentialsError

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.client import S3Options, aws_transport, identify
from recording_operator.stores.s3.errors import no_credentials, translated
from recording_operator.stores.s3.service_models import service_models

LATE: Final = timedelta(minutes=20)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
# Counts by the minute are kept for 15 days, by the hour for 455.
_BY_MINUTE_FOR: Final = timedelta(days=14)
_TIMEOUT_S: Final = 30


def cloudwatch_client(options: S3Options) -> Any:
    """A client with the location's credentials and region. Sends no request.

    Raises ValueError and BotoCoreError if the configuration of the process cannot be used.
    """
    core = botocore.session.Session()
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    core.register_component("data_loader", service_models())
    given = identify(core, options)
    return boto3.session.Session(botocore_session=core).client(
        "cloudwatch",
        region_name=options.region or "us-east-1",
        config=Config(connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"mode": "standard"}),
        **given,
    )


@contextmanager
def connected(options: S3Options) -> Iterator[Any]:
    """A client that uses our transport. Raises StoreError if it cannot be created."""
    try:
        client, transport = cloudwatch_client(options), aws_transport(os.environ.get("AWS_CA_BUNDLE"))
        transport.register(client)
    except PartialCredentialsError:
        raise no_credentials() from None
    except (BotoCoreError, ValueError):
        raise StoreError(
            Reason.ENDPOINT_UNREACHABLE,
            "CloudWatch cannot be requested, because AWS_CA_BUNDLE, a proxy variable or another AWS variable of the "
            "operator cannot be used.",
        ) from None
    with closing(client), closing(transport):
        yield client


def downloaded_bytes(
    client: Any, *, bucket: str, filter_id: str, begin: datetime, end: datetime, now: datetime
) -> dict[date, int]:
    """Bytes by day (UTC) between `begin` - LATE and `end` - LATE.

    If each call begins at the end of the previous one, nothing is counted twice. Raises StoreError.
    """
    step = _MINUTE if now - begin < _BY_MINUTE_FOR else _HOUR
    first, last = _floor(begin - LATE, step), _floor(end - LATE, step)
    if last <= first:
        return {}
    query = {
        "Id": "downloads",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/S3",
                "MetricName": "BytesDownloaded",
                "Dimensions": [{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": filter_id}],
            },
            "Period": int(step.total_seconds()),
            "Stat": "Sum",
        },
    }
    days: dict[date, int] = {}
    with translated("GetMetricData"):
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[query], StartTime=first, EndTime=last
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                for moment, size_bytes in zip(result["Timestamps"], result["Values"], strict=True):
                    day = max(moment.astimezone(UTC).date(), begin.date())
                    days[day] = days.get(day, 0) + int(size_bytes)
    return days


def _floor(moment: datetime, step: timedelta) -> datetime:
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(step.total_seconds()), UTC)
