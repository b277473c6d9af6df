"""A single artifact with its context, and failed attempts of it."""

from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.expiry import Expiry
from recording_operator.engine.next_step import ArtifactContext
from recording_operator.engine.retries import after_failure
from tests.engine.builders import START, uid_of

UID = uid_of(1)
FAR = Expiry(at=START + timedelta(days=1), stated=True)
PLAN = RetryPolicy()
CALM = ArtifactContext(
    now=START,
    uid=UID,
    suspend=False,
    cancel=False,
    retry_requested=False,
    retry=PLAN,
    obstacle=None,
    not_before=None,
)


def failed(
    status: ArtifactStatus,
    reason: Reason = Reason.SOURCE_UNAVAILABLE,
    *,
    at: datetime = START,
    retry: RetryPolicy = PLAN,
    expiry: Expiry = FAR,
    retry_after_s: float | None = None,
    is_final: bool = False,
) -> ArtifactStatus:
    """The status after an attempt that ended like this."""
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
