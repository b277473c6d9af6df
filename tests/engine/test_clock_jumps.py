"""A clock that is changed by hours, temporarily or permanently: waits keep their length."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase, Recording
from recording_operator.controller.clock import AGREE_S, SETTLED_S, Clock
from recording_operator.engine.actions import Action, WriteStatus
from recording_operator.engine.facts import RecordingSeen, TransferFailed
from tests.engine.builders import START, a_recording
from tests.engine.driver import Driver
from tests.engine.scenes import moving

HOUR_S: Final = 3600.0
DELAY_S: Final = 120.0
SLACK_S: Final = 10.0
POLL_S: Final = 5.0
BUSY: Final = TransferFailed(reason=Reason.SOURCE_UNAVAILABLE, message="The source answered 503.")
EXPIRED: Final = TransferFailed(reason=Reason.SOURCE_EXPIRED, message="The URL has expired.")


@dataclass(frozen=True, slots=True)
class Jump:
    """The node's clock is off by so much from `at_s` on, for `for_s`."""

    at_s: float
    off_s: float
    for_s: float

    def off_at(self, true_s: float) -> float:
        return self.off_s if self.at_s <= true_s < self.at_s + self.for_s else 0.0


JUMPS: Final = st.lists(
    st.builds(
        Jump,
        at_s=st.floats(0, 4000),
        off_s=st.sampled_from([-30 * 86400.0, -7200.0, -HOUR_S, -70.0, 70.0, HOUR_S, 7200.0, 30 * 86400.0]),
        for_s=st.sampled_from([12.0, 50.0, 90.0, 2000.0, 1e9]),
    ),
    max_size=3,
)


class Timed:
    """A Driver whose time is what the operator's clock makes of the node's and the API server's."""

    def __init__(self, driver: Driver, jumps: list[Jump], *, server: bool, true_s: float = 0.0) -> None:
        self.driver = driver
        self.true_s = true_s
        self._jumps = jumps
        self._server = server
        self.clock = Clock(wall_s=self._wall_s, steady_s=lambda: self.true_s)
        self._look()

    def _wall_s(self) -> float:
        return START.timestamp() + self.true_s + sum(jump.off_at(self.true_s) for jump in self._jumps)

    def _look(self) -> list[Action]:
        """What the control loop does every few seconds."""
        if self._server:
            self.clock.note_server_time(datetime.fromtimestamp(int(START.timestamp() + self.true_s), tz=UTC))
        self.driver.now = self.clock.now()
        step = self.clock.take_step()
        actions = self.driver.engine.clock_stepped(step, self.driver.now) if step else []
        actions += self.driver.engine.tick(self.driver.now)
        self.driver.actions += actions
        return actions

    def wait(self, wanted: Callable[[WriteStatus], bool], recording: Recording, *, at_most_s: float) -> float:
        """True seconds until a status is written that is wanted; others are accepted meanwhile."""
        begun_s, writes = self.true_s, [a for a in self.driver.actions if isinstance(a, WriteStatus)]
        pending = [write for write in writes if write.resource_version == recording.metadata.resource_version]
        while self.true_s - begun_s < at_most_s:
            for write in pending:
                if wanted(write):
                    return self.true_s - begun_s
                recording = self.driver.accept(write, recording)
            self.true_s += POLL_S
            pending = [action for action in self._look() if isinstance(action, WriteStatus)]
        raise AssertionError(f"not within {at_most_s} s")


def claims(write: WriteStatus) -> bool:
    return "claim" in write.status


def gives_up(write: WriteStatus) -> bool:
    return bool(write.status["phase"] == "Failed")


def after(failure: TransferFailed, jumps: list[Jump], *, server: bool) -> tuple[Timed, Recording]:
    """A Recording whose first attempt has just failed."""
    driver = Driver()
    recording = moving(driver)
    timed = Timed(driver, jumps, server=server)
    driver.end(recording, failure)
    return timed, recording


@given(jumps=JUMPS, server=st.booleans())
@example(jumps=[Jump(5, HOUR_S, 1e9)], server=False)
@example(jumps=[Jump(0, HOUR_S, 30)], server=False)
def test_t62_a_retry_starts_after_its_delay_despite_clock_changes(jumps: list[Jump], server: bool) -> None:
    timed, recording = after(BUSY, jumps, server=server)

    took_s = timed.wait(claims, recording, at_most_s=DELAY_S + SLACK_S)

    assert took_s >= DELAY_S - SLACK_S


@given(jumps=JUMPS, server=st.booleans())
@example(jumps=[Jump(300, 7200, 12)], server=False)
@example(jumps=[Jump(300, 7200, 1e9)], server=False)
def test_t62_the_grace_for_a_fresh_url_keeps_its_length(jumps: list[Jump], server: bool) -> None:
    timed, recording = after(EXPIRED, jumps, server=server)

    took_s = timed.wait(gives_up, recording, at_most_s=HOUR_S + SLACK_S)

    assert took_s >= HOUR_S - SLACK_S


@given(off_s=st.sampled_from([HOUR_S, 7200.0, 30 * 86400.0]), delay_s=st.sampled_from([2, 120, 600]))
def test_t62_a_retry_that_a_wrong_clock_planned_comes_after_a_restart(off_s: float, delay_s: int) -> None:
    planned = START + timedelta(seconds=off_s + delay_s)
    state = ArtifactStatus(
        name="video", phase=Phase.PENDING, attempts=1, reason=Reason.SOURCE_UNAVAILABLE, next_retry_time=planned
    )
    recording = a_recording()
    status = recording.status.model_copy(update={"artifacts": (state,), "phase": Phase.PENDING})
    recording = recording.model_copy(update={"status": status})
    driver = Driver()
    timed = Timed(driver, [], server=True)
    driver.tell(RecordingSeen(recording=recording))

    timed.wait(claims, recording, at_most_s=DELAY_S + SLACK_S)


def test_t62_a_grace_that_a_wrong_clock_began_in_the_future_begins_now() -> None:
    ahead = START + timedelta(days=2)
    state = ArtifactStatus(name="video", phase=Phase.PENDING, reason=Reason.SOURCE_EXPIRED, expired_since=ahead)
    recording = a_recording()
    status = recording.status.model_copy(update={"artifacts": (state,), "phase": Phase.PENDING})
    driver = Driver()
    timed = Timed(driver, [], server=True)
    recording = recording.model_copy(update={"status": status})
    driver.tell(RecordingSeen(recording=recording))

    took_s = timed.wait(gives_up, recording, at_most_s=HOUR_S + SLACK_S)

    assert took_s >= HOUR_S - SLACK_S


@given(off_s=st.sampled_from([AGREE_S + 1, 70.0, HOUR_S, 30 * 86400.0]))
def test_t62_a_node_that_is_ahead_from_the_start_uses_the_api_server_s_clock(off_s: float) -> None:
    clock = Clock(wall_s=lambda: START.timestamp() + off_s, steady_s=lambda: 5.0)
    clock.note_server_time(START)

    assert clock.now() == START


def test_t62_a_jump_is_followed_when_it_has_lasted() -> None:
    true_s, off_s = 0.0, 0.0
    clock = Clock(wall_s=lambda: START.timestamp() + true_s + off_s, steady_s=lambda: true_s)
    assert clock.now() == START
    true_s, off_s = 10.0, -HOUR_S
    assert clock.now() == START + timedelta(seconds=10)
    assert clock.take_step() == timedelta(0)

    true_s += SETTLED_S

    assert clock.now() == START + timedelta(seconds=70 - HOUR_S)
    assert clock.take_step() == -timedelta(hours=1)
    assert clock.take_step() == timedelta(0)


def test_t62_an_api_server_that_is_behind_for_a_moment_changes_nothing() -> None:
    true_s = 0.0
    clock = Clock(wall_s=lambda: START.timestamp() + true_s, steady_s=lambda: true_s)
    for second in range(1, 600):
        true_s = float(second)
        behind_s = 7200 if second % 3 == 0 else 0  # one of three servers behind one address
        clock.note_server_time(START + timedelta(seconds=true_s - behind_s))
        assert clock.now() == START + timedelta(seconds=true_s)
