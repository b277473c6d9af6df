"""What follows if a URL does not work any more, and a provider can be queried for a fresh one.

The first rejection spends no attempt, and neither does one after the fresh URL has moved bytes: the provider is
queried, and the upload resumes. If the source rejects a fresh URL before it has moved a byte, the provider is queried
again until the location's refresh grace is over if the URL has expired, and any other rejection is handled as that of
a source without a provider.
"""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.artifact_status import failed, waiting
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.backoff import LONGEST_WAIT
from recording_operator.engine.facts import TransferFailed
from recording_operator.engine.source_revision import is_refused, names_provider, names_url, refused

LONGEST_WAIT_FOR_PROVIDER: Final = timedelta(minutes=5)
"""The longest delay between two requests to a provider that is unavailable."""


def after_refusal(
    work: ArtifactWork, artifact: ArtifactSpec, failure: TransferFailed, *, retry: RetryPolicy, now: datetime
) -> ArtifactStatus | None:
    """The status after a URL was rejected; None if that is handled as any other failure."""
    if not names_provider(artifact) or Trait.ASKS_PROVIDER not in failure.reason.traits:
        return None
    status = work.status
    revision = refused(status.source_revision) if status.source_revision else None
    if not work.has_untried_url:
        message = "The URL does not work any more. The provider is queried for a fresh one, and the upload resumes."
        asking = waiting(status, Reason.REFRESHING_URL, message)
        return asking.model_copy(update={"source_revision": revision, "expired_since": None})
    if failure.reason is not Reason.SOURCE_EXPIRED:
        return None
    since = status.expired_since or now
    if now >= since + retry.refresh_grace:
        message = "The provider gave fresh URLs, and they had expired too. Check the RecordingSource and the recording."
        return failed(status, Reason.SOURCE_EXPIRED, message)
    message = "The provider gave a fresh URL, and it has expired too. The provider is queried again."
    expired = waiting(status, Reason.SOURCE_EXPIRED, message)
    return expired.model_copy(update={"source_revision": revision, "expired_since": since})


def note_start(work: ArtifactWork, artifact: ArtifactSpec, now: datetime) -> None:
    """A transfer begins. The provider is queried if the last URL was rejected, or if there is none."""
    if not names_provider(artifact):
        return
    work.has_untried_url = is_refused(work.status.source_revision) or work.has_untried_url
    if work.has_untried_url or not names_url(artifact):
        work.asked_at = now
    work.started_bytes = work.status.bytes_done or 0


def note_bytes(work: ArtifactWork, sent_bytes: int) -> None:
    """A transfer has stored bytes: its URL works."""
    if work.has_untried_url and sent_bytes > work.started_bytes:
        work.has_untried_url = False
        work.update(expired_since=None)


def hold(work: ArtifactWork, failure: TransferFailed, *, now: datetime) -> None:
    """The provider gives no URL now: delay the next request."""
    longest = LONGEST_WAIT_FOR_PROVIDER if failure.reason is Reason.PROVIDER_UNAVAILABLE else LONGEST_WAIT
    work.hold_back(now, at_least=timedelta(seconds=failure.retry_after_s or 0), longest=longest)


def pace(work: ArtifactWork, *, every: timedelta) -> None:
    """The provider is to be queried, but not before `every` has passed since it was queried last."""
    work.hold_until(work.asked_at + every if work.asked_at is not None else None)
