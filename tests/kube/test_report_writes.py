"""A report whose status cannot be written does not delay others, and says so if it can."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from localcluster import ControlPlane
from recording_operator.api.storagereport import StorageReport
from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.reports.refresher import RefreshResult
from recording_operator.controller.usage.keeper import Need
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.events import EventRecorder
from recording_operator.kube.rest import RestClient
from recording_operator.reportmetrics import ReportMetrics

pytestmark = pytest.mark.cluster
TOO_MANY = tuple(f"storage class {number}" for number in range(40))


class Counts:
    """Counts nothing, and notes the reports. The status of `refused` reports is too large for the CRD."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.asked: list[str] = []

    def prepare(self, needs: Sequence[Need], *, now: datetime) -> None:
        """Nothing is needed."""

    def refresh(self, resource: StorageReport, need: Need, *, now: datetime) -> RefreshResult:  # noqa: ARG002 - a fake
        """New numbers."""
        name = resource.metadata.name
        self.asked.append(name)
        unpriced = TOO_MANY if name in self.refused else ()
        status = resource.status.model_copy(update={"as_of": now, "unpriced": unpriced})
        return RefreshResult(status=status, message="ok", stored={})


class Deaf(KubeApi):
    """The real API server, to which no status of `unheard` reports gets through."""

    unheard: str = ""

    def patch_report_status(self, name: str, **more: Any) -> dict[str, Any]:
        """As the real client, or a timeout."""
        if name == self.unheard:
            raise ApiUnavailable("no answer")
        return super().patch_report_status(name, **more)


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def names(cluster: ControlPlane) -> Iterator[list[str]]:
    """Two reports. The first one is refreshed first."""
    made = [f"{letter}-{uuid.uuid4().hex[:8]}" for letter in "ab"]
    for name in made:
        kind = {"apiVersion": "recordings.dev/v1alpha1", "kind": "StorageReport"}
        cluster.kubectl.apply({**kind, "metadata": {"name": name}, "spec": {}})
    yield made
    for name in made:
        cluster.kubectl("delete", "storagereport", name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(rest: RestClient, names: list[str], clock: Clock) -> Iterator[Callable[[KubeApi, Counts], ReportKeeper]]:
    """Makes keepers that know the reports."""
    events = EventRecorder(rest, instance="test")

    def make(kube: KubeApi, counts: Counts) -> ReportKeeper:
        metrics = ReportMetrics(CollectorRegistry())
        made = ReportKeeper(kube=kube, refresher=counts, events=events, metrics=metrics, metric_orgs=0, now=clock)
        for name in names:
            made.seen(kube.get_report(name))
        made.learn()
        return made

    yield make
    events.close(timeout_s=5)


def ready(cluster: ControlPlane, name: str) -> tuple[str, str, str]:
    conditions = cluster.kubectl.json("get", "storagereport", name)["status"]["conditions"]
    found = next(one for one in conditions if one["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def test_a_status_that_the_api_server_rejects_is_reported_and_retried_later(
    cluster: ControlPlane,
    rest: RestClient,
    names: list[str],
    clock: Clock,
    keeper: Callable[[KubeApi, Counts], ReportKeeper],
) -> None:
    counts = Counts()
    counts.refused = {names[0]}
    kept = keeper(KubeApi(rest), counts)
    kept.refresh_due()
    status, reason, message = ready(cluster, names[0])
    assert (status, reason) == ("False", "RefreshFailed")
    assert "The API server rejected the status" in message
    assert "unpriced" in message
    assert ready(cluster, names[1])[1] == "Refreshed"

    kept.refresh_due()
    assert counts.asked.count(names[0]) == 1, "counted again before its time"
    clock.now += timedelta(seconds=6)
    counts.refused = set()
    kept.refresh_due()
    assert ready(cluster, names[0])[1] == "Refreshed"


def test_a_status_that_cannot_be_written_is_counted_again_later_and_holds_up_no_other(
    cluster: ControlPlane,
    rest: RestClient,
    names: list[str],
    clock: Clock,
    keeper: Callable[[KubeApi, Counts], ReportKeeper],
) -> None:
    kube, counts = Deaf(rest), Counts()
    kube.unheard = names[0]
    kept = keeper(kube, counts)
    for _ in range(3):
        kept.refresh_due()
    assert counts.asked.count(names[0]) == 1
    assert ready(cluster, names[1])[1] == "Refreshed"
    waited = 0
    while counts.asked.count(names[0]) < 4:
        clock.now += timedelta(seconds=5)
        waited += 5
        kept.refresh_due()
    assert waited == 5 + 10 + 20, "each time it waits twice as long"
    kube.unheard = ""
    clock.now += timedelta(minutes=10)
    kept.refresh_due()
    assert ready(cluster, names[0])[1] == "Refreshed"


def test_an_edit_causes_a_refresh_at_once_even_if_nothing_could_be_written(
    cluster: ControlPlane,
    rest: RestClient,
    names: list[str],
    keeper: Callable[[KubeApi, Counts], ReportKeeper],
) -> None:
    kube, counts = Deaf(rest), Counts()
    kube.unheard = names[0]
    kept = keeper(kube, counts)
    kept.refresh_due()
    kube.unheard = ""
    patch = '--patch={"spec":{"refreshToken":"now"}}'
    cluster.kubectl("patch", "storagereport", names[0], "--type=merge", patch)
    kept.seen(kube.get_report(names[0]))
    kept.learn()
    kept.refresh_due()
    assert counts.asked.count(names[0]) == 2
    assert ready(cluster, names[0])[1] == "Refreshed"
