"""What the leader knows about EventSinks, and what their statuses say."""

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.circuit import FAILURES, SHORTEST_OUTAGE_S
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.controller.notifications.threads import SinkKey
from recording_operator.engine.notification_facts import Sink, SinksChanged
from recording_operator.kube.client import KubeApi
from recording_operator.notify.sender import NotAcceptedError, SinkTarget
from tests.controller.notifications.sinks import FakeSinkApi, a_raw_sink
from tests.engine.builders import START
from tests.support.inline_pool import InlinePool

KEY = ("team-a", "app")
UNAVAILABLE = NotAcceptedError(Reason.SINK_UNAVAILABLE, "The receiver responded 503, expected 2xx.")
BUSY = NotAcceptedError(Reason.SINK_UNAVAILABLE, "The receiver responded 429, expected 2xx.", retry_after_s=3600.0)
REJECTED = NotAcceptedError(Reason.SINK_REJECTED, "The receiver responded 400, expected 2xx.")
GONE = NotAcceptedError(Reason.SINK_GONE, "The receiver responded 410 Gone.")


class World:
    """A keeper, and what it does."""

    def __init__(self, *sinks: dict[str, Any], now: datetime = START) -> None:
        self.now, self.steady_s = now, 0.0
        self.api = FakeSinkApi(*sinks)
        self.facts: list[SinksChanged] = []
        self.recoveries = 0
        self.events: list[str] = []
        self.problem: NotAcceptedError | None = None
        self.resolved = 0
        self.keeper = SinkKeeper(
            resolver=cast("TargetResolver", self),
            status=SinkStatusWriter(cast("KubeApi", self.api), events=self, now=lambda: self.now),
            post=self.facts.append,
            on_recovery=self._recovered,
            pool=InlinePool(),
            now=lambda: self.now,
            steady_s=lambda: self.steady_s,
        )
        for one in sinks:
            self.keeper.seen(one)
        self.keeper.listed(frozenset(one["metadata"]["uid"] for one in sinks))

    def emit(self, regarding: Any, *, reason: str, **_: Any) -> None:  # noqa: ARG002 - as EventPoster
        self.events.append(reason)

    def resolve(self, sink: EventSink) -> SinkTarget:
        self.resolved += 1
        if self.problem is not None:
            raise self.problem
        return SinkTarget(url=str(sink.spec.uri), keys=())

    def _recovered(self) -> None:
        self.recoveries += 1

    def wait(self, seconds: float) -> None:
        self.now, self.steady_s = self.now + timedelta(seconds=seconds), self.steady_s + seconds
        self.keeper.tick()

    def reject(self, error: NotAcceptedError, key: SinkKey = KEY) -> None:
        sink = self.keeper.sink(key)
        assert sink is not None
        self.keeper.rejected(sink, error)

    def accept(self) -> None:
        sink = self.keeper.sink(KEY)
        assert sink is not None
        self.keeper.accepted(sink)

    def sink(self) -> Sink:
        return self.facts[-1].sinks[0]

    def status(self) -> dict[str, Any]:
        return dict(self.api.sinks[KEY]["status"])

    def ready(self) -> tuple[str, str]:
        condition = self.status()["conditions"][0]
        return condition["status"], condition["reason"]


def test_the_engine_hears_of_sinks_when_all_are_listed() -> None:
    world = World(a_raw_sink(selector={"matchLabels": {"team": "a"}}, suspend=True))

    assert len(world.facts) == 1
    assert world.sink() == Sink(
        namespace="team-a",
        name="app",
        events=frozenset({"Completed"}),
        match_labels=(("team", "a"),),
        suspended=True,
    )


def test_a_new_sink_is_checked_and_its_status_written() -> None:
    world = World(a_raw_sink())
    world.wait(1)
    world.wait(1)

    assert world.ready() == ("True", "Delivering")
    assert world.status()["observedGeneration"] == 1


def test_a_sink_without_its_secret_says_so_and_recovers_by_itself() -> None:
    world = World(a_raw_sink())
    world.problem = NotAcceptedError(Reason.SECRET_NOT_FOUND, "Secret 'keys' does not exist in this namespace.")
    world.wait(1)
    world.wait(1)
    assert world.ready() == ("False", "SecretNotFound")
    assert world.events == ["SecretNotFound"]

    world.problem = None
    world.wait(61)
    world.wait(1)

    assert world.ready() == ("True", "Delivering")
    assert world.recoveries == 1
    assert world.sink().since == world.now - timedelta(seconds=1)


def test_counts_are_written_every_ten_seconds_and_go_on_after_a_restart() -> None:
    world = World(a_raw_sink(status={"delivered": 40, "failed": 2}))
    world.wait(1)
    world.wait(1)
    for _ in range(3):
        world.accept()
        world.keeper.count(KEY, delivered=1)
    world.keeper.count(KEY, failed=1)
    world.keeper.note_pending({KEY: 5})
    world.wait(1)
    assert world.status()["delivered"] == 40

    world.wait(10)

    assert (world.status()["delivered"], world.status()["failed"], world.status()["pending"]) == (43, 3, 5)
    assert world.status()["lastDeliveryTime"]


def test_410_stops_a_sink_until_it_is_edited() -> None:
    world = World(a_raw_sink())
    world.reject(GONE)
    world.wait(1)
    world.wait(1)
    assert world.sink().stopped
    assert world.ready() == ("False", "SinkGone")

    again = World(world.api.sinks[KEY])
    assert again.sink().stopped, "a restart starts it"

    again.keeper.seen(a_raw_sink(generation=2, status=world.status()))
    assert not again.sink().stopped
    assert again.sink().since == again.now


@pytest.mark.parametrize("change", [{"generation": 2}, {"uid": "sink-2"}], ids=["edited", "created again"])
def test_a_late_410_does_not_stop_a_sink_that_was_changed(change: dict[str, Any]) -> None:
    world = World(a_raw_sink())
    attempted = world.keeper.sink(KEY)
    assert attempted is not None

    world.keeper.seen(a_raw_sink(**change))
    world.keeper.rejected(attempted, GONE)

    assert not world.sink().stopped
    assert not world.keeper.is_stopped(KEY)


def test_the_next_operator_knows_since_when_a_sink_that_fails_was_resumed() -> None:
    world = World(a_raw_sink(suspend=True))
    world.wait(1)
    world.wait(1)
    assert world.ready() == ("False", "Suspended")

    world.now += timedelta(hours=40)
    world.keeper.seen(a_raw_sink(generation=2, status=world.status()))
    resumed = world.now
    for _ in range(FAILURES):
        world.reject(UNAVAILABLE)  # before the status was written
    world.api.sinks[KEY] = a_raw_sink(generation=2, status=world.status())
    world.wait(1)
    world.wait(1)
    assert world.ready() == ("False", "SinkUnavailable")

    successor = World(world.api.sinks[KEY])

    since = successor.sink().usable_since
    assert since is not None
    assert resumed <= since <= world.now
    assert successor.sink().since is None, "what waits for its next attempt is not early"


def test_a_sink_that_was_resumed_while_no_operator_ran_is_usable_from_now_on() -> None:
    world = World(a_raw_sink(suspend=True))
    world.wait(1)
    world.wait(1)

    successor = World(a_raw_sink(generation=2, status=world.status()), now=world.now + timedelta(hours=40))

    assert successor.sink().usable_since == successor.now


def test_a_failing_sink_is_left_alone_for_a_while_and_what_waits_is_sent_when_it_responds() -> None:
    world = World(a_raw_sink())
    for _ in range(FAILURES):
        assert not world.keeper.open_s(KEY)
        world.reject(UNAVAILABLE)
    assert world.keeper.open_s(KEY) == 10

    world.wait(SHORTEST_OUTAGE_S)
    assert not world.keeper.open_s(KEY)
    world.accept()

    assert world.sink().since == world.now
    assert world.recoveries == 1
    assert world.events == ["SinkUnavailable"]


@pytest.mark.parametrize("problem", [UNAVAILABLE, REJECTED])
@pytest.mark.parametrize("refused", [1, FAILURES])
def test_events_that_alone_are_refused_do_not_make_others_early(problem: NotAcceptedError, refused: int) -> None:
    world = World(a_raw_sink())
    for _ in range(20):
        for _ in range(refused):
            world.reject(problem)
        world.wait(11)
        world.accept()
        world.wait(60)

    assert world.recoveries == 0
    assert world.sink().since is None
    assert world.ready() == ("True", "Delivering")


@pytest.mark.parametrize("uri", ["https://app.example.com/hook", "https://new.example.com/hook"])
def test_an_edit_does_not_undercut_what_the_same_receiver_has_asked_for(uri: str) -> None:
    world = World(a_raw_sink())
    world.reject(BUSY)

    world.keeper.seen(a_raw_sink(generation=2, uri=uri))

    same = uri == "https://app.example.com/hook"
    assert world.sink().since == world.now + timedelta(hours=1 if same else 0)


def test_what_waits_is_not_sent_before_the_receiver_wants_it() -> None:
    world = World(a_raw_sink())
    for problem in (UNAVAILABLE, BUSY, UNAVAILABLE):
        world.reject(problem)
    asked = world.now + timedelta(hours=1)

    world.wait(SHORTEST_OUTAGE_S)
    world.accept()

    assert world.sink().since == asked


def test_a_blocked_sink_does_not_recover_because_its_secret_can_be_read() -> None:
    world = World(a_raw_sink())
    world.wait(1)
    world.reject(NotAcceptedError(Reason.SINK_BLOCKED, "The policy does not allow it."))
    for _ in range(5):
        world.wait(61)
        world.wait(1)
    assert world.ready() == ("False", "SinkBlocked")
    assert world.recoveries == 0

    world.accept()

    assert world.recoveries == 1


def test_a_late_response_does_not_start_a_sink_that_was_stopped() -> None:
    world = World(a_raw_sink())
    world.reject(GONE)
    world.accept()

    assert world.sink().stopped


def test_a_single_failure_does_not_change_ready() -> None:
    world = World(a_raw_sink())
    for _ in range(5):
        world.reject(UNAVAILABLE)
        world.accept()
        world.wait(11)
        world.wait(11)

    assert world.ready() == ("True", "Delivering")
    assert world.events == []


def test_the_target_is_read_at_most_every_half_minute() -> None:
    world = World(a_raw_sink())
    for _ in range(5):
        world.keeper.target(KEY)
    assert world.resolved == 1

    world.steady_s += 31
    world.keeper.target(KEY)
    assert world.resolved == 2


def test_a_sink_that_was_deleted() -> None:
    world = World(a_raw_sink())
    world.keeper.gone("sink-1")

    assert world.facts[-1].sinks == ()
    with pytest.raises(NotAcceptedError, match="SinkNotFound"):
        world.keeper.target(KEY)


def test_readiness_does_not_count_suspended_ones() -> None:
    world = World(a_raw_sink(), a_raw_sink("other", uid="sink-2", suspend=True), a_raw_sink("third", uid="sink-3"))
    for _ in range(FAILURES):
        world.reject(UNAVAILABLE, ("team-a", "third"))

    assert world.keeper.readiness() == {True: 1, False: 1}


def test_an_event_of_a_newer_version_does_not_hide_the_sink() -> None:
    world = World(a_raw_sink(events=("Completed", "Transcribed")))

    assert [str(one) for one in world.sink().events] == ["Completed"]
