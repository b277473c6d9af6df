"""What happens after a failed attempt: another attempt, a wait for a fresh URL, or Failed."""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason, Verdict, verdict_of
from recording_operator.api.recording import ArtifactStatus
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.artifact_status import failed, waiting
from recording_operator.engine.expiry import Expiry

LAST_CHANCE: Final = timedelta(seconds=30)
"""A retry that would come after the URL's stated expiry is moved to this long before it."""

LEAST_DELAY: Final = timedelta(seconds=5)
"""The shortest delay between two attempts, even if the URL expires soon. It prevents a busy loop."""

LEAST_PROMISED: Final = timedelta(seconds=30)
"""The shortest delay between two attempts that are not counted, because the source sent Retry-After."""


def after_failure(
    status: ArtifactStatus,
    *,
    reason: Reason,
    message: str,
    retry_after_s: float | None,
    retry: RetryPolicy,
    expiry: Expiry,
    now: datetime,
    is_final: bool = False,
) -> ArtifactStatus:
    """The artifact's status after a failed attempt: a retry time, the wait for a fresh URL, or Failed."""
    verdict = verdict_of(reason)
    if verdict is Verdict.FINAL or is_final:
        return failed(status, reason, message)
    if verdict is Verdict.WAIT:
        return waiting(status, reason, message)
    if verdict is Verdict.EXPIRED:
        if not retry.refresh_grace:
            return failed(status, reason, message)
        since = status.expired_since or now
        return waiting(status, reason, message).model_copy(update={"expired_since": since})
    if reason is Reason.SOURCE_NOT_READY and retry_after_s is not None and now < expiry.at:
        # The source says when to retry. Until the URL expires, that spends no attempt.
        at = _not_after_expiry(now + max(LEAST_PROMISED, timedelta(seconds=retry_after_s)), expiry, now)
        return waiting(status, reason, message).model_copy(update={"next_retry_time": at})
    attempts = status.attempts + 1
    delay = _delay(attempts, retry, expiry, now)
    spent = status.model_copy(update={"attempts": attempts})
    if delay is None:
        return failed(spent, reason, message)
    at = _not_after_expiry(now + max(delay, timedelta(seconds=retry_after_s or 0)), expiry, now)
    return waiting(spent, reason, message).model_copy(update={"next_retry_time": at})


def _delay(attempts: int, retry: RetryPolicy, expiry: Expiry, now: datetime) -> timedelta | None:
    if attempts <= len(retry.delays):
        return retry.delays[attempts - 1]
    if retry.until_expiry and retry.delays and now < expiry.at:
        return retry.delays[-1]
    return None


def _not_after_expiry(at: datetime, expiry: Expiry, now: datetime) -> datetime:
    if not expiry.stated or not now < expiry.at <= at:
        return at
    return min(at, max(expiry.at - LAST_CHANCE, now + LEAST_DELAY))
