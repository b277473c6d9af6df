"""Budgets that hold new uploads."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording, RecordingStatus
from recording_operator.api.storagereport import ReportScope
from recording_operator.engine.actions import Action, EmitEvent, StartTransfer, WriteFinalizers, WriteStatus
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import (
    BudgetHold,
    BudgetHoldsChanged,
    LocationSeen,
    LocationsListed,
    RecordingSeen,
    TransferEnded,
    TransferStopped,
)
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_budget_hold, a_location, a_recording, an_artifact, engine_options, uid_of
from tests.engine.driver import CLAIM, STORED, Driver, applied, newer, none, only
from tests.engine.scenes import STOPPED, failure, moving

ORGS = ("acme", "globex")
NAMESPACES = ("team-a", "team-b")


def holds(*these: BudgetHold) -> BudgetHoldsChanged:
    return BudgetHoldsChanged(holds=these)


def held(driver: Driver, recording: Recording, *these: BudgetHold) -> Recording:
    """A Recording that waits, as its status says."""
    driver.tell(holds(*(these or (a_budget_hold(),))))
    return driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)


def test_a_new_recording_waits_and_says_for_what() -> None:
    driver = Driver()

    waits = held(driver, a_recording())

    assert (waits.status.phase, waits.status.reason) == (Phase.PENDING, Reason.BUDGET_EXCEEDED)
    assert waits.status.message is not None
    assert "StorageReport all: this month has cost 51.20 USD, and the budget is 50 USD" in waits.status.message
    assert "raises spec.budget" in waits.status.message
    assert waits.status.claim is None
    [event] = [action for action in driver.actions if isinstance(action, EmitEvent)]
    assert (event.reason, event.warning) == (Reason.BUDGET_EXCEEDED, True)
    assert none(driver.wait(7 * 24 * 3600), WriteStatus, EmitEvent)
    assert driver.started == []


def test_what_is_inline_waits_too() -> None:
    driver = Driver()

    held(driver, a_recording(an_artifact(inline="text")))

    assert driver.started == []


def test_it_starts_at_once_when_the_hold_ends_and_has_spent_nothing() -> None:
    driver = Driver()
    waits = held(driver, a_recording())

    write = only(driver.tell(holds()), WriteStatus)
    begun = driver.accept(write, waits)

    assert driver.started == ["video"]
    assert (begun.status.attempts, begun.status.phase) == (0, Phase.UPLOADING)


def test_an_artifact_whose_source_is_not_known_yet_does_not_wait_for_a_hold_that_has_ended() -> None:
    driver = Driver()
    egress = a_location("egress", imports=("in/",))
    driver.tell(LocationSeen(location=egress, ready=False, checked=False))
    waits = held(driver, a_recording(an_artifact("video"), an_artifact("audio", key="in/audio.ogg")))

    begun = driver.accept(only(driver.tell(holds()), WriteStatus), waits)

    assert driver.started == ["video"]
    states = {state.name: state.reason for state in begun.status.artifacts}
    assert states == {"video": Reason.UPLOADING, "audio": Reason.QUEUED}


@pytest.mark.parametrize(
    ("hold", "waits"),
    [
        (a_budget_hold(), True),
        (a_budget_hold(orgs=["globex", "acme"]), True),
        (a_budget_hold(orgs=["globex"]), False),
        (a_budget_hold(namespaces=["team-a"]), True),
        (a_budget_hold(namespaces=["team-b"]), False),
        (a_budget_hold(locations=["archive"]), True),
        (a_budget_hold(locations=["vault"]), False),
        (a_budget_hold(orgs=["acme"], namespaces=["team-b"]), False),
        (a_budget_hold(orgs=["acme"], namespaces=["team-a"], locations=["archive"]), True),
        (
            BudgetHold(
                report="edited",
                scopes=(ReportScope(orgs=("acme",)), ReportScope(namespaces=("team-b",))),
                cost="2 USD",
                budget="1 USD",
            ),
            False,
        ),
    ],
)
def test_a_hold_concerns_what_is_in_the_scope_of_its_report(hold: BudgetHold, waits: bool) -> None:
    driver = Driver()
    driver.tell(holds(hold))

    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)

    assert (write.status["reason"] == "BudgetExceeded") is waits


@pytest.mark.parametrize(("priority", "waits"), [(-1000, True), (99, True), (100, False), (1000, False)])
def test_an_urgent_recording_passes(priority: int, waits: bool) -> None:
    driver = Driver()
    driver.tell(holds(a_budget_hold()))

    write = only(driver.tell(RecordingSeen(recording=a_recording(priority=priority))), WriteStatus)

    assert (write.status["reason"] == "BudgetExceeded") is waits


def test_one_that_becomes_urgent_starts_at_once() -> None:
    driver = Driver()
    waits = held(driver, a_recording())

    edited = newer(waits, priority=100)
    driver.accept(only(driver.tell(RecordingSeen(recording=edited)), WriteStatus), edited)

    assert driver.started == ["video"]


def test_an_upload_that_has_begun_goes_on_and_resumes_and_is_retried() -> None:
    driver = Driver()
    recording = moving(driver)

    assert none(driver.tell(holds(a_budget_hold())), WriteStatus)
    assert only(driver.tell(STOPPED), StartTransfer).upload_id == "u1"
    recording = driver.accept(only(driver.end(recording, failure()), WriteStatus), recording)
    assert driver.accept(only(driver.wait(120), WriteStatus), recording).status.attempts == 1
    assert driver.started == ["video"] * 3


def test_a_recording_that_has_begun_is_stored_with_all_its_artifacts() -> None:
    driver = Driver(capacity=Capacity(total=1, per_namespace=1))
    recording = driver.claimed(a_recording(an_artifact("video"), an_artifact("notes")))
    driver.tell(holds(a_budget_hold()))

    first = driver.started[0]
    driver.end(recording, STORED, artifact=first)

    assert sorted(driver.started) == ["notes", "video"]


def test_one_that_has_a_slot_and_has_not_begun_gives_it_back() -> None:
    driver = Driver()
    write = only(driver.tell(RecordingSeen(recording=a_recording())), WriteStatus)
    driver.tell(holds(a_budget_hold()))
    assert not driver.engine.state.slots.running

    driver.accept(write, a_recording())  # now its status says that it has begun, and it goes on

    assert driver.started == ["video"]


def test_before_the_holds_are_known_nothing_begins_and_nothing_is_written() -> None:
    engine = Engine(claim=CLAIM, options=engine_options())
    for fact in (LocationSeen(location=a_location(), ready=True), LocationsListed()):
        engine.observe(fact, START)
    waits = a_recording(
        status=RecordingStatus(phase=Phase.PENDING, reason=Reason.BUDGET_EXCEEDED, observed_generation=1)
    )
    urgent = a_recording(number=2, priority=100)
    begun = a_recording(number=3, status=RecordingStatus(phase=Phase.PENDING, started_at=START, observed_generation=1))

    assert engine.observe(RecordingSeen(recording=waits), START) == []
    for passing in (urgent, begun):
        assert only(engine.observe(RecordingSeen(recording=passing), START), WriteStatus).status["claim"]
    write = only(engine.observe(holds(), START), WriteStatus)
    assert (write.ref.uid, write.status["phase"]) == (waits.metadata.uid, "Uploading")


def test_a_cost_that_grows_is_not_written_to_each_recording_that_waits_and_another_budget_is() -> None:
    driver = Driver()
    waits = held(driver, a_recording())

    driver.tell(holds(a_budget_hold(cost="60.00 USD")))
    assert none(driver.wait(3600), WriteStatus)
    write = only(driver.tell(holds(a_budget_hold(cost="60.00 USD", budget="55 USD"))) + driver.wait(60), WriteStatus)

    assert "has cost 60.00 USD, and the budget is 55 USD" in write.status["message"]
    driver.accept(write, waits)
    assert none(driver.wait(60), EmitEvent)


def test_when_the_first_of_two_holds_ends_the_other_is_named() -> None:
    driver = Driver()
    waits = held(driver, a_recording(), a_budget_hold("a"), a_budget_hold("b"))

    write = only(driver.tell(holds(a_budget_hold("b"))) + driver.wait(60), WriteStatus)

    assert waits.status.message is not None
    assert waits.status.message.startswith("video: StorageReport a:")
    assert write.status["message"].startswith("video: StorageReport b:")


def test_a_location_that_is_not_ready_is_named_first() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(), ready=False), holds(a_budget_hold()))
    recording = a_recording()
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)
    assert recording.status.reason == Reason.LOCATION_NOT_READY

    write = only(driver.tell(LocationSeen(location=a_location(), ready=True)), WriteStatus)
    assert write.status["reason"] == "BudgetExceeded"


def test_suspend_and_cancel_count_more() -> None:
    driver = Driver()
    driver.tell(holds(a_budget_hold()))
    told = driver.tell(
        RecordingSeen(recording=a_recording(suspend=True)), RecordingSeen(recording=a_recording(number=2, cancel=True))
    )

    assert [write.status["reason"] for write in told if isinstance(write, WriteStatus)] == ["Suspended", "Cancelled"]


@pytest.mark.parametrize("reason", [Reason.BUDGET_EXCEEDED, Reason.SUSPENDED, Reason.LOCATION_NOT_READY])
def test_a_stated_expiry_ends_no_wait(reason: Reason) -> None:
    """It is a hint: only a response of the source ends an upload, whatever it waits for."""
    driver = Driver()
    driver.tell(
        holds(a_budget_hold()) if reason is Reason.BUDGET_EXCEEDED else holds(),
        LocationSeen(location=a_location(), ready=reason is not Reason.LOCATION_NOT_READY),
    )
    soon = START + timedelta(hours=1)
    recording = a_recording(an_artifact(expires_at=soon), suspend=reason is Reason.SUSPENDED)
    waits = driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)

    assert (waits.status.phase, waits.status.reason, waits.status.expires_at) == (Phase.PENDING, reason, soon)
    assert none(driver.wait(30 * 24 * 3600), WriteStatus, EmitEvent)


def test_s20_a_url_that_expires_while_it_waits_is_found_expired_when_it_is_tried() -> None:
    driver = Driver()
    soon = START + timedelta(hours=1)
    waits = held(driver, a_recording(an_artifact(expires_at=soon)))
    assert waits.status.expires_at == soon
    driver.wait(7200)

    begun = driver.accept(only(driver.tell(holds()), WriteStatus), waits)
    write = only(driver.end(begun, failure(Reason.SOURCE_EXPIRED)), WriteStatus)

    assert (write.status["phase"], write.status["reason"]) == ("Pending", "SourceExpired")
    assert write.status["attempts"] == 0


class Holding(RuleBasedStateMachine):
    """Recordings, holds and an API server that takes its time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(capacity=Capacity(total=2, per_namespace=2))
        self.holds: tuple[BudgetHold, ...] = ()
        self.stored: dict[str, Recording] = {}
        self.writes: dict[str, WriteStatus | WriteFinalizers] = {}
        self.moving: set[str] = set()

    def waits(self, recording: Recording) -> bool:
        """Whether it may not begin."""
        names = (recording.spec.owner.org, recording.metadata.namespace)
        return recording.spec.priority < 100 and any(
            names[0] in (scope.orgs or ORGS) and names[1] in (scope.namespaces or NAMESPACES)
            for hold in self.holds
            for scope in hold.scopes
        )

    def heard(self, actions: Sequence[Action]) -> None:
        """What the engine does, and that it may do it."""
        for action in actions:
            if isinstance(action, WriteStatus):
                before = self.stored[action.ref.uid]
                begins = action.status.get("startedAt") and before.status.started_at is None
                assert not (begins and self.waits(before)), "a held Recording begins"
                assert action.status["attempts"] == 0, "an attempt is spent"
                self.writes[action.ref.uid] = action
            elif isinstance(action, StartTransfer):
                self.moving.add(action.recording.metadata.uid)

    @rule(org=st.sampled_from(ORGS), namespace=st.sampled_from(NAMESPACES), priority=st.sampled_from((0, 99, 100)))
    def create(self, org: str, namespace: str, priority: int) -> None:
        number = len(self.stored) + 1
        recording = a_recording(number=number, org=org, namespace=namespace, priority=priority)
        self.stored[uid_of(number)] = recording
        self.heard(self.driver.tell(RecordingSeen(recording=recording)))

    @rule(
        scopes=st.lists(
            st.tuples(st.sets(st.sampled_from(ORGS)), st.sets(st.sampled_from(NAMESPACES)), st.integers(2, 4)),
            max_size=2,
        )
    )
    def change_holds(self, scopes: list[tuple[set[str], set[str], int]]) -> None:
        self.holds = tuple(
            a_budget_hold(f"report-{number}", orgs=sorted(orgs), namespaces=sorted(namespaces), cost=f"{cost} USD")
            for number, (orgs, namespaces, cost) in enumerate(scopes)
        )
        self.heard(self.driver.tell(holds(*self.holds)))

    @precondition(lambda self: self.writes)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.writes)))
        write, before = self.writes.pop(uid), self.stored[uid]
        self.stored[uid] = applied(write, before)
        told = len(self.driver.actions)
        self.driver.accept(write, before)
        self.heard(self.driver.actions[told:])

    @precondition(lambda self: self.moving)
    @rule(data=st.data(), stopped=st.booleans())
    def end(self, data: st.DataObject, stopped: bool) -> None:
        uid = data.draw(st.sampled_from(sorted(self.moving)))
        self.moving.remove(uid)
        outcome = TransferStopped() if stopped else STORED
        self.heard(self.driver.tell(TransferEnded(uid=uid, artifact="video", outcome=outcome)))

    @rule(seconds=st.sampled_from((1, 30, 3600)))
    def wait(self, seconds: int) -> None:
        self.heard(self.driver.wait(seconds))

    @invariant()
    def those_that_wait_say_so(self) -> None:
        for uid, recording in self.stored.items():
            status = recording.status
            if uid not in self.writes and status.reason == Reason.BUDGET_EXCEEDED:
                assert status.phase is Phase.PENDING
                assert status.started_at is None

    def teardown(self) -> None:
        """All holds end: everything is stored."""
        self.holds = ()
        self.heard(self.driver.tell(holds()))
        while self.writes or self.moving:
            for uid in list(self.writes):
                write, before = self.writes.pop(uid), self.stored[uid]
                self.stored[uid] = applied(write, before)
                told = len(self.driver.actions)
                self.driver.accept(write, before)
                self.heard(self.driver.actions[told:])
            for uid in list(self.moving):
                self.moving.remove(uid)
                self.heard(self.driver.tell(TransferEnded(uid=uid, artifact="video", outcome=STORED)))
            self.heard(self.driver.wait(60))
        assert {recording.status.phase for recording in self.stored.values()} <= {Phase.COMPLETE}


Holding.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_a_held_recording_never_begins_and_a_released_one_is_stored = Holding.TestCase
