"""The condition Ready of an EventSink, and the Event of a Recording that could not be announced."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.deliveries import Deliveries
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.engine.actions import NotificationOutcome, ReportNotification
from recording_operator.engine.facts import RecordingRef
from recording_operator.kube.client import SecretData
from recording_operator.kube.errors import NotFound
from recording_operator.metrics import Metrics
from recording_operator.notify.sender import NotAcceptedError
from tests.api.sink_cases import BROKER, a_sink
from tests.support.events import NotedEvents
from tests.support.inline_pool import InlinePool
from tests.support.sinks import KEY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SINK = ("team-a", "app")


class Kube:
    """One EventSink, its Secret, and nothing else."""

    def __init__(self, sink: dict[str, Any]) -> None:
        meta = {"name": "app", "namespace": "team-a", "uid": "u-1", "generation": 1, "resourceVersion": "1"}
        self.sink: dict[str, Any] = {**sink, "metadata": meta, "status": {}}

    def get_event_sink(self, _namespace: str, _name: str) -> dict[str, Any]:
        return self.sink

    def patch_event_sink_status(
        self, _namespace: str, _name: str, *, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        assert resource_version == "1"
        self.sink = {**self.sink, "status": {**self.sink["status"], **status}}
        return self.sink

    def read_secret(self, _namespace: str, name: str) -> SecretData:
        return SecretData(name=name, labels={}, annotations={}, data={"key": KEY.encode()})

    def get_named(self, api_version: str, kind: str, _namespace: str, _name: str) -> dict[str, Any]:
        raise NotFound(f"{api_version} {kind}", status=404)

    @property
    def ready(self) -> tuple[str, str, str]:
        """Status, reason and message of the condition."""
        (condition,) = EventSink.model_validate(self.sink).status.conditions
        return condition.status, condition.reason, condition.message


def keeper_of(kube: Any, events: NotedEvents) -> SinkKeeper:
    """A keeper that has seen the sink and written its status."""
    keeper = SinkKeeper(
        resolver=TargetResolver(kube, register_secret=lambda _: None),
        status=SinkStatusWriter(kube, events=events, now=lambda: NOW),
        post=lambda _: None,
        on_recovery=lambda: None,
        pool=InlinePool(),
        now=lambda: NOW,
        steady_s=lambda: 0.0,
    )
    keeper.seen(kube.sink)
    written(keeper)
    return keeper


def written(keeper: SinkKeeper) -> None:
    """The sink is checked, and its status is written."""
    keeper.tick()
    keeper.tick()


def test_a_sink_that_can_be_used_is_ready() -> None:
    kube, events = Kube(a_sink()), NotedEvents()

    keeper_of(kube, events)

    assert kube.ready == ("True", Reason.DELIVERING, "Events are sent.")
    assert events.emitted == []


def test_a_suspended_sink_is_not_ready() -> None:
    kube, events = Kube(a_sink(suspend=True)), NotedEvents()

    keeper_of(kube, events)

    assert kube.ready == (
        "False",
        Reason.SUSPENDED,
        "Nothing is sent, because spec.suspend is true. Events about Recordings are kept.",
    )
    assert events.emitted == []


def test_a_sink_whose_reference_does_not_exist_is_not_ready() -> None:
    kube, events = Kube(a_sink(uri=None, ref=BROKER)), NotedEvents()

    keeper_of(kube, events)

    status, reason, message = kube.ready
    assert (status, reason) == ("False", Reason.SINK_NOT_FOUND)
    assert message == "Broker default (eventing.knative.dev/v1) does not exist in this namespace."
    assert events.reasons == [Reason.SINK_NOT_FOUND]


@pytest.mark.parametrize("reason", [Reason.SINK_GONE, Reason.SINK_REJECTED, Reason.SINK_BLOCKED])
def test_a_sink_that_does_not_accept_events_is_not_ready(reason: Reason) -> None:
    kube, events = Kube(a_sink()), NotedEvents()
    keeper = keeper_of(kube, events)

    attempted = keeper.sink(SINK)
    assert attempted is not None
    keeper.rejected(attempted, NotAcceptedError(reason, "Not accepted."))
    written(keeper)

    assert kube.ready == ("False", reason, "Not accepted.")
    assert events.reasons == [reason]


def test_a_recording_that_could_not_be_announced_has_an_event() -> None:
    kube, events = Kube(a_sink()), NotedEvents()
    unused: Any = None
    deliveries = Deliveries(
        keeper=keeper_of(kube, events),
        attempts=unused,
        payloads=unused,
        threads=unused,
        events=events,
        metrics=Metrics(version="1"),
        post=lambda _: None,
        may_change=lambda: True,
    )

    deliveries.report(
        ReportNotification(
            ref=RecordingRef(namespace="team-a", name="weekly", uid="u-7"),
            sink="app",
            event="Completed",
            outcome=NotificationOutcome.FAILED,
            attempts=8,
            message="The receiver responded with 500.",
        )
    )

    assert events.emitted == [
        (
            "Warning",
            Reason.NOT_ANNOUNCED,
            "Completed was not announced to EventSink app, and is not sent again. The receiver responded with 500.",
        )
    ]
