"""Counts downloads from a bucket with the server access logs that its store delivers into another bucket.

Format: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html. Logs are delivered hours late and in no
order, and a record may be delivered twice. Log objects never change, so each is read once. The time of its delivery
(`LastModified`) decides when, not the times of the requests in it. Request URIs contain signatures, so no line leaves
this module.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from recording_operator.stores.inventory import AccessLogTally, LoggedDownload
from recording_operator.stores.s3.errors import status_of, translated
from recording_operator.stores.s3.listing import listed_objects

LATE: Final = timedelta(minutes=20)
"""Logs are read this long after their delivery, so that none appears in a period that was already read."""
_NAMED_LATE: Final = timedelta(days=10)
"""Logs that are partitioned by event time are named by the day of their requests. Nearly all arrive within two days."""
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-Za-z]+")
_LINE: Final = re.compile(
    rb"\S+ (?P<bucket>\S+) \[(?P<day>\d\d)/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):[^\]]*\] \S+ \S+ "
    rb"(?P<request>\S+) (?P<operation>\S+) (?P<key>\S+) (?:\"[^\"]*\"|-) (?P<status>\d{3}|-) \S+ (?P<sent>\d{1,19}|-) "
)
_DOWNLOADS: Final = frozenset({b"REST.GET.OBJECT", b"WEBSITE.GET.OBJECT"})
_SENT: Final = frozenset({b"200", b"206"})
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), start=1
    )
}
_NOT_FOUND: Final = 404
_READ_BYTES: Final = 256 * 2**10
_LONGEST_LINE_BYTES: Final = 64 * 2**10
_REMEMBERED_REQUESTS: Final = 50_000


def logged_downloads(
    client: Any,
    tally: AccessLogTally,
    *,
    bucket: str,
    logs_bucket: str,
    logs_prefix: str,
    begin: datetime,
    end: datetime,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[LoggedDownload]:
    """The downloads from `bucket` in the logs that were delivered between `begin` - LATE and `end` - LATE.

    If each call begins at the end of the previous one, no log is read twice. `stop` is called for each log and may
    raise. A page of the listing, a line and the ids of recent requests are in memory. Raises StoreError.
    """
    recent: dict[bytes, None] = {}
    name = bucket.encode()
    for log_key in _delivered(client, tally, bucket=logs_bucket, prefix=logs_prefix, begin=begin, end=end):
        stop()
        for line in _lines(client, tally, bucket=logs_bucket, key=log_key):
            found = _parsed(line, tally)
            if found is None or found["bucket"] != name or found["operation"] not in _DOWNLOADS:
                continue
            if found["status"] not in _SENT or found["sent"] == b"-":
                continue
            if found["request"] in recent:
                tally.repeated += 1
                continue
            recent[found["request"]] = None
            if len(recent) > _REMEMBERED_REQUESTS:
                del recent[next(iter(recent))]
            day = _day(found)
            if day is None:
                tally.unreadable += 1
                continue
            yield LoggedDownload(_key(found["key"]), day, int(found["sent"]))


def _delivered(
    client: Any, tally: AccessLogTally, *, bucket: str, prefix: str, begin: datetime, end: datetime
) -> Iterator[str]:
    """Keys of the logs that were delivered in the period, in both of S3's naming formats."""
    first, last = (begin - LATE).astimezone(UTC), (end - LATE).astimezone(UTC)
    day = (first - _NAMED_LATE).date()
    while day <= last.date():
        # Named by second, or partitioned by date.
        for of_day in (f"{prefix}{day:%Y-%m-%d}-", f"{prefix}{day:%Y/%m/%d}/"):
            for found in listed_objects(client, bucket=bucket, prefix=of_day):
                if _NAME.fullmatch(found.key[len(prefix) :].rpartition("/")[2]):
                    tally.objects_seen += 1
                    if first <= found.last_modified < last:
                        yield found.key
        day += timedelta(days=1)


def _lines(client: Any, tally: AccessLogTally, *, bucket: str, key: str) -> Iterator[bytes]:
    """The lines of a log, read in windows. Lines that are too long are skipped."""
    with translated("GetObject"):
        try:
            response = client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if status_of(error) == _NOT_FOUND and error.response["Error"].get("Code") == "NoSuchKey":
                return  # expired since it was listed
            raise
    tally.objects += 1
    rest, skipping = b"", False
    with response["Body"] as body:
        while True:
            with translated("GetObject"):
                data = body.read(_READ_BYTES)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if not skipping:
                    yield line
                skipping = False
            if len(rest) > _LONGEST_LINE_BYTES:
                tally.unreadable += not skipping
                rest, skipping = b"", True
    if rest and not skipping:
        yield rest


def _parsed(line: bytes, tally: AccessLogTally) -> re.Match[bytes] | None:
    if not line.strip():
        return None
    tally.lines += 1
    found = _LINE.match(line)
    if found is None:
        tally.unreadable += 1
    return found


def _day(found: re.Match[bytes]) -> date | None:
    try:
        return date(int(found["year"]), _MONTHS[found["month"]], int(found["day"]))
    except (KeyError, ValueError):
        return None


def _key(written: bytes) -> str:
    """The decoded key. Logs encode it once or twice. Keys that are made from templates contain neither % nor +."""
    return unquote_plus(unquote_plus(written.decode("ascii", errors="replace"), errors="replace"), errors="replace")
