"""The result of each way in which an attempt can end."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason, Verdict
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.expiry import Expiry
from recording_operator.engine.retries import LAST_CHANCE, LEAST_DELAY
from tests.engine.attempts import FAR, PLAN, failed
from tests.engine.builders import START, an_artifact_status

BY_VERDICT = {verdict: [reason for reason in Reason if reason.verdict is verdict] for verdict in Verdict}


def failures(count: int, *, retry: RetryPolicy = PLAN, expiry: Expiry = FAR) -> list[ArtifactStatus]:
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


def test_two_five_and_ten_minutes_then_failed() -> None:
    statuses = failures(4)

    assert waits_s(statuses) == [120, 300, 600, None]
    assert [status.phase for status in statuses] == [Phase.PENDING] * 3 + [Phase.FAILED]
    assert [status.attempts for status in statuses] == [1, 2, 3, 4]
    assert statuses[-1].reason == Reason.SOURCE_UNAVAILABLE


def test_without_delays_there_is_one_attempt() -> None:
    assert failures(1, retry=RetryPolicy(delays=()))[0].phase is Phase.FAILED


def test_until_expiry_repeats_the_last_delay_until_then() -> None:
    retry = RetryPolicy(until_expiry=True)
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


def test_in_the_last_seconds_before_expiry_a_rejecting_source_is_not_requested_in_a_loop() -> None:
    retry = RetryPolicy(until_expiry=True)
    expiry = Expiry(at=START + timedelta(seconds=20), stated=True)

    status = failed(an_artifact_status(attempts=7), expiry=expiry, retry=retry)

    assert status.next_retry_time == START + LEAST_DELAY


def test_a_source_that_names_a_longer_wait_gets_it() -> None:
    assert failed(an_artifact_status(), retry_after_s=400).next_retry_time == START + timedelta(seconds=400)
    assert failed(an_artifact_status(), retry_after_s=7).next_retry_time == START + timedelta(seconds=120)


LATE = [Reason.SOURCE_NOT_READY, Reason.SOURCE_NOT_FOUND, Reason.SOURCE_FORBIDDEN, Reason.SOURCE_EMPTY]


@pytest.mark.parametrize("reason", LATE)
def test_s42_content_that_may_be_late_is_retried_after_the_delays_and_then_fails(reason: Reason) -> None:
    status, now, waits = an_artifact_status(), START, []
    while status.phase is not Phase.FAILED:
        status = failed(status, reason, at=now)
        waits.append(status.next_retry_time)
        now = status.next_retry_time or now

    assert waits == [START + timedelta(minutes=minutes) for minutes in (2, 7, 17)] + [None]
    assert (status.reason, status.attempts) == (reason, 4)


def test_s42_410_fails_at_once() -> None:
    status = failed(an_artifact_status(), Reason.SOURCE_NOT_FOUND, is_final=True)

    assert (status.phase, status.reason, status.attempts) == (Phase.FAILED, Reason.SOURCE_NOT_FOUND, 0)


@pytest.mark.parametrize(("retry_after_s", "wait_s"), [(0.0, 30), (7.0, 30), (45.0, 45), (900.0, 900)])
def test_s49_a_source_that_states_when_to_retry_spends_no_attempt(retry_after_s: float, wait_s: float) -> None:
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
def test_a_final_reason_fails_at_once(reason: Reason) -> None:
    status = failed(an_artifact_status(attempts=1, expiredSince=START), reason)

    assert (status.phase, status.reason, status.attempts) == (Phase.FAILED, reason, 1)
    assert status.expired_since is None
    assert status.next_retry_time is None


@pytest.mark.parametrize("reason", BY_VERDICT[Verdict.WAIT])
def test_a_reason_with_the_verdict_wait_spends_no_attempt(reason: Reason) -> None:
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
        failed(an_artifact_status(), Reason.SOURCE_EXPIRED, retry=RetryPolicy(refresh_grace=timedelta(0))).phase
        is Phase.FAILED
    )
