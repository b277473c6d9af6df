"""Stored bytes and their owners, counted in the bucket or from the Recordings."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from localcluster import ControlPlane, Credentials, OperatorProcess, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from tests.conftest import LocationFactory
from tests.support.accesslogs import turn_back
from tests.support.reports import TEMPLATE, JsonObject, ReportFactory, manifest_bytes, record

pytestmark = pytest.mark.cluster

WITHOUT_LISTING = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload")


def _used_before(status: JsonObject, today: str) -> set[Decimal]:
    days = [day for day in status["history"] if day["date"] < today]
    return {Decimal(0), *(Decimal(day[name]) for day in days for name in ("storageGB", "downloadGB", "cost"))}


def _sums_of_rows(status: JsonObject) -> set[Decimal]:
    tables = [status[rows] for rows in ("byOrg", "byNamespace", "byStorageLocation", "byStorageClass")]
    sums = (sum((Decimal(row["cost"]) for row in table), Decimal(0)) for table in tables)
    return {one.quantize(Decimal("0.0001")) for one in sums}


def test_counts_the_bucket_by_who_causes_it(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
) -> None:
    operator = start(reports={"metricOrgs": 1})
    today = f"{datetime.now(UTC) - timedelta(minutes=2):%Y-%m-%d}"
    record(cluster, namespace, place, org="acme", text="x" * 12_000)
    record(cluster, namespace, place, org="globex", text="x" * 3_000)
    client, orphan = s3.client(), f"initech/{uuid.uuid4()}/video.mp4"
    client.put_object(Bucket=bucket, Key=orphan, Body=b"x" * 500)
    # What is no older than the list of Recordings is no orphan yet.
    turn_back(s3, bucket=bucket, key=orphan, to=datetime.now(UTC) - timedelta(minutes=1))
    client.put_object(Bucket=bucket, Key="holiday.jpg", Body=b"x" * 77)
    upload = client.create_multipart_upload(Bucket=bucket, Key=f"acme/{uuid.uuid4()}/video.mp4")
    client.upload_part(
        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"], PartNumber=1, Body=b"x" * 6_000_000
    )

    made = report(place, budget={"amount": "50"})
    status = made.wait_refreshed()

    totals, described = status["totals"], manifest_bytes(s3, bucket)
    assert status["source"] == "Inventory"
    assert (totals["recordings"], totals["objects"], totals["bytes"]) == (2, 5, 15_500 + described)
    assert (totals["orphanedBytes"], totals["incompleteUploadBytes"]) == (500, 6_000_000)
    assert totals["foreignBytes"] >= 77
    assert (totals["uploads24h"], status["uploads"]["successRate"]) == (2, "100.0%")
    by_org = {row["name"]: (row.get("recordings"), row["bytes"]) for row in status["byOrg"]}
    sizes = {org: manifest_bytes(s3, bucket, org=org) for org in ("acme", "globex")}
    assert by_org == {
        "acme": (1, 6_012_000 + sizes["acme"]),
        "globex": (1, 3_000 + sizes["globex"]),
        "initech": (0, 500),
    }
    assert status["byNamespace"][0]["name"] in {namespace, "(unknown)"}
    assert _sums_of_rows(status) == {Decimal(status["cost"]["today"])}
    assert [sorted(row) for row in status["byStorageClass"]] == [["bytes", "cost", "name", "objects"]]
    spent = sum((Decimal(day["cost"]) for day in status["history"]), Decimal(0)).quantize(Decimal("0.01"))
    assert spent == Decimal(status["cost"]["monthToDate"])
    # Nothing was stored before today, and the part of the open upload cannot be read.
    assert _used_before(status, today) == {0}
    assert Decimal(totals["downloadGB"]) < Decimal("0.000001")
    assert (status["notes"], totals["noncurrentObjects"]) == ([], 0)
    location = status["byStorageLocation"][0]
    assert (location["name"], location["source"], location["profile"]) == (place, "Inventory", "default")
    assert location["pricesAsOf"]
    assert [made.condition(kind)["status"] for kind in ("Ready", "Stalled")] == ["True", "False"]

    shown = cluster.kubectl("get", "storagereport", made.name)
    header, row = shown.splitlines()
    assert header.split() == [
        "NAME", "STORAGE", "MONTH-TO-DATE", "PROJECTED", "NEXT-MONTH", "BUDGET", "REFRESHED", "STATUS",
    ]  # fmt: skip
    assert re.search(
        r"0\.006 GB +\d+\.\d\d USD +\d+\.\d\d USD +\d+\.\d\d USD +0% of 50\.00 USD +\d+s +Refreshed$", row.rstrip()
    )

    program = [str(Path(sys.executable).with_name("recording-operator")), "report", made.name]
    program += [
        "--kubeconfig",
        str(cluster.kubeconfig),
        "-o",
        "csv",
        "--from",
        f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d}",
    ]
    written = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert written[0] == "date,org_id,metric_type,value,unit,cost_usd"
    # One write for each object.
    assert sum(float(line.split(",")[3]) for line in written if ",api_requests," in line) == 2 * 2 + 1
    absent = subprocess.run([*program[:2], "nobody", *program[3:]], capture_output=True, text=True, check=False)
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "StorageReport nobody does not exist" in absent.stderr

    metrics = operator.metrics()
    held = f'{{location="{place}",report="{made.name}",storage_class="STANDARD"}}'
    assert (
        float(metrics.partition(f"recording_operator_report_stored_bytes{held} ")[2].split("\n")[0])
        == 6_015_500 + described
    )
    assert f'recording_operator_report_org_stored_bytes{{org="acme",report="{made.name}"}}' in metrics
    assert "globex" not in metrics


def test_a_bucket_that_may_not_be_listed_is_counted_from_the_recordings(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    user: Credentials,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    start()
    place = location(spec={"keyTemplate": TEMPLATE}, credentials=user)
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    s3.client().put_object(Bucket=bucket, Key=f"acme/{uuid.uuid4()}/orphan", Body=b"x" * 999)
    made = report(place)
    assert made.wait_refreshed()["totals"]["bytes"] == 2_999 + manifest_bytes(s3, bucket)

    s3.allow(user, bucket=bucket, actions=WITHOUT_LISTING)
    made.edit(refreshToken="denied")
    status = made.wait_refreshed("denied")
    assert status["source"] == "Recordings"
    assert status["totals"]["bytes"] == 2_000
    assert status["byStorageLocation"][0]["source"] == "Recordings"
    assert "could not be listed" in made.condition("Ready")["message"]
    assert any(f"The buckets of {place} may not be listed." in note for note in status["notes"])


def test_locations_that_share_a_bucket_count_each_object_once(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    user: Credentials,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    start()
    first = location(spec={"keyTemplate": TEMPLATE}, credentials=user)
    second = location(spec={"keyTemplate": TEMPLATE}, endpoint=f"{s3.endpoint}/")
    record(cluster, namespace, first, org="acme", text="x" * 2_000)
    record(cluster, namespace, second, org="acme", text="x" * 300)
    everything = {"storageLocations": [first, second]}
    both, alone = report(first, scope=everything), report(second)
    stored = 2_300 + manifest_bytes(s3, bucket)
    assert both.wait_refreshed()["totals"]["bytes"] == stored
    shares = f"The objects of {second} are counted for {first}, which has the same bucket, prefix and keyTemplate."
    assert shares in both.status()["notes"]
    # An object does not show its location: a report of the other one alone says where the objects are counted.
    assert alone.wait_refreshed()["totals"]["bytes"] == 0
    missing = f"This report does not include them; add {first} to spec.scope.storageLocations."
    assert f"{shares} {missing}" in alone.status()["notes"]

    s3.allow(user, bucket=bucket, actions=WITHOUT_LISTING)
    both.edit(refreshToken="denied")
    status = both.wait_refreshed("denied")
    assert status["totals"]["bytes"] == stored, "the one that may be listed counts for both"
    assert status["source"] == "Inventory"


def test_another_scope_is_another_view_of_the_same_samples(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
) -> None:
    start()
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    record(cluster, namespace, place, org="globex", text="x" * 300)
    counted = 300 + manifest_bytes(s3, bucket, org="globex")
    made = report(place)
    whole = made.wait_refreshed()
    assert {org["name"] for day in whole["history"] for org in day["orgs"]} >= {"acme", "globex"}
    record(cluster, namespace, place, org="globex", text="x" * 7)
    made.edit(scope={"storageLocations": [place], "orgs": ["globex"]})
    part = made.wait_refreshed()
    assert part["totals"]["bytes"] == counted, "an edit counts nothing again"
    assert part["asOf"] == whole["asOf"]
    assert [row["name"] for row in part["byOrg"]] == ["globex"]
    made.edit(scope={"storageLocations": [place], "orgs": []})
    again = made.wait_refreshed()
    same = ("asOf", "totals", "cost", "history", "byOrg", "byNamespace", "byStorageClass", "summary")
    assert {name: again[name] for name in same} == {name: whole[name] for name in same}
    # A report made now has the whole history at once, without a count.
    late = report(place).wait_refreshed()
    assert {name: late[name] for name in same} == {name: whole[name] for name in same}


def test_samples_are_kept_beside_the_objects_and_read_by_the_next_operator(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    place: str,
    report: ReportFactory,
) -> None:
    operator = start()
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    made = report(place)
    first = made.wait_refreshed()
    folder = f".recording-operator/usage/{place}/"
    listed = s3.client().list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
    at = datetime.fromisoformat(first["asOf"])
    assert [one["Key"] for one in listed] == [f"{folder}{at:%Y/%m/%dT%H%M%SZ}.json.gz"]
    cluster.kubectl("delete", "storagereport", made.name)
    operator.terminate()
    operator.wait(timeout_s=20)
    following = start()
    again = report(place).wait_refreshed()
    assert again["asOf"] == first["asOf"]
    assert (again["totals"], again["cost"], again["history"]) == (first["totals"], first["cost"], first["history"])
    assert f'recording_operator_location_counted_timestamp_seconds{{location="{place}"}}' in following.metrics()


def test_a_bucket_that_takes_no_samples_has_them_in_a_config_map(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    user: Credentials,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    operator = start()
    place = location(spec={"keyTemplate": TEMPLATE}, credentials=user)
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    reads = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetObject")
    s3.allow(user, bucket=bucket, actions=reads)
    made = report(place)
    first = made.wait_refreshed()
    stored = 2_000 + manifest_bytes(s3, bucket)
    assert first["totals"]["bytes"] == stored
    name = f"recording-operator-usage-{place}"
    assert any(f"in ConfigMap {name} of namespace" in note for note in first["notes"]), first["notes"]
    kept = cluster.kubectl.json("get", "configmap", name, f"--namespace={OPERATOR_NAMESPACE}")
    assert len(kept["binaryData"]) == 1
    made.edit(refreshToken="again")
    assert made.wait_refreshed("again")["totals"]["bytes"] == stored
    s3.allow(user, bucket=bucket, actions=("s3:*",))
    made.edit(refreshToken="allowed")
    last = made.wait_refreshed("allowed")
    assert not any("ConfigMap" in note for note in last["notes"])
    assert len(last["history"]) >= len(first["history"])
    assert "Traceback" not in operator.log_text()
    cluster.kubectl("delete", "configmap", name, f"--namespace={OPERATOR_NAMESPACE}")
