"""The clock of the node is changed while the operator runs: nothing is delayed, and nothing ends early."""

from pathlib import Path
from typing import Final

import pytest

from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import artifact_of, from_media, from_source
from tests.support.skewed_clock import SkewedClock, needs_compiler
from tests.support.transfers import MIB, pattern
from tests.support.world import World

pytestmark = [pytest.mark.cluster, needs_compiler]

HOUR_S: Final = 3600
REFUSAL: Final = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@pytest.fixture
def clock(tmp_path: Path) -> SkewedClock:
    """The clock of the operators of this test."""
    return SkewedClock(tmp_path)


def test_t12_a_location_works_again_soon_after_the_clock_was_set_right(own_world: World, clock: SkewedClock) -> None:
    clock.set(ahead_s=HOUR_S)
    own_world.start_operator(environment=clock.environment)
    own_world.wait_location("ClockSkew")
    recording = own_world.create(from_media(own_world.media))
    recording.wait_phase("Pending", reason="LocationNotReady")

    clock.set(ahead_s=0)

    own_world.wait_location("ProbeSucceeded", within_s=30)
    assert recording.wait_phase("Complete")["attempts"] == 0


def test_t62_a_jump_of_two_hours_does_not_end_the_wait_for_a_fresh_url(own_world: World, clock: SkewedClock) -> None:
    own_world.start_operator(environment=clock.environment)
    with LyingSource(Content(body=pattern(MIB))) as source:
        source.behave = lambda _: Behaviour(status=403, body=REFUSAL)
        recording = own_world.create(from_source(source))
        recording.wait_phase("Pending", reason="SourceExpired")

        clock.set(ahead_s=2 * HOUR_S)
        other = own_world.create(from_media(own_world.media), name="other")
        own_world.wait_location("ClockSkew")  # the operator has met the jump
        assert recording.status()["phase"] == "Pending"
        clock.set(ahead_s=0)

        source.behave = lambda _: Behaviour()
        recording.edit_source(url=f"{source.url}&fresh=1")
        recording.wait_phase("Complete")
        other.wait_phase("Complete")


def test_t62_a_retry_comes_in_time_although_the_clock_was_ahead_when_it_was_planned(
    own_world: World, clock: SkewedClock
) -> None:
    own_world.start_operator(environment=clock.environment)
    own_world.wait_location("ProbeSucceeded")
    with LyingSource(Content(body=pattern(MIB))) as source:
        source.behave = lambda _: Behaviour(status=503)
        clock.set(ahead_s=600)  # S3 takes signatures of 15 minutes
        recording = own_world.create(from_source(source))
        status = recording.wait(lambda status: bool(status.get("nextRetryTime")), what="a retry", within_s=120)
        clock.set(ahead_s=0)
        source.behave = lambda _: Behaviour()
        assert recording.wait_phase("Complete", within_s=90)["attempts"] >= 1
    assert artifact_of(status, "video")["attempts"] == 1
