"""Processes the reports of a transfer: source, upload, progress, outcome."""

from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason, Trait, Verdict, verdict_of
from recording_operator.api.recording import Phase
from recording_operator.engine import fresh_urls, quota_gate
from recording_operator.engine.actions import Action, ArtifactOutcome, CountOutcome
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.client_uploads import LONGEST_BETWEEN_LISTINGS, awaiting, expired, upload_of
from recording_operator.engine.facts import (
    ClientAwaited,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.engine.next_step import ABOUT_A_PROVIDER, WAITS_FOR_OTHERS
from recording_operator.engine.retries import after_failure
from recording_operator.engine.source_revision import names_secret, revision_is_of
from recording_operator.engine.state import EngineState
from recording_operator.engine.status_outbox import SOON
from recording_operator.engine.tracked_recording import TrackedRecording
from recording_operator.lifecycle.expiry import abort_after


def note_source(tracked: TrackedRecording, fact: SourceResolved, now: datetime) -> None:
    """Secrets were read, by a starting transfer or to check whether a waiting artifact can continue."""
    work = tracked.artifacts[fact.artifact]
    work.reading_secret = False
    if work.in_transfer:
        if fact.revision is not None and revision_is_of(tracked.uid, tracked.spec_of(work.name), fact.revision):
            work.update(source_revision=fact.revision)
        return
    if work.status.reason in ABOUT_A_PROVIDER:
        _note_provider(tracked, work, fact, now)
        return
    if fact.revision is not None and fact.revision != work.status.source_revision:
        work.secret_changed, work.hold = True, None
        return
    if work.status.phase is not Phase.PENDING:
        return  # it was cancelled or has failed meanwhile
    _note_unusable(tracked, work, fact.failure, now)
    work.hold_back(now)


def _note_provider(tracked: TrackedRecording, work: ArtifactWork, fact: SourceResolved, now: datetime) -> None:
    """A provider was queried while the artifact waits for it."""
    failure = fact.failure
    if work.status.phase is not Phase.PENDING:
        return
    if fact.revision is not None or (failure is not None and verdict_of(failure.reason) is Verdict.RETRY):
        work.hold = None  # it has responded: the next attempt uses the response
        work.update(reason=Reason.QUEUED, message=None)
        return
    _note_unusable(tracked, work, failure, now)
    if failure is not None and Trait.ABOUT_PROVIDER in failure.reason.traits:
        fresh_urls.hold(work, failure, now=now)
    else:
        work.hold_back(now)


def _note_unusable(
    tracked: TrackedRecording, work: ArtifactWork, failure: TransferFailed | None, now: datetime
) -> None:
    if failure is None or failure.reason not in WAITS_FOR_OTHERS or failure.message == work.status.message:
        return
    work.update(reason=failure.reason, message=failure.message)
    tracked.outbox.flush_by(now)


def note_upload(tracked: TrackedRecording, fact: UploadCreated, now: datetime) -> None:
    """Name the upload in the status before its first part is sent."""
    work = tracked.work_of(fact.artifact)
    if work is None or not work.in_transfer:
        return
    work.update(
        upload_id=fact.upload_id,
        part_size=fact.part_size_bytes,
        source=fact.source,
        bytes_total=fact.source.size,
        upload_expires_at=None,
    )
    work.upload_not_named = True
    tracked.outbox.flush_by(now)


def note_progress(state: EngineState, tracked: TrackedRecording, fact: TransferProgress) -> None:
    """Note progress. It is written at most once per `progress_every`."""
    work = tracked.work_of(fact.artifact)
    if work is None or not work.in_transfer:
        return
    work.update(bytes_done=fact.sent_bytes, bytes_total=fact.total_bytes)
    work.hold = None
    fresh_urls.note_bytes(work, fact.sent_bytes)
    if not is_copy(tracked, work):
        quota_gate.note_growth(state, tracked, work.name, fact.sent_bytes)
    if tracked.outbox.flushed_at is not None:
        tracked.outbox.flush_by(tracked.outbox.flushed_at + state.options.progress_every)


def note_end(state: EngineState, tracked: TrackedRecording, fact: TransferEnded, now: datetime) -> list[Action]:
    """A transfer is over: stored, failed, or stopped."""
    work = tracked.work_of(fact.artifact)
    if work is None or not work.in_transfer:
        return []
    work.end()
    state.slots.give_back((tracked.uid, work.name))
    match fact.outcome:
        case TransferSucceeded() as stored:
            _stored(work, stored)
            tracked.former = stored.former or tracked.former
            tracked.outbox.flush_by(now if tracked.is_over else now + SOON)
            if is_copy(tracked, work):
                return []
            return [CountOutcome(what=ArtifactOutcome.STORED, reason=Reason.STORED)]
        case TransferFailed() as failure:
            return _failed(state, tracked, work, failure, now)
        case ClientAwaited() as awaited:
            return _await_client(state, tracked, work, awaited, now)
        case _:
            message = "The upload was stopped. It resumes where it stopped."
            work.update(phase=Phase.PENDING, reason=Reason.INTERRUPTED, message=message)
            tracked.outbox.flush_by(now + SOON if tracked.in_transfer else now)
            return []


def _await_client(
    state: EngineState, tracked: TrackedRecording, work: ArtifactWork, awaited: ClientAwaited, now: datetime
) -> list[Action]:
    upload, location = upload_of(tracked.spec_of(work.name)), state.locations.get(tracked.location)
    lasts = upload.expires_after if upload is not None else timedelta(0)
    if location is not None:
        lasts = min(lasts, abort_after(location, work.status.key or "") or lasts)
    expires_at = work.status.upload_expires_at or now + lasts
    if awaited.missing and _began_after(work, expires_at):
        work.hold, work.status = None, expired(work.status)
    elif awaited.missing:
        # The last listing begins when the time is over, so that it has everything that was sent in time.
        work.hold_back(now, longest=LONGEST_BETWEEN_LISTINGS, latest=expires_at)
        work.status = awaiting(work.status, expires_at=expires_at, missing=awaited.missing)
    else:
        work.hold = None
        work.status = awaiting(work.status, expires_at=expires_at, missing="")
    work.update(bytes_done=awaited.stored_bytes)
    tracked.outbox.flush_by(now)
    if work.status.phase is Phase.FAILED:
        return [CountOutcome(what=ArtifactOutcome.FAILED, reason=Reason.UPLOAD_EXPIRED)]
    return []


def _began_after(work: ArtifactWork, expires_at: datetime) -> bool:
    """Whether the listing that has ended was held back until the time of the client was over."""
    return work.hold is not None and work.hold.not_before is not None and work.hold.not_before >= expires_at


def _stored(work: ArtifactWork, stored: TransferSucceeded) -> None:
    work.hold = None
    work.update(
        phase=Phase.COMPLETE,
        reason=Reason.STORED,
        message=None,
        uri=stored.uri,
        bytes_done=stored.size_bytes,
        bytes_total=stored.size_bytes,
        etag=stored.etag,
        version_id=stored.version_id,
        checksum=stored.checksum,
        content_type=stored.content_type,
        integrity=stored.integrity,
        proved_checksum=stored.proved_checksum,
        upload_id=None,
        part_size=None,
        upload_expires_at=None,
        next_retry_time=None,
        expired_since=None,
        source=None,
    )


def _failed(
    state: EngineState, tracked: TrackedRecording, work: ArtifactWork, failure: TransferFailed, now: datetime
) -> list[Action]:
    location = tracked.move.to if is_copy(tracked, work) else tracked.location
    retry = state.locations.retry_policy(location)
    asking = fresh_urls.after_refusal(work, tracked.spec_of(work.name), failure, retry=retry, now=now)
    work.fail(
        asking
        or after_failure(
            work.status,
            reason=failure.reason,
            message=failure.message,
            retry_after_s=failure.retry_after_s,
            is_final=failure.is_final,
            retry=retry,
            expiry=tracked.expiry_of(work.name),
            now=now,
        )
    )
    tracked.outbox.flush_by(now)
    if failure.reason in {Reason.STORE_UPLOAD_LOST, Reason.SOURCE_CHANGED}:
        work.update(upload_id=None, part_size=None, upload_expires_at=None, source=None, bytes_done=0)
    if is_copy(tracked, work):
        recheck = Trait.RECHECKS_LOCATION in failure.reason.traits
        if verdict_of(failure.reason) is Verdict.WAIT:
            work.hold_back(now, at_least=timedelta(seconds=failure.retry_after_s or 0))
        return state.locations.recheck(location) if recheck else []
    if work.status.phase is Phase.FAILED:
        return [CountOutcome(what=ArtifactOutcome.FAILED, reason=failure.reason)]
    waits_for_secret = failure.reason is Reason.SOURCE_EXPIRED and names_secret(tracked.spec_of(work.name))
    waits_for_room = failure.reason is Reason.QUOTA_EXCEEDED
    if asking is not None:
        fresh_urls.pace(work, every=state.options.fresh_urls_every)
    elif Trait.ABOUT_PROVIDER in failure.reason.traits:
        fresh_urls.hold(work, failure, now=now)
    elif (verdict_of(failure.reason) is Verdict.WAIT and not waits_for_room) or waits_for_secret:
        work.hold_back(now, at_least=timedelta(seconds=failure.retry_after_s or 0))
    actions: list[Action] = []
    if work.status.next_retry_time is not None:
        actions.append(CountOutcome(what=ArtifactOutcome.RETRIED, reason=failure.reason))
    if failure.reason is Reason.SOURCE_EXPIRED:
        actions.append(CountOutcome(what=ArtifactOutcome.EXPIRED, reason=failure.reason))
    if Trait.RECHECKS_LOCATION in failure.reason.traits:
        actions += state.locations.recheck(location)
    return actions


def is_copy(tracked: TrackedRecording, work: ArtifactWork) -> bool:
    """Whether it is the copy of an artifact, and not the artifact."""
    return work is tracked.move.copies.get(work.name)
