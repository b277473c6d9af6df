"""From a cluster made late in a month to the next month, as a user goes it: every figure is recomputed by hand.

A real operator copies, counts and reports. Only the time of its counts and reports is set, and the times and sizes of
what it has stored are changed to rounder ones. The prices are those of the profile `default`, with thirty days in each
month.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from localcluster import MediaServer, OperatorProcess, S3Server
from localcluster.install import PROJECT
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.support.recordings import MIB, a_recording, artifact_of, from_media, inline, path_of
from tests.support.report_time import ReportTime
from tests.support.reports import GB, JsonObject, Report, ReportFactory, resize
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

EXAMPLE = PROJECT / "examples" / "storagereport.yaml"
STORED = Decimal("0.023") / 30
DOWNLOADED = Decimal("0.09") / 2 / 30
"""Half of what is stored is downloaded in a month."""
MICRO = Decimal("0.00001")
"""The parts of the open upload have some MiB for four hours, and days are rounded."""
CENT = Decimal("0.01")
PART = 8 * MIB


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cost(gb_days_stored: Decimal, gb_days_readable: Decimal | None = None) -> Decimal:
    readable = gb_days_stored if gb_days_readable is None else gb_days_readable
    return gb_days_stored * STORED + readable * DOWNLOADED


def day_of(status: JsonObject, when: str) -> JsonObject:
    return next(dict(day) for day in status["history"] if day["date"] == when)


def assert_cost(status: JsonObject, when: str, expected: Decimal) -> None:
    found = Decimal(day_of(status, when)["cost"])
    assert abs(found - expected) <= MICRO, (when, found, expected)


class Uploads:
    """The Recordings of one namespace."""

    def __init__(self, admin: RestClient, namespace: str, location: str) -> None:
        self._admin, self._namespace, self._location = admin, namespace, location

    def create(self, name: str, artifact: Any) -> None:
        manifest = a_recording(self._namespace, artifact, name=name, location=self._location, owner={"org": name})
        self._admin.request("POST", path_of(self._namespace), body=manifest)

    def suspend(self, name: str, *, suspend: bool) -> None:
        path = f"{path_of(self._namespace)}/{name}"
        self._admin.request("PATCH", path, body={"spec": {"suspend": suspend}}, content_type=MERGE_PATCH)

    def status(self, name: str) -> JsonObject:
        return dict(self._admin.request("GET", f"{path_of(self._namespace)}/{name}").get("status", {}))

    def wait(self, name: str, fact: Callable[[JsonObject], Any], what: str) -> JsonObject:
        eventually(lambda: fact(self.status(name)), within_s=60, what=f"{name}: {what}")
        return self.status(name)

    def wait_stored(self, name: str, artifact: str) -> JsonObject:
        status = self.wait(name, lambda status: status.get("phase") == "Complete", "Complete")
        return artifact_of(status, artifact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the steps of the test need."""

    s3: S3Server
    bucket: str
    uploads: Uploads
    time: ReportTime

    def store_as(self, key: str, *, gigabytes: int, when: str) -> None:
        """Give an object a rounder size and time."""
        resize(self.s3, bucket=self.bucket, key=key, size_bytes=gigabytes * GB, at=at(when))

    def refreshed(self, made: Report, when: str) -> JsonObject:
        """It is this time: wait for the refresh."""
        self.time.set(at(when))
        status = made.wait(lambda status: status.get("asOf") == f"{at(when):%Y-%m-%dT%H:%M:%SZ}", what=when)
        assert made.ready() == "Refreshed"
        return status

    def open_bytes(self) -> int:
        """Bytes in the parts of the one open upload."""
        client = self.s3.client()
        [upload] = client.list_multipart_uploads(Bucket=self.bucket)["Uploads"]
        parts = client.list_parts(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", [])
        return sum(part["Size"] for part in parts)


def test_the_whole_path(
    admin: RestClient,
    s3: S3Server,
    media: MediaServer,
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
    report_time: ReportTime,
    start_dated: Callable[[], OperatorProcess],
) -> None:
    report_time.set(at("2026-10-28T18:00"))
    start_dated()
    uploads = Uploads(admin, namespace, place)
    path = Path(s3=s3, bucket=bucket, uploads=uploads, time=report_time)
    uploads.create("acme", inline("{}"))
    uploads.create("globex", from_media(media, size_bytes=12 * PART, rate="8MB"))
    uploads.wait("globex", lambda status: bool(artifact_of(status, "video").get("uploadId")), "an open upload")
    eventually(lambda: path.open_bytes() >= PART, what="a stored part")
    uploads.suspend("globex", suspend=True)
    uploads.wait("globex", lambda status: status.get("reason") == "Suspended", "suspended")
    path.store_as(uploads.wait_stored("acme", "summary")["key"], gigabytes=20, when="2026-10-28T06:00")

    made = report(place, **yaml.safe_load(EXAMPLE.read_text())["spec"])
    check_open(path, made)
    uploads.suspend("globex", suspend=False)
    check_complete(path, made)
    check_next_days(path, made)
    check_next_month(path, made)
    # A report of one organisation, made now, has its part of the same history.
    made = report(place, scope={"storageLocations": [place], "orgs": ["globex"]})
    alone = path.refreshed(made, "2026-11-02T12:00")
    assert_cost(alone, "2026-10-28", cost(Decimal(10 * 4) / 24))
    assert_cost(alone, "2026-10-30", cost(Decimal(10)))


def check_open(path: Path, made: Report) -> None:
    """While the upload is open: 20 GB for 12 hours."""
    status = path.refreshed(made, "2026-10-28T18:00")
    totals = status["totals"]
    assert (totals["recordings"], totals["objects"], totals["bytes"]) == (2, 1, 20 * GB)
    assert totals["incompleteUploadBytes"] == path.open_bytes() >= PART
    assert_cost(status, "2026-10-28", cost(Decimal(10)))
    assert status["summary"]["monthToDate"] == "0.02 USD"


def check_complete(path: Path, made: Report) -> None:
    """After it is complete: 20 GB for 16 hours, 10 GB for 2 hours."""
    stored = path.uploads.wait_stored("globex", "video")
    path.store_as(stored["key"], gigabytes=10, when="2026-10-28T20:00")
    path.time.set(at("2026-10-28T22:00"))
    made.edit(refreshToken="complete")
    status = path.refreshed(made, "2026-10-28T22:00")
    totals = status["totals"]
    assert (totals["objects"], totals["bytes"], totals["incompleteUploadBytes"]) == (2, 30 * GB, 0)
    assert_cost(status, "2026-10-28", cost(Decimal(20 * 16 + 10 * 2) / 24))
    today = day_of(status, "2026-10-28")
    assert Decimal(today["uploadGB"]) == 30
    parts = int(stored["etag"].rpartition("-")[2])
    assert today["apiRequests"] == 1 + parts + 2, "the other object; creation, parts, completion"


FIRST = cost(Decimal(20 * 18 + 10 * 4) / 24)
WHOLE = cost(Decimal(30))


def check_next_days(path: Path, made: Report) -> None:
    """By schedule: 20 GB for 18 hours and 10 GB for 4 hours on the first day, then both all day."""
    assert_cost(path.refreshed(made, "2026-10-29T00:00:05"), "2026-10-28", FIRST)
    status = path.refreshed(made, "2026-10-31T00:00")
    assert_cost(status, "2026-10-29", WHOLE)
    assert_cost(status, "2026-10-30", WHOLE)
    assert [day_of(status, f"2026-10-{day}")["estimated"] for day in (28, 29, 30)] == [False, False, True]


def check_next_month(path: Path, made: Report) -> None:
    """Four days of October, then a day and a half of November."""
    status = path.refreshed(made, "2026-11-01T00:00")
    assert Decimal(status["cost"]["lastMonth"]) == (FIRST + 3 * WHOLE).quantize(CENT)
    assert status["cost"]["monthToDate"] == "0.00"
    status = path.refreshed(made, "2026-11-02T12:00")
    assert_cost(status, "2026-11-01", WHOLE)
    assert Decimal(status["cost"]["monthToDate"]) == (WHOLE * 3 / 2).quantize(CENT)
    assert Decimal(status["cost"]["projectedMonth"]) == (WHOLE * 30).quantize(CENT)
    assert status["summary"]["budget"] == f"{int(WHOLE * 3 / 2 / 50 * 100)}% of 50.00 USD"
