"""StorageReports as the operator leaves them: computed by its own functions from usage samples."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportSpec
from recording_operator.controller.reports.status import failed, succeeded
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import message_of
from recording_operator.kube.resources import REPORTS
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.usage.sample import RecordingRow, UsageSample
from tests.costs.views import DAY, World, arrival, at, one, row, sample

TWO_ORGS = ("acme", "globex")


def growing(*orgs: str, days: int = 40, first: str = "2026-10-05T01:00", prices: str = "aws-s3/us-east-1") -> World:
    """A location that is counted daily but for some days: each organisation stores and uploads more than the last."""
    samples: list[UsageSample] = []
    begin, names = at(first), orgs or TWO_ORGS
    for number in range(days):
        when = begin + DAY * number
        if 0 < number < days - 2 and number % 9 == 4:
            continue
        held = [_held(name, place, number) for place, name in enumerate(names)]
        since = samples[-1].at if samples else None
        came = [arrival(name, 3 * place + 3, when - DAY / 4, writes=50) for place, name in enumerate(names)]
        samples.append(
            sample(
                when,
                held,
                since=since,
                arrived=tuple(came) if since else (),
                recordings=tuple(_recordings(name, number) for name in names),
            )
        )
    return one(samples, *find_profile(prices), ratio="0.5")


def _held(name: str, place: int, number: int) -> Any:
    cold = place % 3 == 0
    return row(name, 100 + 3 * number * (place + 1), storage_class="GLACIER_IR" if cold else "STANDARD", objects=40)


def _recordings(name: str, number: int) -> RecordingRow:
    return RecordingRow(
        org=name,
        namespace="team",
        recordings=20 + number,
        complete_24h=6,
        failed_24h=1 if name == "globex" else 0,
        bytes_24h=3 * 10**9,
        seconds_24h=600,
        timed_24h=6,
    )


def refreshed(world: World, *, name: str = "daily", after: timedelta = timedelta(0), **spec: Any) -> StorageReport:
    """The report after a refresh, so long after the last count."""
    inputs = world.inputs(spec)
    made = StorageReport(metadata=ObjectMeta(name=name, generation=1), spec=StorageReportSpec.model_validate(spec))
    status = world.report(spec)
    now = inputs.now + after
    done, _ = succeeded(made, status, message=message_of(status), begun=inputs.now, now=now)
    return made.model_copy(update={"status": done})


def broken(report: StorageReport, message: str = "No price profile has the name nope.") -> StorageReport:
    """The report after refreshes that failed, a day later."""
    then = _refreshed_at(report) + DAY
    for _ in range(3):
        status = failed(report, reason=Reason.PRICES_INVALID, message=message, begun=then, now=then)
        report = report.model_copy(update={"status": status})
    return report


def _refreshed_at(report: StorageReport) -> datetime:
    assert report.status.last_refresh_time is not None
    return report.status.last_refresh_time


def in_cluster(admin: RestClient, report: StorageReport) -> None:
    """Create the report in a cluster with its status."""
    manifest: Mapping[str, Any] = report.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = {"apiVersion": REPORTS.api_version, "kind": "StorageReport", "metadata": {"name": report.metadata.name}}
    admin.request("POST", REPORTS.collection(None), body={**body, "spec": manifest["spec"]})
    path = f"{REPORTS.path(None, report.metadata.name)}/status"
    admin.request("PATCH", path, body={"status": manifest["status"]}, content_type=MERGE_PATCH)
