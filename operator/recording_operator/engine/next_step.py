"""What one artifact does next: a pure function of its spec, its status and its context."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.artifact_status import failed, from_the_start, queued, unsuspended, waiting
from recording_operator.engine.client_uploads import expired, is_awaited, is_finished, with_sane_expiry
from recording_operator.engine.retries import LEAST_DELAY
from recording_operator.engine.source_revision import names_provider, names_secret, revision_is_of

LONGEST_RETRY_AFTER: Final = timedelta(minutes=15)
"""The longest Retry-After of a source or a store that is honoured."""

_CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""The clocks of two operators, one after the other, may differ by this much."""

ABOUT_A_PROVIDER: Final = reasons_with(Trait.ABOUT_PROVIDER)
WAITS_FOR_OTHERS: Final = reasons_with(Trait.ABOUT_SECRET) | ABOUT_A_PROVIDER
"""The artifact waits for a Secret or a provider, without a slot."""
_KEPT_IN_QUEUE: Final = reasons_with(Trait.KEPT_IN_QUEUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why nothing may start at the location now. If `reason` is None, it is not known yet, and the status stays."""

    reason: Reason | None
    message: str = ""
    is_final: bool = False
    """The artifact fails instead of waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactContext:
    """Everything that `next_step` depends on besides the artifact itself."""

    now: datetime
    uid: str
    suspend: bool
    cancel: bool
    retry_requested: bool
    """spec.retryToken differs from the one that was processed last."""
    retry: RetryPolicy
    obstacle: Obstacle | None
    not_before: datetime | None
    """The end of the delay after a failure that is not the artifact's fault."""
    secret_changed: bool = False
    """The Secrets that the source names have changed since the last attempt."""
    may_be_stored: bool = False
    """An earlier operator ended during the transfer, perhaps just after it had stored the object."""
    may_begin: bool = False
    """Nothing keeps the Recording from beginning, so no budget holds its artifacts any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The artifact's new status, and what comes next."""

    status: ArtifactStatus
    ready: bool = False
    """It may take a slot now."""
    read_secret: bool = False
    """It waits for a Secret or a provider. Read the Secret or ask the provider now; this needs no slot and no claim."""
    wake_at: datetime | None = None
    """When to decide again if no fact arrives before."""


def next_step(artifact: ArtifactSpec, status: ArtifactStatus, context: ArtifactContext) -> NextStep:
    """Decide about an artifact that is not in transfer."""
    if status.phase is Phase.COMPLETE:
        return NextStep(status=status)
    fresh = context.retry_requested or context.secret_changed or _source_is_new(artifact, status, context.uid)
    if status.phase is Phase.FAILED:
        uncancelled = status.reason == Reason.CANCELLED and not context.cancel
        if not (fresh or uncancelled) or context.cancel:
            return NextStep(status=status)
        status = from_the_start(status)
    elif fresh:
        status = from_the_start(status)
    elif status.phase is Phase.UPLOADING:
        status = queued(status)  # an earlier operator was transferring it
    elif status.reason == Reason.SUSPENDED and not context.suspend:
        status = unsuspended(status)
    elif status.reason == Reason.BUDGET_EXCEEDED and context.may_begin:
        status = queued(status)  # it may have to wait for its source
    return _next_of_pending(artifact, status, context)


def _next_of_pending(artifact: ArtifactSpec, status: ArtifactStatus, context: ArtifactContext) -> NextStep:
    check_store_first = context.may_be_stored and _could_start(status, context)
    if context.cancel and not check_store_first:
        message = "spec.cancel is true. Set it to false to start again."
        return NextStep(status=failed(status, Reason.CANCELLED, message))
    if context.suspend and not context.cancel:
        return NextStep(
            status=waiting(status, Reason.SUSPENDED, "spec.suspend is true. What is stored so far is kept.")
        )
    provider = artifact.source.provider if artifact.source is not None else None
    if provider is not None and provider.failure is not None:
        message = f"The provider has no recording: {provider.failure}"
        return NextStep(status=failed(status, Reason.PROVIDER_FAILED, message))
    status = with_sane_expiry(artifact, _by_the_clock(status, context), context.now)
    # An earlier operator may have completed the upload: then the object counts.
    if is_awaited(artifact, status) and not check_store_first:
        step = _await_client(artifact, status, context)
        if step is not None:
            return step
    grace_ends = _grace_ends(artifact, status, context)
    if grace_ends is not None and context.now >= grace_ends:
        return NextStep(
            status=failed(status, Reason.SOURCE_EXPIRED, "The URL has expired, and no fresh URL was applied in time.")
        )
    if grace_ends is not None or status.reason in WAITS_FOR_OTHERS:
        return _await_fresh_source(artifact, status, context)
    if status.next_retry_time is not None and status.next_retry_time > context.now:
        return NextStep(status=status, wake_at=status.next_retry_time)
    if context.obstacle is not None:
        if context.obstacle.reason is None:
            return NextStep(status=status)
        end = failed if context.obstacle.is_final else waiting
        return NextStep(status=end(status, context.obstacle.reason, context.obstacle.message))
    if context.not_before is not None and context.not_before > context.now:
        return NextStep(status=status, wake_at=context.not_before)
    if status.phase is Phase.PENDING and status.reason in _KEPT_IN_QUEUE:
        return NextStep(status=status, ready=True)
    return NextStep(status=queued(status), ready=True)


def _by_the_clock(status: ArtifactStatus, context: ArtifactContext) -> ArtifactStatus:
    """Correct times that a wrong clock wrote: no wait is longer than the configuration allows."""
    now, retry = context.now, context.retry
    if status.expired_since is not None and status.expired_since > now + _CLOCKS_DIFFER:
        status = status.model_copy(update={"expired_since": now})
    longest = max(*retry.delays, LONGEST_RETRY_AFTER, timedelta(0)) + _CLOCKS_DIFFER
    if context.obstacle is None and status.next_retry_time is not None and status.next_retry_time > now + longest:
        delay = retry.delays[min(max(status.attempts, 1), len(retry.delays)) - 1] if retry.delays else LEAST_DELAY
        status = status.model_copy(update={"next_retry_time": now + delay})
    return status


def _could_start(status: ArtifactStatus, context: ArtifactContext) -> bool:
    """Whether it only waits for a slot or for its location."""
    waits = status.next_retry_time is not None or status.expired_since is not None or status.reason in WAITS_FOR_OTHERS
    return not waits and (context.obstacle is None or context.obstacle.reason in (None, Reason.LOCATION_NOT_READY))


def _grace_ends(artifact: ArtifactSpec, status: ArtifactStatus, context: ArtifactContext) -> datetime | None:
    """When an artifact fails whose URL has expired. If it has a provider, only a rejected URL ends the wait."""
    if status.expired_since is None or names_provider(artifact):
        return None
    return status.expired_since + context.retry.refresh_grace


def _await_fresh_source(artifact: ArtifactSpec, status: ArtifactStatus, context: ArtifactContext) -> NextStep:
    ends = _grace_ends(artifact, status, context)
    if not names_secret(artifact) and not names_provider(artifact):
        return NextStep(status=status, wake_at=ends)  # an edit of the spec is an event
    if context.not_before is None or context.not_before <= context.now:
        return NextStep(status=status, wake_at=ends, read_secret=True)
    return NextStep(status=status, wake_at=min(ends, context.not_before) if ends else context.not_before)


def _await_client(artifact: ArtifactSpec, status: ArtifactStatus, context: ArtifactContext) -> NextStep | None:
    """The wait for the client of an upload; None if its parts are to be listed now."""
    ends = status.upload_expires_at
    if ends is None:
        return None
    if not is_finished(artifact):
        if context.now >= ends:
            return NextStep(status=expired(status))
        return NextStep(status=status, wake_at=ends)  # an edit of the spec is an event
    if context.now >= ends:
        return None  # a last time: the client may have sent the rest since the last listing
    if context.not_before is not None and context.not_before > context.now:
        return NextStep(status=status, wake_at=min(ends, context.not_before))
    return None


def _source_is_new(artifact: ArtifactSpec, status: ArtifactStatus, uid: str) -> bool:
    return status.source_revision is not None and not revision_is_of(uid, artifact, status.source_revision)
