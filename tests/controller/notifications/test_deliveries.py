"""The actions of the engine that send events, and what the engine hears of them."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.notifications.attempts import Attempts
from recording_operator.controller.notifications.circuit import FAILURES
from recording_operator.controller.notifications.deliveries import Deliveries
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.payloads import Payloads
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.controller.notifications.threads import SinkThreads
from recording_operator.engine.actions import NotificationOutcome, ReportNotification, SendNotification
from recording_operator.engine.facts import Fact, ref_of
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.metrics import Metrics
from recording_operator.notify.events import EncodedEvent
from recording_operator.notify.sender import NotAcceptedError, SinkTarget
from recording_operator.stopping import Stopped, StopSignal
from tests.controller.notifications.sinks import FakeSinkApi, a_raw_sink
from tests.engine.builders import START, a_finished_recording, a_location, an_artifact_status
from tests.support.inline_pool import InlinePool
from tests.support.prometheus import parse, value

STORED = an_artifact_status(phase=Phase.COMPLETE, key="k", uri="s3://b/k", etag="e")
RECORDING = a_finished_recording(status={"bucket": a_location().store.bucket, "artifacts": [STORED]})
ACTION = SendNotification(
    recording=RECORDING, sink="app", event="Completed", id="uid/completed/1", time=START, location=a_location()
)
UNAVAILABLE = NotAcceptedError(Reason.SINK_UNAVAILABLE, "The receiver responded 503, expected 2xx.", retry_after_s=7.0)


class World:
    """The announcer of a leader, with a receiver that fails as `problem` says."""

    def __init__(self, **spec: Any) -> None:
        self.facts: list[Fact] = []
        self.bodies: list[bytes] = []
        self.events: list[str] = []
        self.problem: Exception | None = None
        self.is_leader = True
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while the receiver is called."""
        raw = a_raw_sink(**spec)
        self.keeper = SinkKeeper(
            resolver=cast("TargetResolver", self),
            status=SinkStatusWriter(cast("KubeApi", FakeSinkApi(raw)), events=self, now=lambda: START),
            post=lambda _: None,
            on_recovery=lambda: None,
            pool=InlinePool(),
            now=lambda: START,
            steady_s=lambda: 0.0,
        )
        self.keeper.seen(raw)
        self.metrics = Metrics(version="test")
        self.deliveries = Deliveries(
            keeper=self.keeper,
            attempts=Attempts(keeper=self.keeper, sender=self, stop=cast("StopSignal", None)),
            payloads=Payloads(cast("StoreSource", self), cdn=lambda _: None),
            threads=SinkThreads(start=_at_once),
            events=self,
            metrics=self.metrics,
            post=self.facts.append,
            may_change=lambda: self.is_leader,
        )

    def emit(self, regarding: Any, *, reason: str, **_: Any) -> None:  # noqa: ARG002 - as EventPoster
        self.events.append(reason)

    def resolve(self, sink: EventSink) -> SinkTarget:
        return SinkTarget(url=str(sink.spec.uri), keys=())

    def send(self, event: EncodedEvent, *, event_id: str, target: SinkTarget, stop: StopSignal) -> None:  # noqa: ARG002 - as the real one
        self.bodies.append(event.body)
        self.meanwhile()
        if self.problem is not None:
            raise self.problem

    def store_named(self, location: str, *, uid: str) -> Any:  # noqa: ARG002 - as StoreSource
        raise LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")


def _at_once(run: Callable[[], None]) -> None:
    run()


def result_of(world: World, action: SendNotification = ACTION) -> Fact:
    """The one fact that follows."""
    world.facts.clear()
    world.deliveries.send(action)
    assert len(world.facts) == 1
    return world.facts[0]


def test_a_delivery() -> None:
    world = World()

    assert result_of(world) == NotificationDelivered(uid=RECORDING.metadata.uid, sink="app", id="uid/completed/1")
    assert b"sig=" not in world.bodies[0]


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        (UNAVAILABLE, {"message": UNAVAILABLE.message, "retry_after_s": 7.0}),
        (NotAcceptedError(Reason.SINK_GONE, "410"), {"message": "410", "is_final": True}),
        (Stopped(), {"tried": False}),
    ],
)
def test_failures(problem: Exception, wanted: dict[str, object]) -> None:
    world = World()
    world.problem = problem

    uid = RECORDING.metadata.uid
    assert result_of(world) == NotificationFailed(uid=uid, sink="app", id="uid/completed/1", **wanted)  # type: ignore[arg-type]


def test_a_410_for_a_sink_that_was_edited_meanwhile_is_not_the_end() -> None:
    world = World()
    world.problem = NotAcceptedError(Reason.SINK_GONE, "410")
    world.meanwhile = lambda: world.keeper.seen(a_raw_sink(generation=2))

    failed = result_of(world)

    assert isinstance(failed, NotificationFailed)
    assert not failed.is_final


def test_an_unexpected_error_is_an_attempt_and_hides_what_it_says() -> None:
    world = World()
    world.problem = RuntimeError("https://app.example.com/?token=secret")

    failed = result_of(world)

    assert isinstance(failed, NotificationFailed)
    assert failed.message == "An unexpected error in the operator (RuntimeError)."


def test_nothing_is_sent_by_a_process_that_may_have_lost_the_lease() -> None:
    world = World()
    world.is_leader = False

    failed = result_of(world)

    assert isinstance(failed, NotificationFailed)
    assert not failed.tried
    assert world.bodies == []


def test_a_sink_that_keeps_failing_is_spared_and_no_attempt_is_spent() -> None:
    world = World()
    world.problem = UNAVAILABLE
    for _ in range(FAILURES):
        result_of(world)

    failed = result_of(world)

    assert isinstance(failed, NotificationFailed)
    assert (failed.tried, failed.retry_after_s) == (False, 10.0)
    assert "several times in a row" in failed.message
    assert len(world.bodies) == FAILURES


def test_urls_that_cannot_be_made_are_no_fault_of_the_sink() -> None:
    world = World(presign={"expiresAfter": "5m"})

    failed = result_of(world)

    assert isinstance(failed, NotificationFailed)
    assert "The URLs of the files could not be made." in failed.message
    assert world.bodies == []
    assert not world.keeper.open_s(("team-a", "app"))


@pytest.mark.parametrize("outcome", list(NotificationOutcome))
def test_outcomes_are_counted_and_what_is_given_up_is_shown(outcome: NotificationOutcome) -> None:
    world = World()
    world.deliveries.report(
        ReportNotification(
            ref=ref_of(RECORDING), sink="app", event="Completed", outcome=outcome, attempts=1, message="503"
        )
    )

    counted = parse(world.metrics.render().decode())
    assert value(counted, "recording_operator_notifications_total", event="Completed", result=outcome.value) == 1
    assert world.events == (["NotAnnounced"] if outcome is NotificationOutcome.FAILED else [])
