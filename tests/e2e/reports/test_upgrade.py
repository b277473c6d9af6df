"""An upgrade from the version that kept its accounts in `status.ledger`: nothing is lost, or counted twice.

`upgrade/` has the CRD of that version, and StorageReports that its operator left behind on 27 November 2026 at half
past nine: `upgrade/write_reports.py.txt` was run in its tree.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from localcluster import ControlPlane, OperatorProcess, S3Server
from localcluster.install import PROJECT
from recording_operator.kube.errors import Invalid
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.support.report_time import ReportTime
from tests.support.reports import GB, JsonObject, Report, put_sparse
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

UPGRADE = Path(__file__).parent / "upgrade"
CRD = "storagereports.recordings.dev.yaml"
PATH = "/apis/recordings.dev/v1alpha1/storagereports"
LEFT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
NEXT = datetime(2026, 11, 28, tzinfo=UTC)
LATER = datetime(2026, 11, 28, 12, tzinfo=UTC)
OBJECTS = {
    "acme/9c0f6f5e-3a52-4a3a-8d0e-0d8a6f0f0001/video.mp4": (20, datetime(2026, 10, 10, 6, tzinfo=UTC)),
    "globex/9c0f6f5e-3a52-4a3a-8d0e-0d8a6f0f0002/video.mp4": (10, datetime(2026, 11, 5, 12, tzinfo=UTC)),
    "acme/9c0f6f5e-3a52-4a3a-8d0e-0d8a6f0f0003/video.mp4": (5, datetime(2026, 11, 26, 18, tzinfo=UTC)),
}
NEW = "acme/9c0f6f5e-3a52-4a3a-8d0e-0d8a6f0f0004/video.mp4", 4, datetime(2026, 11, 27, 21, 30, tzinfo=UTC)
GB_DAY = (Decimal("0.023") + Decimal("0.09") / 2) / 30
"""Of a GB that is stored for a day, and half of which is downloaded in a month: the profile `default`."""
DAYS_OFF = Decimal("0.0003")
"""Each day of a month is rounded."""
CENT = Decimal("0.01")


@pytest.fixture
def earlier(cluster: ControlPlane, admin: RestClient) -> Iterator[None]:
    """The API server has the CRD of the earlier version. After the test it has the one of today, without reports."""
    install(cluster, UPGRADE / CRD)
    yield
    install(cluster, PROJECT / "crds" / CRD)
    for item in admin.request("GET", PATH)["items"]:
        admin.request("DELETE", f"{PATH}/{item['metadata']['name']}")


def install(cluster: ControlPlane, crd: Path) -> None:
    """Apply a CRD as `install_crds` does."""
    cluster.kubectl("apply", "--server-side", "-f", str(crd))


def leave(cluster: ControlPlane, admin: RestClient, place: str, name: str, **spec: object) -> Report:
    """A report as the earlier version left it."""
    left = json.loads((UPGRADE / "reports.json").read_text().replace('"archive"', f'"{place}"'))[name]
    made = Report(cluster, f"{place}-{name}")
    manifest = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageReport",
        "metadata": {"name": made.name},
        "spec": left["spec"] | spec,
    }
    admin.request("POST", PATH, body=manifest)
    status = left["status"] | {"observedGeneration": 1}
    admin.request("PATCH", f"{PATH}/{made.name}/status", body={"status": status}, content_type=MERGE_PATCH)
    assert made.status() == status
    return made


def refuses_other_ledgers(admin: RestClient, report: Report) -> bool:
    """Whether the API server checks accounts, as the earlier version's CRD says."""
    wrong = {"status": {"ledger": {"meters": "none"}}}
    try:
        admin.request("PATCH", f"{PATH}/{report.name}/status?dryRun=All", body=wrong, content_type=MERGE_PATCH)
    except Invalid:
        return True
    return False


def cost(status: JsonObject, *, since: str = "") -> Decimal:
    """The sum of the days."""
    return sum((Decimal(day["cost"]) for day in status["history"] if day["date"] >= since), Decimal(0))


def days(status: JsonObject, *, until: str) -> list[tuple[object, ...]]:
    """The days of the history, and what was used."""
    return [
        (day["date"], round(Decimal(day["storageGB"]), 5), round(Decimal(day["uploadGB"]), 5), day["apiRequests"])
        for day in status["history"]
        if day["date"] < until
    ]


def wait_as_of(report: Report, at: datetime) -> JsonObject:
    """Wait for a refresh at this time. The account is gone then, and one Event says so."""
    status = report.wait(lambda status: status["asOf"] == f"{at:%Y-%m-%dT%H:%M:%SZ}", what=f"{at}")
    assert "ledger" not in status
    [event] = eventually(lambda: report.events("UsageMigrated"), what="an Event")
    assert (event["type"], event.get("series")) == ("Normal", None)
    return status


def assert_month(status: JsonObject, before: JsonObject, *, more_gb_days: Decimal) -> None:
    """The month costs what it did before, and what was used since."""
    month = cost(before, since="2026-11") + more_gb_days * GB_DAY
    assert abs(cost(status, since="2026-11") - month) < DAYS_OFF
    assert Decimal(status["cost"]["monthToDate"]) == month.quantize(CENT)


def test_accounts_become_samples_once(
    cluster: ControlPlane,
    admin: RestClient,
    s3: S3Server,
    bucket: str,
    place: str,
    earlier: None,  # noqa: ARG001 - the CRD
    report_time: ReportTime,
    start_dated: Callable[[], OperatorProcess],
) -> None:
    for key, (size, at) in OBJECTS.items():
        put_sparse(s3, bucket=bucket, key=key, size_bytes=size * GB, at=at)
    everything, acme = (leave(cluster, admin, place, name) for name in ("all", "acme"))
    globex = leave(cluster, admin, place, "globex", suspend=True)
    before = {report: report.status() for report in (everything, acme, globex)}
    assert refuses_other_ledgers(admin, everything)

    install(cluster, PROJECT / "crds" / CRD)
    eventually(lambda: not refuses_other_ledgers(admin, everything), what="the CRD of today")
    for report, old in before.items():
        new = {"totals": {**old["totals"], "noncurrentBytes": 0, "noncurrentObjects": 0}}
        assert report.status() == old | new, "the API server has dropped something"

    key, size, at = NEW
    put_sparse(s3, bucket=bucket, key=key, size_bytes=size * GB, at=at)
    report_time.set(NEXT)
    operator = start_dated()
    # To the end of the 27th: what there was for fourteen hours and a half, the new one for two and a half.
    grown = {everything: Decimal(35 * 29 + 4 * 5) / 48, acme: Decimal(25 * 29 + 4 * 5) / 48}
    for report, more in grown.items():
        status, old = wait_as_of(report, NEXT), before[report]
        assert_month(status, old, more_gb_days=more)
        assert status["cost"]["lastMonth"] == old["cost"]["lastMonth"] == "0.99"
        assert days(status, until="2026-11-27") == days(old, until="2026-11-27")
        assert days(status, until="2026-11-28")[-1] == ("2026-11-27", 39 if report is everything else 29, 4, 1)
    assert globex.status()["ledger"] == before[globex]["ledger"], "it is suspended"

    operator.terminate()
    assert operator.wait(timeout_s=20) == 0
    report_time.set(LATER)
    start_dated()
    globex.edit(suspend=False)
    for report in (everything, acme):
        report.edit(refreshToken="noon")
    grown = {report: more + Decimal(39 if report is everything else 29) / 2 for report, more in grown.items()}
    for report, more in {**grown, globex: Decimal(10 * 29) / 48 + Decimal(10) / 2}.items():
        assert_month(wait_as_of(report, LATER), before[report], more_gb_days=more)
    folder = f".recording-operator/usage/{place}/2026/11/"
    assert [one["Key"] for one in s3.client().list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]] == [
        f"{folder}{at:%dT%H%M%SZ}.json.gz" for at in (LEFT, NEXT, LATER)
    ]
