"""The requests about one Recording: one at a time, and each response makes the outbox idle again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus
from recording_operator.engine.actions import (
    Action,
    ConfirmLeadership,
    DeleteRecording,
    ReadRecording,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.status_outbox import OutboxState, StatusOutbox
from tests.engine.builders import START, a_recording
from tests.engine.driver import CLAIM, newer, none, only
from tests.engine.scenes import CONFLICT, NO_RESPONSE, claimed_by

WANTED = RecordingStatus(phase=Phase.PENDING, claim=CLAIM)
Request = Callable[[StatusOutbox, Recording], list[Action]]


def flush(outbox: StatusOutbox, recording: Recording) -> list[Action]:
    """Write `WANTED` now."""
    outbox.flush_by(START)
    return outbox.flush(recording, lambda: WANTED, claim=CLAIM, now=START)


REQUESTS: dict[str, tuple[Request, type[Action], OutboxState]] = {
    "flush": (flush, WriteStatus, OutboxState.WRITING),
    "write_now": (lambda outbox, it: outbox.write_now(it, WANTED, START), WriteStatus, OutboxState.WRITING),
    "finalizers": (
        lambda outbox, it: outbox.write_finalizers(it, ("a/b",), START),
        WriteFinalizers,
        OutboxState.WRITING,
    ),
    "delete": (lambda outbox, it: outbox.delete(it, START), DeleteRecording, OutboxState.DELETING),
}
EACH = pytest.mark.parametrize(("ask", "action", "state"), REQUESTS.values(), ids=REQUESTS)


@EACH
def test_one_request_at_a_time(ask: Request, action: type[Action], state: OutboxState) -> None:
    outbox, recording = StatusOutbox(), a_recording()

    assert only(ask(outbox, recording), action)
    assert outbox.state is state
    for another, _, _ in REQUESTS.values():
        assert another(outbox, recording) == []


@EACH
def test_an_outdated_recording_is_read_before_anything_is_written(
    ask: Request, action: type[Action], state: OutboxState
) -> None:
    outbox, recording = StatusOutbox(stale=True), a_recording()

    assert only(ask(outbox, recording), ReadRecording)
    assert outbox.state is OutboxState.READING
    outbox.read()
    assert only(ask(outbox, recording), action)
    assert outbox.state is state


@EACH
def test_a_request_without_response_is_repeated_after_a_while(
    ask: Request, action: type[Action], state: OutboxState
) -> None:
    outbox, recording = StatusOutbox(), a_recording()
    ask(outbox, recording)
    assert outbox.state is state

    outbox.rejected(NO_RESPONSE, START)

    assert outbox.is_idle
    assert outbox.unsure
    assert none(ask(outbox, recording), action)
    assert START + timedelta(seconds=5) in outbox.wake_times()


def test_a_conflict_makes_what_is_known_outdated() -> None:
    outbox, recording = StatusOutbox(), a_recording()
    flush(outbox, recording)

    outbox.rejected(CONFLICT, START)

    assert outbox.stale
    assert outbox.sent == []


def test_the_newest_version_seen_during_a_write_is_returned_with_the_response() -> None:
    outbox, recording = StatusOutbox(), a_recording()
    flush(outbox, recording)
    assert outbox.keeps_versions

    for version in (newer(recording, by=2), newer(recording, by=7), newer(recording, by=3)):
        outbox.keep(version)

    assert outbox.written() == newer(recording, by=7)
    assert outbox.newer is None


def test_the_claim_of_a_later_leader_is_overruled_only_after_a_read_of_the_lease() -> None:
    outbox, recording = StatusOutbox(), claimed_by(Claim(holder="op-b", transitions=CLAIM.transitions + 1))

    assert only(flush(outbox, recording), ConfirmLeadership)
    assert outbox.state is OutboxState.CONFIRMING
    outbox.confirmed()

    assert only(flush(outbox, recording), WriteStatus)


def test_nothing_is_rendered_before_it_is_due() -> None:
    outbox = StatusOutbox()
    outbox.flush_by(START + timedelta(seconds=1))

    def render() -> RecordingStatus:
        raise AssertionError("rendered")

    assert outbox.flush(a_recording(), render, claim=CLAIM, now=START) == []


def test_a_status_that_the_server_already_has_is_not_written() -> None:
    outbox = StatusOutbox()

    assert flush(outbox, a_recording(status=WANTED)) == []
    assert outbox.flush_at is None


def test_a_status_that_the_server_has_is_read_again_if_a_write_got_no_response() -> None:
    outbox, recording = StatusOutbox(unsure=True), a_recording(status=WANTED)

    assert only(flush(outbox, recording), ReadRecording)
    outbox.read()

    assert flush(outbox, recording) == []
    assert outbox.flush_at is None
