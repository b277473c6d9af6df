"""StorageReports on the real control plane and S3 server: counted, scheduled, made up for, kept when it fails."""

import json
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane, Credentials, OperatorProcess, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from tests.conftest import LocationFactory
from tests.support.recordings import a_recording, inline
from tests.support.waiting import eventually
from tests.support.world import write_settings

pytestmark = pytest.mark.cluster

JsonObject = dict[str, Any]
TEMPLATE = "{org}/{uid}/{artifact}{ext}"
SOON_S = 20.0
PRICE = """
name = "rack"
source = "a test"
asOf = 2026-10-01
currency = "%s"
gbBytes = 1_000_000_000
dayBasis = "fixed30"

[storageClasses.STANDARD]
tiers = [{ perGBMonth = "%s" }]

[egress]
tiers = [{ perGB = "0.09" }]
"""


class Report:
    """A StorageReport of one test."""

    def __init__(self, cluster: ControlPlane, name: str) -> None:
        self.name = name
        self._kubectl = cluster.kubectl

    def get(self) -> JsonObject:
        return self._kubectl.json("get", "storagereport", self.name)

    def status(self) -> JsonObject:
        return dict(self.get().get("status", {}))

    def edit(self, **spec: Any) -> None:
        self._patch({"spec": spec})

    def edit_status(self, **status: Any) -> None:
        self._patch({"status": status}, "--subresource=status")

    def condition(self, kind: str) -> JsonObject:
        found = self.status().get("conditions", [])
        return next((dict(one) for one in found if one["type"] == kind), {})

    def wait(self, fact: Callable[[JsonObject], Any], *, within_s: float = SOON_S, what: str = "") -> JsonObject:
        eventually(lambda: fact(self.status()), within_s=within_s, what=f"{what}: {self.name}")
        return self.status()

    def wait_refreshed(self, token: str = "") -> JsonObject:
        """Until a refresh has answered the newest spec (and token)."""

        def answered(status: JsonObject) -> bool:
            current = status.get("observedGeneration") == self.get()["metadata"]["generation"]
            return current and status.get("lastRefreshToken", "") == token and self.ready() == "Refreshed"

        return self.wait(answered, what="refreshed")

    def ready(self) -> str:
        return str(self.condition("Ready").get("reason"))

    def events(self, reason: str) -> list[JsonObject]:
        listing = self._kubectl.json("get", "events.events.k8s.io", "--namespace=default")
        return [
            event
            for event in listing["items"]
            if event.get("regarding", {}).get("name") == self.name and event["reason"] == reason
        ]

    def _patch(self, patch: JsonObject, *more: str) -> None:
        self._kubectl("patch", "storagereport", self.name, "--type=merge", f"--patch={json.dumps(patch)}", *more)


ReportFactory = Callable[..., Report]


@pytest.fixture
def report(cluster: ControlPlane) -> Iterator[ReportFactory]:
    """Makes StorageReports of one location, deleted after the test."""
    made: list[str] = []

    def make(location: str, **spec: Any) -> Report:
        name = f"report-{uuid.uuid4().hex[:10]}"
        cluster.kubectl.apply(
            {
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "StorageReport",
                "metadata": {"name": name},
                "spec": {"scope": {"storageLocations": [location]}, **spec},
            }
        )
        made.append(name)
        return Report(cluster, name)

    yield make
    for name in made:
        cluster.kubectl("delete", "storagereport", name)


@pytest.fixture
def start(operators: Callable[..., OperatorProcess], tmp_path: Path) -> Callable[..., OperatorProcess]:
    """Starts an operator with short waits."""

    def begin(**settings: Any) -> OperatorProcess:
        operator = operators(policy=write_settings(tmp_path, **settings))
        operator.start()
        return operator

    return begin


@pytest.fixture
def place(location: LocationFactory) -> str:
    """A location whose keys tell the organisation."""
    return location(spec={"keyTemplate": TEMPLATE})


def record(cluster: ControlPlane, namespace: str, location: str, *, org: str, text: str) -> JsonObject:
    """Store a text as a Recording of an organisation and wait until it is Complete."""
    name = f"meeting-{uuid.uuid4().hex[:8]}"
    manifest = a_recording(namespace, inline(text), name=name, location=location, owner={"org": org})
    cluster.kubectl.apply(manifest)
    cluster.kubectl(
        "wait",
        "--for=jsonpath={.status.phase}=Complete",
        "--timeout=30s",
        f"--namespace={namespace}",
        f"recording/{name}",
    )
    return cluster.kubectl.json("get", "recording", name, f"--namespace={namespace}")


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
    record(cluster, namespace, place, org="acme", text="x" * 12_000)
    record(cluster, namespace, place, org="globex", text="x" * 3_000)
    client, orphan = s3.client(), f"initech/{uuid.uuid4()}/video.mp4"
    client.put_object(Bucket=bucket, Key=orphan, Body=b"x" * 500)
    client.put_object(Bucket=bucket, Key="holiday.jpg", Body=b"x" * 77)
    upload = client.create_multipart_upload(Bucket=bucket, Key=f"acme/{uuid.uuid4()}/video.mp4")
    client.upload_part(
        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"], PartNumber=1, Body=b"x" * 6_000_000
    )

    made = report(place, budget={"amount": "50"})
    status = made.wait_refreshed()

    totals = status["totals"]
    assert status["source"] == "Inventory"
    assert (totals["recordings"], totals["objects"], totals["bytes"]) == (2, 3, 15_500)
    assert (totals["orphanedBytes"], totals["incompleteUploadBytes"]) == (500, 6_000_000)
    assert totals["foreignBytes"] >= 77
    assert (totals["uploads24h"], status["uploads"]["successRate"]) == (2, "100.0%")
    by_org = {row["name"]: (row.get("recordings"), row["bytes"]) for row in status["byOrg"]}
    assert by_org == {"acme": (1, 6_012_000), "globex": (1, 3_000), "initech": (0, 500)}
    assert status["byNamespace"][0]["name"] in {namespace, "(unknown)"}
    for rows in ("byOrg", "byNamespace", "byStorageLocation", "byStorageClass"):
        assert sum(Decimal(row["cost"]) for row in status[rows]) == Decimal(status["cost"]["today"])
    spent = sum((Decimal(day["cost"]) for day in status["history"]), Decimal(0))
    assert spent.quantize(Decimal("0.01")) == Decimal(status["cost"]["monthToDate"])
    location = status["byStorageLocation"][0]
    assert (location["name"], location["source"], location["profile"]) == (place, "Inventory", "default")
    assert location["pricesAsOf"]
    assert made.condition("Ready")["status"] == "True"
    assert made.condition("Stalled")["status"] == "False"

    shown = cluster.kubectl("get", "storagereport", made.name)
    header, row = shown.splitlines()
    assert header.split() == [
        "NAME", "STORAGE", "RECORDINGS", "MONTH-TO-DATE", "PROJECTED", "NEXT-MONTH", "BUDGET", "REFRESHED",
    ]  # fmt: skip
    assert re.search(r"0\.006 GB +2 +\d+\.\d\d USD +\d+\.\d\d USD +\d+\.\d\d USD +0% of 50\.00 USD", row)

    program = [str(Path(sys.executable).with_name("recording-operator")), "report", made.name]
    program += ["--kubeconfig", str(cluster.kubeconfig), "-o", "csv", "--from", f"{datetime.now(UTC):%Y-%m-%d}"]
    written = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert written[0] == "date,org_id,metric_type,value,unit,cost_usd"
    assert sum("api_requests,1.0" in line for line in written) == 2 + 1  # one write for each object
    absent = subprocess.run([*program[:2], "nobody", *program[3:]], capture_output=True, text=True, check=False)
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "StorageReport nobody does not exist" in absent.stderr

    metrics = operator.metrics()
    held = f'{{location="{place}",report="{made.name}",storage_class="STANDARD"}}'
    assert f"recording_operator_report_stored_bytes{held} 6.0155e+06" in metrics
    assert f'recording_operator_report_org_stored_bytes{{org="acme",report="{made.name}"}}' in metrics
    assert "globex" not in metrics


def test_a_new_token_refreshes_at_once_and_suspend_stops(
    cluster: ControlPlane, start: Callable[..., OperatorProcess], namespace: str, place: str, report: ReportFactory
) -> None:
    start()
    made = report(place)
    first = made.wait_refreshed()
    record(cluster, namespace, place, org="acme", text="x" * 1_000)
    made.edit(refreshToken="now")
    second = made.wait_refreshed("now")
    assert (first["totals"]["bytes"], second["totals"]["bytes"]) == (0, 1_000)

    made.edit(suspend=True, refreshToken="later")
    generation = made.get()["metadata"]["generation"]
    paused = made.wait(lambda status: status.get("observedGeneration") == generation, what="suspended")
    assert "nextRefreshTime" not in paused
    assert paused["asOf"] == second["asOf"]
    assert paused["totals"] == second["totals"]
    made.edit(suspend=False)
    assert made.wait_refreshed("later")["nextRefreshTime"]


def test_runs_on_its_schedule(start: Callable[..., OperatorProcess], place: str, report: ReportFactory) -> None:
    start()
    made = report(place, schedule="* * * * *", timeZone="Asia/Kolkata")
    first = made.wait_refreshed()
    due = datetime.fromisoformat(first["nextRefreshTime"])
    assert timedelta(0) < due - datetime.fromisoformat(first["asOf"]) <= timedelta(minutes=1)
    second = made.wait(lambda status: status["asOf"] != first["asOf"], within_s=80, what="the next minute")
    assert datetime.fromisoformat(second["asOf"]) >= due
    assert datetime.fromisoformat(second["lastScheduleTime"]) == due


def test_a_missed_schedule_runs_once_at_start(
    start: Callable[..., OperatorProcess], place: str, report: ReportFactory
) -> None:
    first_operator = start()
    made = report(place)
    first = made.wait_refreshed()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(first["lastScheduleTime"]) == midnight
    first_operator.terminate()
    assert first_operator.wait(timeout_s=20) == 0
    four_days_ago = (midnight - timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made.edit_status(lastScheduleTime=four_days_ago, asOf=four_days_ago)

    second_operator = start()
    again = made.wait(lambda status: status["asOf"] != four_days_ago, what="made up for")
    assert datetime.fromisoformat(again["lastScheduleTime"]) == midnight
    # Another report, made after it, is looked at after it: what is refreshed by then was refreshed once.
    later = report(place)
    later.wait_refreshed()
    later.edit(refreshToken="again")
    later.wait_refreshed("again")
    assert made.status()["asOf"] == again["asOf"]
    assert second_operator.log_text().count(f'"report": "{made.name}"') <= 1


def test_killed_in_the_middle_of_a_refresh(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    place: str,
    report: ReportFactory,
) -> None:
    operator = start()
    made = report(place)
    before = made.wait_refreshed()
    record(cluster, namespace, place, org="acme", text="x" * 1_000)
    lines = len(s3.access_log.read_text().splitlines())
    s3.process.signal(signal.SIGSTOP)
    try:
        made.edit(refreshToken="while the store stands still")
        # Another report that is older in the queue would be refreshed: nothing is, the first one holds the line.
        other = report(place)
        with pytest.raises(AssertionError):
            other.wait(lambda status: status.get("asOf"), within_s=5)
        assert made.status() == before
        operator.kill()
    finally:
        s3.process.signal(signal.SIGCONT)
    assert made.status() == before

    start()
    after = made.wait_refreshed("while the store stands still")
    assert after["totals"]["bytes"] == 1_000
    assert len(after["history"]) >= len(before["history"])
    other.wait_refreshed()
    assert len(s3.access_log.read_text().splitlines()) > lines


def test_two_operators_count_once(start: Callable[..., OperatorProcess], place: str, report: ReportFactory) -> None:
    leader, standby = start(), start()
    made = report(place)
    made.wait_refreshed()
    made.edit(refreshToken="one")
    made.wait_refreshed("one")
    series = "recording_operator_report_ready{"
    assert series in leader.metrics()
    assert series not in standby.metrics()
    leader.kill()
    made.edit(refreshToken="two")
    made.wait(lambda status: status.get("lastRefreshToken") == "two", within_s=40, what="taken over")
    assert series in standby.metrics()


def test_a_bucket_that_may_not_be_listed_is_counted_from_the_recordings(
    cluster: ControlPlane,
    s3: S3Server,
    start: Callable[..., OperatorProcess],
    namespace: str,
    bucket: str,
    location: LocationFactory,
    report: ReportFactory,
) -> None:
    start()
    user = Credentials(access_key=f"user-{namespace}", secret_key="CANARY-of-a-user")
    s3.create_user(user)
    s3.allow(user, bucket=bucket, actions=("s3:*",))
    place = location(spec={"keyTemplate": TEMPLATE}, credentials=user)
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    s3.client().put_object(Bucket=bucket, Key=f"acme/{uuid.uuid4()}/orphan", Body=b"x" * 999)
    made = report(place)
    assert made.wait_refreshed()["totals"]["bytes"] == 2_999

    s3.allow(user, bucket=bucket, actions=("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"))
    made.edit(refreshToken="denied")
    status = made.wait_refreshed("denied")
    assert status["source"] == "Recordings"
    assert status["totals"]["bytes"] == 2_000
    assert status["byStorageLocation"][0]["source"] == "Recordings"
    assert "may not be listed" in made.condition("Ready")["message"]


def test_bad_prices_keep_the_last_good_numbers_and_say_why(
    cluster: ControlPlane,
    start: Callable[..., OperatorProcess],
    namespace: str,
    place: str,
    report: ReportFactory,
) -> None:
    start()
    record(cluster, namespace, place, org="acme", text="x" * 2_000)
    made = report(place)
    good = made.wait_refreshed()

    def price(text: str) -> None:
        entry = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"rack.toml": text}}
        cluster.kubectl.apply({**entry, "metadata": {"name": place, "namespace": OPERATOR_NAMESPACE}})

    def prices(**given: str) -> None:
        patch = json.dumps({"spec": {"prices": given}})
        cluster.kubectl("patch", "storagelocation", place, "--type=merge", f"--patch={patch}")

    prices(profile="nobody/nowhere")
    made.edit(refreshToken="unknown")
    bad = made.wait(lambda _: made.ready() == "PricesInvalid", what="refused")
    assert (
        "no price profile is called nobody/nowhere; there are: aws-s3/eu-west-2" in made.condition("Ready")["message"]
    )
    assert made.condition("Stalled")["status"] == "True"
    assert {key: bad[key] for key in ("totals", "cost", "asOf", "history")} == {
        key: good[key] for key in ("totals", "cost", "asOf", "history")
    }
    assert made.events("PricesInvalid")

    prices(profile="rack", configMap=place)
    made.edit(refreshToken="no map")
    made.wait(lambda _: "is not in namespace" in made.condition("Ready").get("message", ""), what="no ConfigMap")
    price(PRICE % ("USD", "23"))
    made.edit(refreshToken="per TB")
    made.wait(lambda _: "23 is more than 1 per GB" in made.condition("Ready").get("message", ""), what="per TB")
    price(PRICE % ("EUR", "0.02"))
    made.edit(refreshToken="fixed")
    fixed = made.wait_refreshed("fixed")
    assert fixed["cost"]["currency"] == "EUR"
    assert fixed["byStorageLocation"][0]["profile"] == "rack"
    made.edit(budget={"amount": "50", "currency": "USD"})
    made.wait(lambda _: made.ready() == "CurrencyMismatch", what="two currencies")
    cluster.kubectl("delete", "configmap", place, f"--namespace={OPERATOR_NAMESPACE}")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedule": "75 0 * * *"}, "bad minute"),
        ({"schedule": "0 0 31 2 *"}, "bad day-of-month"),
        ({"timeZone": "Mars/Base"}, "timeZone Mars/Base is not known"),
    ],
)
def test_a_schedule_that_never_comes_is_told(
    start: Callable[..., OperatorProcess], place: str, report: ReportFactory, spec: JsonObject, words: str
) -> None:
    start()
    made = report(place, **spec)
    status = made.wait(lambda _: made.ready() == "ScheduleInvalid", what="refused")
    assert words in made.condition("Ready")["message"]
    assert "nextRefreshTime" not in status
    made.edit(schedule="0 0 * * *", timeZone="UTC")
    made.wait_refreshed()


def test_a_passed_threshold_is_told_once(
    cluster: ControlPlane, start: Callable[..., OperatorProcess], place: str, report: ReportFactory
) -> None:
    operator = start()
    # At least 1 TB a month is charged there: 7.99 USD for nothing.
    patch = json.dumps({"spec": {"prices": {"profile": "wasabi"}}})
    cluster.kubectl("patch", "storagelocation", place, "--type=merge", f"--patch={patch}")
    budget = {"amount": "5", "thresholds": [{"percent": 100, "type": "Forecasted"}, {"percent": 999}]}
    made = report(place, budget=budget)
    status = made.wait_refreshed()
    assert made.condition("ForecastExceedsBudget")["status"] == "True"
    assert made.condition("ForecastExceedsBudget")["reason"] == "ThresholdPassed"
    assert made.condition("BudgetExceeded")["status"] == "False"
    assert status["summary"]["budget"].endswith("of 5.00 USD")
    [event] = eventually(lambda: made.events("ThresholdPassed"), what="an Event")
    assert event["type"] == "Warning"
    assert "of the budget of 5.00 USD; the threshold is 100%" in event["note"]
    made.edit(refreshToken="again")
    made.wait_refreshed("again")
    made.edit(budget={"amount": "5.01"})
    made.wait_refreshed("again")
    assert [found["metadata"]["name"] for found in made.events("ThresholdPassed")] == [event["metadata"]["name"]]
    assert "series" not in made.events("ThresholdPassed")[0]
    exceeded = f'recording_operator_report_budget_exceeded{{report="{made.name}",type="Forecasted"}} 1.0'
    assert exceeded in operator.metrics()
