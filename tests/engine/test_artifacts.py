"""What one artifact does next, and what follows from each way in which an attempt ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason, Verdict
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase
from recording_operator.engine.artifacts import (
    LAST_CHANCE,
    LEAST_DELAY,
    Obstacle,
    RetryPlan,
    Settled,
    Surroundings,
    after_failure,
    resolved_revision,
    settle,
    spec_revision,
)
from recording_operator.engine.expiry import Expiry
from tests.engine.builders import START, an_artifact, an_artifact_status, uid_of

UID = uid_of(1)
FAR = Expiry(at=START + timedelta(days=1), stated=True)
PLAN = RetryPlan(
    delays=(timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10)),
    until_expiry=False,
    refresh_grace=timedelta(hours=1),
)
CALM = Surroundings(
    now=START,
    uid=UID,
    suspend=False,
    cancel=False,
    retry_asked=False,
    retry=PLAN,
    obstacle=None,
    not_before=None,
)
BY_VERDICT = {verdict: [reason for reason in Reason if reason.verdict is verdict] for verdict in Verdict}


def failed(
    status: ArtifactStatus,
    reason: Reason = Reason.SOURCE_UNAVAILABLE,
    *,
    at: datetime = START,
    retry: RetryPlan = PLAN,
    expiry: Expiry = FAR,
    retry_after_s: float | None = None,
    is_final: bool = False,
) -> ArtifactStatus:
    return after_failure(
        status,
        reason=reason,
        message="it failed",
        retry_after_s=retry_after_s,
        retry=retry,
        expiry=expiry,
        now=at,
        is_final=is_final,
    )


def failures(count: int, *, retry: RetryPlan = PLAN, expiry: Expiry = FAR) -> list[ArtifactStatus]:
    """Fail, wait for the next attempt, fail again."""
    status, now, statuses = an_artifact_status(), START, []
    for _ in range(count):
        status = failed(status, at=now, retry=retry, expiry=expiry)
        statuses.append(status)
        now = status.next_retry_time or now
    return statuses


def waits_s(statuses: Sequence[ArtifactStatus]) -> list[float | None]:
    waits: list[float | None] = []
    before = START
    for status in statuses:
        at = status.next_retry_time
        waits.append((at - before).total_seconds() if at else None)
        before = at or before
    return waits


# After an attempt


def test_two_five_and_ten_minutes_then_failed() -> None:
    statuses = failures(4)

    assert waits_s(statuses) == [120, 300, 600, None]
    assert [status.phase for status in statuses] == [Phase.PENDING] * 3 + [Phase.FAILED]
    assert [status.attempts for status in statuses] == [1, 2, 3, 4]
    assert statuses[-1].reason == Reason.SOURCE_UNAVAILABLE


def test_without_delays_there_is_one_attempt() -> None:
    assert failures(1, retry=replace(PLAN, delays=()))[0].phase is Phase.FAILED


def test_until_expiry_repeats_the_last_delay_until_then() -> None:
    retry = replace(PLAN, until_expiry=True)
    expiry = Expiry(at=START + timedelta(minutes=60), stated=True)

    statuses = failures(9, retry=retry, expiry=expiry)

    # 2, 7, 17, 27, 37, 47, 57, and the last chance half a minute before the end; then it is over.
    assert waits_s(statuses)[:7] == [120, 300, 600, 600, 600, 600, 600]
    assert waits_s(statuses)[7] == 180 - LAST_CHANCE.total_seconds()
    assert failed(statuses[6], at=expiry.at, retry=retry, expiry=expiry).phase is Phase.FAILED


def test_a_retry_after_the_stated_expiry_is_pulled_before_it() -> None:
    expiry = Expiry(at=START + timedelta(seconds=100), stated=True)

    status = failed(an_artifact_status(), expiry=expiry)

    assert status.next_retry_time == expiry.at - LAST_CHANCE


def test_an_assumed_expiry_moves_no_retry() -> None:
    expiry = Expiry(at=START + timedelta(seconds=100), stated=False)

    assert failed(an_artifact_status(), expiry=expiry).next_retry_time == START + timedelta(minutes=2)


def test_in_the_last_seconds_before_expiry_a_refusing_source_is_not_asked_in_a_loop() -> None:
    retry = replace(PLAN, until_expiry=True)
    expiry = Expiry(at=START + timedelta(seconds=20), stated=True)

    status = failed(an_artifact_status(attempts=7), expiry=expiry, retry=retry)

    assert status.next_retry_time == START + LEAST_DELAY


def test_a_source_that_names_a_longer_wait_gets_it() -> None:
    assert failed(an_artifact_status(), retry_after_s=400).next_retry_time == START + timedelta(seconds=400)
    assert failed(an_artifact_status(), retry_after_s=7).next_retry_time == START + timedelta(seconds=120)


LATE = [Reason.SOURCE_NOT_READY, Reason.SOURCE_NOT_FOUND, Reason.SOURCE_FORBIDDEN, Reason.SOURCE_EMPTY]


@pytest.mark.parametrize("reason", LATE)
def test_s42_what_may_come_late_is_tried_again_after_the_delays_and_then_fails(reason: Reason) -> None:
    status, now, waits = an_artifact_status(), START, []
    while status.phase is not Phase.FAILED:
        status = failed(status, reason, at=now)
        waits.append(status.next_retry_time)
        now = status.next_retry_time or now

    assert waits == [START + timedelta(minutes=minutes) for minutes in (2, 7, 17)] + [None]
    assert (status.reason, status.attempts) == (reason, 4)


def test_s42_what_is_gone_fails_at_once() -> None:
    status = failed(an_artifact_status(), Reason.SOURCE_NOT_FOUND, is_final=True)

    assert (status.phase, status.reason, status.attempts) == (Phase.FAILED, Reason.SOURCE_NOT_FOUND, 0)


@pytest.mark.parametrize(("retry_after_s", "wait_s"), [(0.0, 30), (7.0, 30), (45.0, 45), (900.0, 900)])
def test_s49_a_source_that_says_when_it_is_ready_costs_no_attempt(retry_after_s: float, wait_s: float) -> None:
    status = failed(an_artifact_status(attempts=3), Reason.SOURCE_NOT_READY, retry_after_s=retry_after_s)

    assert (status.phase, status.reason, status.attempts) == (Phase.PENDING, Reason.SOURCE_NOT_READY, 3)
    assert status.next_retry_time == START + timedelta(seconds=wait_s)


def test_s49_after_the_expiry_each_time_counts() -> None:
    expiry = Expiry(at=START, stated=False)

    status = failed(an_artifact_status(), Reason.SOURCE_NOT_READY, retry_after_s=7, expiry=expiry)

    assert (status.attempts, status.next_retry_time) == (1, START + timedelta(minutes=2))


@pytest.mark.parametrize("reason", [Reason.SOURCE_NOT_FOUND, Reason.SOURCE_FORBIDDEN, Reason.SOURCE_EMPTY])
def test_s49_a_wait_that_a_refusal_asks_for_is_honoured_and_counts(reason: Reason) -> None:
    status = failed(an_artifact_status(), reason, retry_after_s=400)

    assert (status.attempts, status.next_retry_time) == (1, START + timedelta(seconds=400))


@pytest.mark.parametrize("reason", BY_VERDICT[Verdict.FINAL])
def test_what_cannot_get_better_fails_at_once(reason: Reason) -> None:
    status = failed(an_artifact_status(attempts=1, expiredSince=START), reason)

    assert (status.phase, status.reason, status.attempts) == (Phase.FAILED, reason, 1)
    assert status.expired_since is None
    assert status.next_retry_time is None


@pytest.mark.parametrize("reason", BY_VERDICT[Verdict.NOT_ITS_FAULT])
def test_what_is_not_its_fault_costs_no_attempt(reason: Reason) -> None:
    status = failed(an_artifact_status(attempts=3), reason)

    assert (status.phase, status.reason, status.attempts) == (Phase.PENDING, reason, 3)
    assert status.next_retry_time is None


@pytest.mark.parametrize("reason", BY_VERDICT[Verdict.RETRY])
def test_the_rest_is_tried_again(reason: Reason) -> None:
    status = failed(an_artifact_status(), reason)

    assert (status.phase, status.attempts, status.reason) == (Phase.PENDING, 1, reason)
    assert status.next_retry_time is not None


def test_s20_an_expired_url_waits_and_the_grace_runs_from_the_first_time() -> None:
    first = failed(an_artifact_status(attempts=2), Reason.SOURCE_EXPIRED)
    again = failed(first, Reason.SOURCE_EXPIRED, at=START + timedelta(minutes=30))

    assert (first.phase, first.attempts, first.expired_since) == (Phase.PENDING, 2, START)
    assert again.expired_since == START


def test_s20_without_grace_an_expired_url_fails_at_once() -> None:
    assert (
        failed(an_artifact_status(), Reason.SOURCE_EXPIRED, retry=replace(PLAN, refresh_grace=timedelta(0))).phase
        is Phase.FAILED
    )


# What next


def settled(status: ArtifactStatus, around: Surroundings = CALM, spec: ArtifactSpec | None = None) -> Settled:
    return settle(spec or an_artifact(), status, around)


def test_a_new_artifact_may_start() -> None:
    result = settled(an_artifact_status())

    assert result.ready
    assert result.status.reason == Reason.QUEUED


def test_a_complete_artifact_is_never_touched_again() -> None:
    complete = an_artifact_status(phase=Phase.COMPLETE, reason=Reason.STORED, sourceRevision="another")

    for around in (CALM, replace(CALM, cancel=True), replace(CALM, retry_asked=True), replace(CALM, suspend=True)):
        assert settled(complete, around) == Settled(status=complete)


def test_it_waits_until_the_next_attempt_is_due() -> None:
    waiting = failed(an_artifact_status())

    result = settled(waiting)

    assert result == Settled(status=waiting, wake_at=START + timedelta(minutes=2))
    assert settled(waiting, replace(CALM, now=START + timedelta(minutes=2))).ready


def test_a_fresh_url_forgets_attempts_and_waits_and_keeps_the_upload() -> None:
    revision = spec_revision(UID, an_artifact(url="https://media.example.com/old"))
    old = failed(an_artifact_status(attempts=2, uploadId="u", sourceRevision=revision, bytesDone=7))

    result = settled(old)

    assert result.ready
    assert (result.status.attempts, result.status.next_retry_time) == (0, None)
    assert (result.status.upload_id, result.status.bytes_done) == ("u", 7)


@pytest.mark.parametrize("reason", [Reason.SOURCE_FORBIDDEN, Reason.SOURCE_EXPIRED, Reason.SOURCE_RESET])
def test_a_fresh_url_revives_a_failed_artifact_and_any_other_edit_does_not(reason: Reason) -> None:
    tried = an_artifact(url="https://media.example.com/old")
    status = an_artifact_status(phase=Phase.FAILED, reason=reason, attempts=4, sourceRevision=spec_revision(UID, tried))

    assert settled(status).ready
    assert settled(status, spec=tried) == Settled(status=status)


def test_a_retry_token_revives_a_failed_artifact() -> None:
    status = an_artifact_status(phase=Phase.FAILED, reason=Reason.SOURCE_NOT_FOUND, attempts=4)

    result = settled(status, replace(CALM, retry_asked=True))

    assert result.ready
    assert result.status.attempts == 0


def test_cancel_fails_what_is_not_complete_and_its_end_starts_it_again() -> None:
    cancelled = settled(an_artifact_status(attempts=2), replace(CALM, cancel=True)).status

    assert (cancelled.phase, cancelled.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert settled(cancelled, replace(CALM, cancel=True, retry_asked=True)) == Settled(status=cancelled)
    assert settled(cancelled).ready


def test_suspend_keeps_what_is_stored_and_its_end_goes_on_at_once() -> None:
    waiting = failed(an_artifact_status(uploadId="u"))

    suspended = settled(waiting, replace(CALM, suspend=True)).status

    assert (suspended.phase, suspended.reason, suspended.upload_id) == (Phase.PENDING, Reason.SUSPENDED, "u")
    assert suspended.next_retry_time is None
    resumed = settled(suspended)
    assert resumed.ready
    assert (resumed.status.reason, resumed.status.attempts) == (Reason.QUEUED, 1)


def test_an_expired_artifact_that_was_suspended_says_again_that_it_is_expired() -> None:
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)
    suspended = settled(expired, replace(CALM, suspend=True)).status

    result = settled(suspended)

    assert not result.ready
    assert result.status.reason == Reason.SOURCE_EXPIRED
    assert result.wake_at == START + PLAN.refresh_grace


def test_s20_the_grace_ends_in_failed() -> None:
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)

    assert settled(expired) == Settled(status=expired, wake_at=START + PLAN.refresh_grace)
    over = settled(expired, replace(CALM, now=START + PLAN.refresh_grace)).status
    assert (over.phase, over.reason) == (Phase.FAILED, Reason.SOURCE_EXPIRED)


def test_an_expired_secret_is_looked_into_again_and_again() -> None:
    spec = an_artifact(secret="source")
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)

    assert settled(expired, spec=spec).look_into_secret
    held = settled(expired, replace(CALM, not_before=START + timedelta(seconds=5)), spec)
    assert held == Settled(status=expired, wake_at=START + timedelta(seconds=5))
    assert settled(expired, replace(CALM, secret_changed=True), spec).ready


def test_an_obstacle_is_named_and_an_unknown_one_is_not() -> None:
    obstacle = Obstacle(reason=Reason.LOCATION_NOT_READY, message="no answer")

    result = settled(an_artifact_status(), replace(CALM, obstacle=obstacle))

    assert not result.ready
    assert (result.status.reason, result.status.message) == (Reason.LOCATION_NOT_READY, "no answer")
    unknown = settled(an_artifact_status(), replace(CALM, obstacle=Obstacle(reason=None)))
    assert unknown == Settled(status=an_artifact_status())


def test_what_an_earlier_operator_was_moving_waits_like_everybody() -> None:
    moving = an_artifact_status(phase=Phase.UPLOADING, reason=Reason.UPLOADING, uploadId="u")

    result = settled(moving, replace(CALM, obstacle=Obstacle(reason=None)))

    assert (result.status.phase, result.status.reason, result.status.upload_id) == (Phase.PENDING, Reason.QUEUED, "u")


def test_equal_urls_of_two_recordings_do_not_look_equal() -> None:
    assert spec_revision(UID, an_artifact()) != spec_revision(uid_of(2), an_artifact())
    assert "media" not in spec_revision(UID, an_artifact())


def test_a_secret_with_another_url_has_another_revision_of_the_same_spec() -> None:
    spec = an_artifact(secret="source")
    one = resolved_revision(UID, spec, url="https://a.example.com", headers={})
    other = resolved_revision(UID, spec, url="https://b.example.com", headers={})

    assert one != other
    assert one.split(".")[0] == other.split(".")[0] == spec_revision(UID, spec)


statuses = st.builds(
    an_artifact_status,
    phase=st.sampled_from(Phase),
    reason=st.sampled_from(Reason),
    attempts=st.integers(0, 5),
    nextRetryTime=st.none() | st.integers(-900, 900).map(lambda s: START + timedelta(seconds=s)),
    expiredSince=st.none() | st.integers(-7200, 0).map(lambda s: START + timedelta(seconds=s)),
    uploadId=st.none() | st.just("u"),
)
surroundings = st.builds(
    replace,
    st.just(CALM),
    suspend=st.booleans(),
    cancel=st.booleans(),
    retry_asked=st.booleans(),
    secret_changed=st.booleans(),
    obstacle=st.none() | st.builds(Obstacle, reason=st.none() | st.just(Reason.LOCATION_NOT_READY)),
    not_before=st.none() | st.integers(-60, 60).map(lambda s: START + timedelta(seconds=s)),
)


@given(statuses, surroundings, st.booleans())
def test_settling_comes_to_rest_and_never_wakes_in_the_past(
    status: ArtifactStatus, around: Surroundings, secret: bool
) -> None:
    spec = an_artifact(secret="source") if secret else an_artifact()

    first = settle(spec, status, around)
    second = settle(spec, first.status, replace(around, retry_asked=False, secret_changed=False))

    assert second.status == first.status
    assert first.wake_at is None or first.wake_at > around.now
    assert not (first.ready and first.status.phase is not Phase.PENDING)
    assert first.status.phase is not Phase.UPLOADING
    assert first.status.upload_id == status.upload_id
    assert not (first.ready and (around.suspend or around.cancel or around.obstacle is not None))
