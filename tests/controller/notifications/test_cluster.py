"""Events about StorageReports and StorageLocations, for EventSinks in the operator's namespace."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.attempts import Attempts
from recording_operator.controller.notifications.cluster import ClusterOutbox
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.controller.notifications.threads import SinkThreads
from recording_operator.kube.client import KubeApi
from recording_operator.metrics import Metrics
from recording_operator.notify.events import EncodedEvent
from recording_operator.notify.sender import NotAcceptedError, SinkTarget
from recording_operator.stopping import StopSignal
from tests.controller.notifications.sinks import FakeSinkApi, a_raw_sink
from tests.engine.builders import START
from tests.support.inline_pool import InlinePool

OPERATOR = "recording-operator"
ALL = ("BudgetExceeded", "ForecastExceedsBudget", "LocationNotReady")
BROKEN = "2026-11-21T10:00:00Z"
ID = f"location-1/not-ready/{int(datetime.fromisoformat(BROKEN).timestamp())}"


def a_location(*, ready: str = "False", since: str = BROKEN) -> dict[str, Any]:
    condition = {
        "type": "Ready", "status": ready, "reason": "StoreDenied", "message": "Denied.", "lastTransitionTime": since
    }  # fmt: skip
    return {
        "metadata": {"name": "archive", "uid": "location-1", "generation": 1, "resourceVersion": "1"},
        "spec": {"s3": {"bucket": "archive"}},
        "status": {"conditions": [condition]},
    }


def a_report() -> dict[str, Any]:
    condition = {
        "type": "BudgetExceeded", "status": "True", "reason": "ThresholdPassed", "message": "Too much.",
        "lastTransitionTime": BROKEN,
    }  # fmt: skip
    return {
        "metadata": {"name": "all", "uid": "report-1", "generation": 1, "resourceVersion": "1"},
        "spec": {"schedule": "0 6 * * *", "budget": {"amount": "50"}},
        "status": {"conditions": [condition], "cost": {"monthToDate": "51.2", "projectedMonth": "70"}},
    }


class World:
    """A leader with one EventSink of the platform team."""

    def __init__(self, *, api: FakeSinkApi | None = None, events: tuple[str, ...] = ALL, **spec: Any) -> None:
        self.now = START + timedelta(hours=2)
        self.api = api or FakeSinkApi(a_raw_sink("platform", namespace=OPERATOR, events=events, **spec))
        self.sent: list[str] = []
        self.problem: NotAcceptedError | None = None
        self.steady_s = 0.0
        self.keeper = SinkKeeper(
            resolver=cast("TargetResolver", self),
            status=SinkStatusWriter(cast("KubeApi", self.api), events=self, now=lambda: self.now),
            post=lambda _: None,
            on_recovery=lambda: None,
            pool=InlinePool(),
            now=lambda: self.now,
            steady_s=lambda: self.steady_s,
        )
        self.outbox = ClusterOutbox(
            keeper=self.keeper,
            attempts=Attempts(keeper=self.keeper, sender=self, stop=cast("StopSignal", None)),
            threads=SinkThreads(start=_at_once),
            metrics=Metrics(version="test"),
            operator_namespace=OPERATOR,
            leads=lambda: True,
            now=lambda: self.now,
        )
        for one in self.api.sinks.values():
            self.keeper.seen(one)
        self.keeper.listed(frozenset({"sink-1"}))

    def emit(self, *_: Any, **__: Any) -> None:
        """Events are not checked here."""

    def resolve(self, sink: EventSink) -> SinkTarget:
        return SinkTarget(url=str(sink.spec.uri), keys=())

    def send(self, event: EncodedEvent, *, event_id: str, target: SinkTarget, stop: StopSignal) -> None:  # noqa: ARG002 - as the real one
        self.sent.append(event_id)
        if self.problem is not None:
            raise self.problem

    def listed(self) -> None:
        self.outbox.listed("storagereports", frozenset({"report-1"}))
        self.outbox.listed("storagelocations", frozenset({"location-1"}))

    def wait(self, seconds: float = 11) -> None:
        self.now, self.steady_s = self.now + timedelta(seconds=seconds), self.steady_s + seconds
        self.outbox.tick()
        self.keeper.tick()
        self.keeper.tick()

    def status(self) -> dict[str, Any]:
        return dict(self.api.sinks[OPERATOR, "platform"]["status"])


def _at_once(run: Callable[[], None]) -> None:
    run()


def test_a_location_that_is_not_ready_is_announced_once() -> None:
    world = World()
    world.outbox.location_seen(a_location())
    world.listed()
    for _ in range(3):
        world.wait()

    assert world.sent == [ID]
    assert world.status()["notifications"][0]["phase"] == "Delivered"
    assert world.status()["delivered"] == 1


def test_a_budget_is_announced() -> None:
    world = World()
    world.outbox.report_seen(a_report())
    world.listed()
    world.wait()

    assert [one.split("/")[1] for one in world.sent] == ["budget-exceeded"]


def test_nothing_is_sent_before_everything_is_listed() -> None:
    world = World()
    world.outbox.location_seen(a_location())
    world.outbox.listed("storagelocations", frozenset({"location-1"}))
    world.wait()

    assert world.sent == []


def test_a_restart_does_not_announce_it_again_and_another_occurrence_has_another_id() -> None:
    first = World()
    first.outbox.location_seen(a_location())
    first.listed()
    first.wait()
    first.wait()
    second = World(api=first.api)
    second.outbox.location_seen(a_location())
    second.listed()
    second.wait()
    assert second.sent == []

    second.outbox.location_seen(a_location(ready="True"))
    second.wait()
    second.outbox.location_seen(a_location(since="2026-11-21T10:30:00Z"))
    second.wait()

    assert len(second.sent) == 1
    assert second.sent != [ID]
    assert len(second.status()["notifications"]) == 1


def test_a_killed_leader_loses_none() -> None:
    World().outbox.location_seen(a_location())  # killed before anything was sent
    world = World()
    world.outbox.location_seen(a_location())
    world.listed()
    world.wait()

    assert world.sent == [ID]


def test_it_is_retried_with_the_same_id() -> None:
    world = World()
    world.problem = NotAcceptedError(Reason.SINK_UNAVAILABLE, "503")
    world.outbox.location_seen(a_location())
    world.listed()
    world.wait()
    assert world.status()["notifications"][0]["attempts"] == 1

    world.problem = None
    world.wait(6)

    assert world.sent == [ID, ID]


def test_a_sink_gets_nothing_that_is_older_than_itself_or_that_it_does_not_select() -> None:
    old = World()
    old.outbox.location_seen(a_location(since="2026-11-20T10:00:00Z"))
    others = World(events=("BudgetExceeded",))
    others.outbox.location_seen(a_location())
    for world in (old, others):
        world.listed()
        world.wait()

        assert world.sent == []


def test_what_is_over_before_it_could_be_delivered_is_given_up() -> None:
    world = World()
    world.problem = NotAcceptedError(Reason.SINK_UNAVAILABLE, "503")
    world.outbox.location_seen(a_location())
    world.listed()
    world.wait()
    world.outbox.location_seen(a_location(ready="True"))
    world.wait()
    world.wait()

    assert world.status()["notifications"] == []
    assert world.status()["failed"] == 1
