"""What one artifact should do next: a pure function of its spec, its status and what surrounds it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason, Trait, Verdict, reasons_with, verdict_of
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, SourceRef
from recording_operator.engine.expiry import Expiry

LAST_CHANCE: Final = timedelta(seconds=30)
"""A retry that would come after the URL's stated expiry is pulled to this long before it."""

LEAST_DELAY: Final = timedelta(seconds=5)
"""Between two attempts, however soon the URL expires: a source that refuses at once is not to be asked in a loop."""

LONGEST_ASKED: Final = timedelta(minutes=15)
"""The longest Retry-After of a source or a store that is waited for."""

_CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""Between two operators, one after the other, whose clocks are right."""

LEAST_PROMISED: Final = timedelta(seconds=30)
"""Between two attempts that cost nothing, because the source said when to come again."""

_INLINE_REVISION: Final = "inline"
ABOUT_A_SECRET: Final = reasons_with(Trait.ABOUT_SECRET)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """The location's `spec.retry`, parsed."""

    delays: tuple[timedelta, ...]
    until_expiry: bool
    refresh_grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why nothing may start at the location now. Without `reason`, it is not known yet: say nothing, wait."""

    reason: Reason | None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that `settle` looks at besides the artifact itself."""

    now: datetime
    uid: str
    suspend: bool
    cancel: bool
    retry_asked: bool
    """spec.retryToken differs from the one last acted on."""
    retry: RetryPlan
    obstacle: Obstacle | None
    not_before: datetime | None
    """Held back after something that was not its fault."""
    secret_changed: bool = False
    """The Secrets that the source names were read and hold something else than what was last tried."""
    may_be_stored: bool = False
    """An earlier operator ended while it moved, perhaps right after it had stored the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The artifact's status as it should be, and what comes next."""

    status: ArtifactStatus
    ready: bool = False
    """It may take a slot now."""
    look_into_secret: bool = False
    """It waits for a Secret to be made or changed: read it, without a slot and without a claim."""
    wake_at: datetime | None = None
    """When to look again, where time alone changes something."""


def spec_revision(uid: str, artifact: ArtifactSpec) -> str:
    """Names the source as the spec gives it. Salted with the uid, so that equal URLs do not look equal."""
    if artifact.source is None:
        return _INLINE_REVISION
    return _digest(uid, _source_identity(artifact.source))


def resolved_revision(uid: str, artifact: ArtifactSpec, *, url: str, headers: dict[str, str]) -> str:
    """`spec_revision` and what its Secrets held when they were read."""
    return f"{spec_revision(uid, artifact)}.{_digest(uid, [url, sorted(headers.items())])}"


def revision_is_of(uid: str, artifact: ArtifactSpec, revision: str) -> bool:
    """Whether the revision belongs to the source as the spec gives it now, whatever its Secrets held."""
    return revision.split(".", 1)[0] == spec_revision(uid, artifact)


def settle(artifact: ArtifactSpec, status: ArtifactStatus, around: Surroundings) -> Settled:
    """Decide about an artifact that is not being transferred at this moment."""
    if status.phase is Phase.COMPLETE:
        return Settled(status=status)
    fresh = around.retry_asked or around.secret_changed or _source_is_new(artifact, status, around.uid)
    if status.phase is Phase.FAILED:
        uncancelled = status.reason == Reason.CANCELLED and not around.cancel
        if not (fresh or uncancelled) or around.cancel:
            return Settled(status=status)
        status = _from_the_start(status)
    elif fresh:
        status = _from_the_start(status)
    elif status.phase is Phase.UPLOADING:
        status = _queued(status)  # an earlier operator was at it
    elif status.reason == Reason.SUSPENDED and not around.suspend:
        status = _unsuspended(status)
    return _settle_pending(artifact, status, around)


def _settle_pending(artifact: ArtifactSpec, status: ArtifactStatus, around: Surroundings) -> Settled:
    look_first = around.may_be_stored and _could_start(status, around)
    if around.cancel and not look_first:
        message = "spec.cancel is true; set it to false to start again"
        return Settled(status=_failed(status, Reason.CANCELLED, message))
    if around.suspend and not around.cancel:
        return Settled(status=_waits(status, Reason.SUSPENDED, "spec.suspend is true; what is stored is kept"))
    status = _by_the_clock(status, around)
    if status.expired_since is not None and around.now >= status.expired_since + around.retry.refresh_grace:
        return Settled(status=_failed(status, Reason.SOURCE_EXPIRED, "the URL expired and no fresh one came in time"))
    if status.expired_since is not None or status.reason in ABOUT_A_SECRET:
        return _await_fresh_source(artifact, status, around)
    if status.next_retry_time is not None and status.next_retry_time > around.now:
        return Settled(status=status, wake_at=status.next_retry_time)
    if around.obstacle is not None:
        if around.obstacle.reason is None:
            return Settled(status=status)
        return Settled(status=_waits(status, around.obstacle.reason, around.obstacle.message))
    if around.not_before is not None and around.not_before > around.now:
        return Settled(status=status, wake_at=around.not_before)
    if status.phase is Phase.PENDING and status.reason == Reason.INTERRUPTED:
        return Settled(status=status, ready=True)  # the next operator reads why it waits
    return Settled(status=_queued(status), ready=True)


def _by_the_clock(status: ArtifactStatus, around: Surroundings) -> ArtifactStatus:
    """The times in a status may be of a clock that was wrong: no wait is longer than its configuration explains."""
    now, retry = around.now, around.retry
    if status.expired_since is not None and status.expired_since > now + _CLOCKS_DIFFER:
        status = status.model_copy(update={"expired_since": now})
    longest = max(*retry.delays, LONGEST_ASKED, timedelta(0)) + _CLOCKS_DIFFER
    if around.obstacle is None and status.next_retry_time is not None and status.next_retry_time > now + longest:
        delay = retry.delays[min(max(status.attempts, 1), len(retry.delays)) - 1] if retry.delays else LEAST_DELAY
        status = status.model_copy(update={"next_retry_time": now + delay})
    return status


def _could_start(status: ArtifactStatus, around: Surroundings) -> bool:
    """Whether nothing but a slot, or a location that comes back or is heard of, is waited for."""
    waits = status.next_retry_time is not None or status.expired_since is not None or status.reason in ABOUT_A_SECRET
    return not waits and (around.obstacle is None or around.obstacle.reason in (None, Reason.LOCATION_NOT_READY))


def _await_fresh_source(artifact: ArtifactSpec, status: ArtifactStatus, around: Surroundings) -> Settled:
    ends = status.expired_since + around.retry.refresh_grace if status.expired_since else None
    if not names_secret(artifact):
        return Settled(status=status, wake_at=ends)  # a fresh URL in the spec announces itself
    if around.not_before is None or around.not_before <= around.now:
        return Settled(status=status, wake_at=ends, look_into_secret=True)
    return Settled(status=status, wake_at=min(ends, around.not_before) if ends else around.not_before)


def after_failure(
    status: ArtifactStatus,
    *,
    reason: Reason,
    message: str,
    retry_after_s: float | None,
    retry: RetryPlan,
    expiry: Expiry,
    now: datetime,
    is_final: bool = False,
) -> ArtifactStatus:
    """The artifact's status after a failed attempt: a retry time, the wait for a fresh URL, or Failed."""
    verdict = verdict_of(reason)
    if verdict is Verdict.FINAL or is_final:
        return _failed(status, reason, message)
    if verdict is Verdict.NOT_ITS_FAULT:
        return _waits(status, reason, message)
    if verdict is Verdict.EXPIRED:
        if not retry.refresh_grace:
            return _failed(status, reason, message)
        since = status.expired_since or now
        return _waits(status, reason, message).model_copy(update={"expired_since": since})
    if reason is Reason.SOURCE_NOT_READY and retry_after_s is not None and now < expiry.at:
        # The source says when; it may say so until the URL expires, and then each time counts.
        at = _not_after_expiry(now + max(LEAST_PROMISED, timedelta(seconds=retry_after_s)), expiry, now)
        return _waits(status, reason, message).model_copy(update={"next_retry_time": at})
    attempts = status.attempts + 1
    delay = _delay(attempts, retry, expiry, now)
    spent = status.model_copy(update={"attempts": attempts})
    if delay is None:
        return _failed(spent, reason, message)
    at = _not_after_expiry(now + max(delay, timedelta(seconds=retry_after_s or 0)), expiry, now)
    return _waits(spent, reason, message).model_copy(update={"next_retry_time": at})


def _delay(attempts: int, retry: RetryPlan, expiry: Expiry, now: datetime) -> timedelta | None:
    if attempts <= len(retry.delays):
        return retry.delays[attempts - 1]
    if retry.until_expiry and retry.delays and now < expiry.at:
        return retry.delays[-1]
    return None


def _not_after_expiry(at: datetime, expiry: Expiry, now: datetime) -> datetime:
    if not expiry.stated or not now < expiry.at <= at:
        return at
    return min(at, max(expiry.at - LAST_CHANCE, now + LEAST_DELAY))


def _source_is_new(artifact: ArtifactSpec, status: ArtifactStatus, uid: str) -> bool:
    return status.source_revision is not None and not revision_is_of(uid, artifact, status.source_revision)


def names_secret(artifact: ArtifactSpec) -> bool:
    """Whether the source's URL or headers come from a Secret, which may change without a word to us."""
    source = artifact.source
    return source is not None and (source.url_secret_ref is not None or source.headers_secret_ref is not None)


def _from_the_start(status: ArtifactStatus) -> ArtifactStatus:
    """A fresh URL or an asked retry: attempts and waits are forgotten, the parts in the store are not."""
    update = {
        "phase": Phase.PENDING,
        "attempts": 0,
        "next_retry_time": None,
        "expired_since": None,
        "source_revision": None,
        "reason": Reason.QUEUED,
        "message": None,
    }
    return status.model_copy(update=update)


def _queued(status: ArtifactStatus) -> ArtifactStatus:
    update = {"phase": Phase.PENDING, "reason": Reason.QUEUED, "message": None, "next_retry_time": None}
    return status.model_copy(update=update)


def _unsuspended(status: ArtifactStatus) -> ArtifactStatus:
    """A person wants it to go on: at once, unless it needs a fresh URL."""
    if status.expired_since is None:
        return _queued(status)
    return _waits(status, Reason.SOURCE_EXPIRED, "the URL has expired; apply a fresh one")


def _waits(status: ArtifactStatus, reason: Reason, message: str) -> ArtifactStatus:
    update = {"phase": Phase.PENDING, "reason": reason, "message": message, "next_retry_time": None}
    return status.model_copy(update=update)


def _failed(status: ArtifactStatus, reason: Reason, message: str) -> ArtifactStatus:
    update = {
        "phase": Phase.FAILED,
        "reason": reason,
        "message": message,
        "next_retry_time": None,
        "expired_since": None,
    }
    return status.model_copy(update=update)


def _source_identity(source: SourceRef) -> list[object]:
    refs = [ref.model_dump() if ref else None for ref in (source.url_secret_ref, source.headers_secret_ref)]
    expires = source.expires_at.isoformat() if source.expires_at else None
    return [source.url, *refs, expires]


def _digest(uid: str, what: object) -> str:
    return hashlib.sha256(json.dumps([uid, what]).encode()).hexdigest()[:16]
