"""The next step of an artifact."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase
from recording_operator.engine.next_step import ArtifactContext, NextStep, Obstacle, next_step
from recording_operator.engine.source_revision import spec_revision
from tests.engine.attempts import CALM, PLAN, UID, failed
from tests.engine.builders import START, an_artifact, an_artifact_status


def step(status: ArtifactStatus, context: ArtifactContext = CALM, spec: ArtifactSpec | None = None) -> NextStep:
    return next_step(spec or an_artifact(), status, context)


def test_a_new_artifact_may_start() -> None:
    result = step(an_artifact_status())

    assert result.ready
    assert result.status.reason == Reason.QUEUED


def test_a_complete_artifact_is_never_touched_again() -> None:
    complete = an_artifact_status(phase=Phase.COMPLETE, reason=Reason.STORED, sourceRevision="another")

    for context in (CALM, replace(CALM, cancel=True), replace(CALM, retry_requested=True), replace(CALM, suspend=True)):
        assert step(complete, context) == NextStep(status=complete)


def test_it_waits_until_the_next_attempt_is_due() -> None:
    waiting = failed(an_artifact_status())

    result = step(waiting)

    assert result == NextStep(status=waiting, wake_at=START + timedelta(minutes=2))
    assert step(waiting, replace(CALM, now=START + timedelta(minutes=2))).ready


def test_a_fresh_url_forgets_attempts_and_waits_and_keeps_the_upload() -> None:
    revision = spec_revision(UID, an_artifact(url="https://media.example.com/old"))
    old = failed(an_artifact_status(attempts=2, uploadId="u", sourceRevision=revision, bytesDone=7))

    result = step(old)

    assert result.ready
    assert (result.status.attempts, result.status.next_retry_time) == (0, None)
    assert (result.status.upload_id, result.status.bytes_done) == ("u", 7)


@pytest.mark.parametrize("reason", [Reason.SOURCE_FORBIDDEN, Reason.SOURCE_EXPIRED, Reason.SOURCE_RESET])
def test_a_fresh_url_revives_a_failed_artifact_and_any_other_edit_does_not(reason: Reason) -> None:
    tried = an_artifact(url="https://media.example.com/old")
    status = an_artifact_status(phase=Phase.FAILED, reason=reason, attempts=4, sourceRevision=spec_revision(UID, tried))

    assert step(status).ready
    assert step(status, spec=tried) == NextStep(status=status)


def test_a_retry_token_revives_a_failed_artifact() -> None:
    status = an_artifact_status(phase=Phase.FAILED, reason=Reason.SOURCE_NOT_FOUND, attempts=4)

    result = step(status, replace(CALM, retry_requested=True))

    assert result.ready
    assert result.status.attempts == 0


def test_cancel_fails_what_is_not_complete_and_its_end_starts_it_again() -> None:
    cancelled = step(an_artifact_status(attempts=2), replace(CALM, cancel=True)).status

    assert (cancelled.phase, cancelled.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert step(cancelled, replace(CALM, cancel=True, retry_requested=True)) == NextStep(status=cancelled)
    assert step(cancelled).ready


def test_suspend_keeps_what_is_stored_and_its_end_resumes_at_once() -> None:
    waiting = failed(an_artifact_status(uploadId="u"))

    suspended = step(waiting, replace(CALM, suspend=True)).status

    assert (suspended.phase, suspended.reason, suspended.upload_id) == (Phase.PENDING, Reason.SUSPENDED, "u")
    assert suspended.next_retry_time is None
    resumed = step(suspended)
    assert resumed.ready
    assert (resumed.status.reason, resumed.status.attempts) == (Reason.QUEUED, 1)


def test_an_expired_artifact_that_was_suspended_is_reported_as_expired_again() -> None:
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)
    suspended = step(expired, replace(CALM, suspend=True)).status

    result = step(suspended)

    assert not result.ready
    assert result.status.reason == Reason.SOURCE_EXPIRED
    assert result.wake_at == START + PLAN.refresh_grace


def test_s20_the_grace_ends_in_failed() -> None:
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)

    assert step(expired) == NextStep(status=expired, wake_at=START + PLAN.refresh_grace)
    over = step(expired, replace(CALM, now=START + PLAN.refresh_grace)).status
    assert (over.phase, over.reason) == (Phase.FAILED, Reason.SOURCE_EXPIRED)


def test_an_expired_secret_is_looked_into_again_and_again() -> None:
    spec = an_artifact(secret="source")
    expired = failed(an_artifact_status(), Reason.SOURCE_EXPIRED)

    assert step(expired, spec=spec).read_secret
    held = step(expired, replace(CALM, not_before=START + timedelta(seconds=5)), spec)
    assert held == NextStep(status=expired, wake_at=START + timedelta(seconds=5))
    assert step(expired, replace(CALM, secret_changed=True), spec).ready


def test_an_obstacle_is_named_and_an_unknown_one_is_not() -> None:
    obstacle = Obstacle(reason=Reason.LOCATION_NOT_READY, message="no answer")

    result = step(an_artifact_status(), replace(CALM, obstacle=obstacle))

    assert not result.ready
    assert (result.status.reason, result.status.message) == (Reason.LOCATION_NOT_READY, "no answer")
    unknown = step(an_artifact_status(), replace(CALM, obstacle=Obstacle(reason=None)))
    assert unknown == NextStep(status=an_artifact_status())


def test_an_upload_of_an_earlier_operator_waits_in_the_queue() -> None:
    moving = an_artifact_status(phase=Phase.UPLOADING, reason=Reason.UPLOADING, uploadId="u")

    result = step(moving, replace(CALM, obstacle=Obstacle(reason=None)))

    assert (result.status.phase, result.status.reason, result.status.upload_id) == (Phase.PENDING, Reason.QUEUED, "u")


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
    retry_requested=st.booleans(),
    secret_changed=st.booleans(),
    obstacle=st.none()
    | st.builds(Obstacle, reason=st.sampled_from((None, Reason.LOCATION_NOT_READY, Reason.BUDGET_EXCEEDED))),
    not_before=st.none() | st.integers(-60, 60).map(lambda s: START + timedelta(seconds=s)),
)


@given(statuses, surroundings, st.booleans())
def test_settling_ends_and_sets_no_timer_in_the_past(
    status: ArtifactStatus, context: ArtifactContext, secret: bool
) -> None:
    spec = an_artifact(secret="source") if secret else an_artifact()

    first = next_step(spec, status, context)
    second = next_step(spec, first.status, replace(context, retry_requested=False, secret_changed=False))

    assert second.status == first.status
    assert first.wake_at is None or first.wake_at > context.now
    assert not (first.ready and first.status.phase is not Phase.PENDING)
    assert first.status.phase is not Phase.UPLOADING
    assert first.status.upload_id == status.upload_id
    assert not (first.ready and (context.suspend or context.cancel or context.obstacle is not None))
