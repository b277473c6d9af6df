"""Downloads from access logs, and owners from the metadata of objects."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from localcluster import ControlPlane, Credentials, OperatorProcess, S3Server
from recording_operator.stores.s3.access_logs import LATE
from tests.conftest import LocationFactory
from tests.support.accesslogs import SECRET_IN_URI, deliver, line, log_key, turn_back
from tests.support.reports import TEMPLATE, JsonObject, ReportFactory, record
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster
MILLION = 1_000_000


@pytest.fixture
def logs(s3: S3Server) -> str:
    """A bucket for access logs."""
    name = f"logs-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(name)
    return name


def downloads_of(status: JsonObject) -> list[Decimal]:
    """GB of acme and of globex in all of the history."""

    def downloaded(org: str) -> Decimal:
        parts = (part for day in status["history"] for part in day["orgs"] if part["name"] == org)
        return sum((Decimal(part["downloadGB"]) for part in parts), Decimal(0))

    return [downloaded("acme"), downloaded("globex")]


def test_downloads_are_what_the_access_logs_tell(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    logs: str,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    operator = start()
    prices = {"accessLogs": {"bucket": logs, "prefix": "logs/"}}
    place = location(spec={"keyTemplate": TEMPLATE, "prices": prices})
    stored = {org: record(cluster, namespace, place, org=org, text="x" * 1_000) for org in ("acme", "globex")}
    keys = {org: one["status"]["artifacts"][0]["key"] for org, one in stored.items()}
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def write(*lines: str, delivered: datetime) -> None:
        key = log_key("logs/", delivered)
        deliver(s3.client(), bucket=logs, key=key, lines=list(lines))
        turn_back(s3, bucket=logs, key=key, to=delivered)

    write(
        line(keys["acme"], 700 * MILLION, bucket=bucket, at=today),
        line(keys["acme"], 300 * MILLION, bucket=bucket, at=today, request="TWICE"),
        line(keys["acme"], 300 * MILLION, bucket=bucket, at=today, request="TWICE"),
        line(keys["globex"], 900 * MILLION, bucket="another", at=today),
        line("notes.txt", 900 * MILLION, bucket=bucket, at=today),
        delivered=datetime.now(UTC) - timedelta(minutes=30),
    )
    made = report(place)
    first = made.wait_refreshed()
    assert first["byStorageLocation"][0]["downloads"] == "AccessLogs"
    assert downloads_of(first) == [1, 0]
    assert Decimal(first["totals"]["downloadGB"]) == 1
    assert Decimal(first["cost"]["monthToDate"]) == Decimal("0.09")
    day = next(entry for entry in first["history"] if entry["date"] == f"{today:%Y-%m-%d}")
    assert {org["name"]: Decimal(org["downloadCost"]) for org in day["orgs"]} == {"acme": Decimal("0.09"), "globex": 0}

    # Late for requests of yesterday, and delivered in the very second in which the first refresh stopped to look.
    counted_until = datetime.fromisoformat(first["asOf"]) - LATE
    yesterday = today - timedelta(days=1)
    write(line(keys["globex"], 500 * MILLION, bucket=bucket, at=yesterday), delivered=counted_until)
    eventually(lambda: datetime.now(UTC) - LATE > counted_until + timedelta(seconds=2), what="another second")
    made.edit(refreshToken="again")
    second = made.wait_refreshed("again")
    assert downloads_of(second) == [1, Decimal("0.5")]
    made.edit(refreshToken="and again")
    third = made.wait_refreshed("and again")
    assert Decimal(third["totals"]["downloadGB"]) == Decimal("1.5")
    assert SECRET_IN_URI not in operator.log_text() + str(made.get())


def test_logs_that_may_not_be_read_or_are_not_there_fall_back_to_the_estimate(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    logs: str,
    user: Credentials,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    start()
    denied, empty = (
        location(
            spec={"keyTemplate": f"{name}/{TEMPLATE}", "prices": {"accessLogs": {"bucket": logs}}}, credentials=keys
        )
        for name, keys in (("denied", user), ("empty", s3.root))
    )
    record(cluster, namespace, denied, org="acme", text="x" * 1_000)
    reasons = {
        denied: "because they could not be counted: The location's credentials lack the permission for this request",
        empty: f"s3://{logs}/ contains no access logs of these days",
    }
    for place, words in reasons.items():
        made = report(place)
        status = made.wait_refreshed()
        assert {row["downloads"] for row in status["byStorageLocation"]} <= {"Playback"}
        assert words in made.condition("Ready")["message"]
        assert "estimated" in made.condition("Ready")["message"]


def test_an_orphan_tells_its_organisation_itself(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    start()
    place = location(spec={"keyTemplate": "{namespace}/{uid}/{artifact}{ext}"})
    kept = record(cluster, namespace, place, org="globex", text="x" * 10)
    gone = record(cluster, namespace, place, org="acme", text="x" * 1_000)
    cluster.kubectl("delete", "recording", gone["metadata"]["name"], f"--namespace={namespace}")
    stranger, uid = f"{namespace}/{uuid.uuid4()}/video.mp4", str(uuid.uuid4())
    liar = f"{namespace}/{uid}/video.mp4"
    s3.client().put_object(Bucket=bucket, Key=stranger, Body=b"x" * 77, Metadata={"recording-org": "initech"})
    s3.client().put_object(
        Bucket=bucket, Key=liar, Body=b"x" * 55, Metadata={"recording-org": '=cmd|"/C calc"', "recording-uid": uid}
    )
    # What is no older than the list of Recordings is no orphan yet.
    kept_manifest, gone_manifest = (
        one["status"]["manifestUri"].removeprefix(f"s3://{bucket}/") for one in (kept, gone)
    )
    sizes = [s3.client().head_object(Bucket=bucket, Key=key)["ContentLength"] for key in (kept_manifest, gone_manifest)]
    for key in (stranger, liar, gone["status"]["artifacts"][0]["key"], gone_manifest):
        turn_back(s3, bucket=bucket, key=key, to=datetime.now(UTC) - timedelta(minutes=1))
    status = report(place).wait_refreshed()
    by_org = {row["name"]: row["bytes"] for row in status["byOrg"]}
    assert by_org == {"globex": 10 + sizes[0], "acme": 1_000 + sizes[1], "(unknown)": 132}
    assert status["totals"]["orphanedBytes"] == 132  # a manifest knows the others
    key = kept["status"]["artifacts"][0]["key"]
    assert s3.client().head_object(Bucket=bucket, Key=key)["Metadata"]["recording-org"] == "globex"
