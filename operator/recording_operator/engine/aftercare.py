"""What follows when all artifacts of a Recording have ended: its manifest. Then the Recording is settled.

The manifest is written before the status says Complete or Failed, so that one write of the status says everything. That
write waits for the manifest for a moment only. If the manifest is late or cannot be written, the status says
`settled: false` and, after a failure, why. The manifest is tried again, and no attempt of an artifact is spent.
"""

from datetime import datetime
from enum import Enum
from typing import Final

from recording_operator.api.endpoints import store_uri
from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine import notifications
from recording_operator.engine.actions import Action, WriteManifest
from recording_operator.engine.current_status import current_status
from recording_operator.engine.facts import ManifestFailed, ManifestWritten
from recording_operator.engine.former import former_of
from recording_operator.engine.manifest import encode, manifest_key, manifest_of, revision_of
from recording_operator.engine.manifest_work import ManifestFailure
from recording_operator.engine.moves import MovePlaces, is_idle, with_kept, with_move
from recording_operator.engine.occurrences import occurrences
from recording_operator.engine.settled import has_open_uploads, has_right_finalizer, is_finished, is_settled
from recording_operator.engine.state import EngineState
from recording_operator.engine.status import TERMINAL, all_expired
from recording_operator.engine.tracked_recording import TrackedRecording

MANIFEST_WRITTEN: Final = "ManifestWritten"
"""Type of the condition that says why the manifest could not be written."""


class FollowUp(Enum):
    """What is left to do for a Recording whose artifacts have ended: one thing at a time."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"
    """Its location is not known yet, or is being checked."""
    MANIFEST = "manifest"
    """Its manifest is missing or outdated."""


def follow_up(state: EngineState, tracked: TrackedRecording, status: RecordingStatus) -> FollowUp:
    """What comes next. `status` says how the artifacts have ended."""
    name, location = tracked.placed, state.location_of(tracked)
    if name is None:
        return FollowUp.NOTHING  # it ended before it was placed
    if location is None:
        return FollowUp.NOTHING if state.locations.missing(name) else FollowUp.UNKNOWN
    written = tracked.manifest.revision or tracked.recording.status.manifest_revision
    if not _has_manifest(tracked, location) or written == revision_of(_ended(tracked, status)):
        return FollowUp.NOTHING
    return FollowUp.UNKNOWN if state.locations.works(name) is None else FollowUp.MANIFEST


def lacks_manifest(recording: Recording, location: StorageLocation | None) -> bool:
    """Whether a settled Recording has no manifest, because `location`, where it is, had none when it ended."""
    status = recording.status
    return (
        location is not None
        and location.spec.manifest.enabled
        and (status.settled, status.manifest_revision) == (True, None)
        and status.bucket in (None, location.store.bucket)
        and recording.metadata.deletion_timestamp is None
        and any(one.is_stored for one in status.artifacts)
    )


def begin(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Begin the next follow-up, if one is due."""
    work = tracked.manifest
    if not tracked.is_over:
        if tracked.ended_at is not None:
            tracked.ended_at = None
            work.forget_failures()
        return []
    if tracked.ending or tracked.ttl_expired or tracked.outbox.stale:
        return []
    tracked.ended_at = tracked.ended_at or now
    if work.in_flight or tracked.move.in_flight or work.given_up or work.backoff.holds(now):
        return []
    status = current_status(state, tracked, now)
    location, due = state.location_of(tracked), follow_up(state, tracked, status)
    if due is FollowUp.MANIFEST and location is not None:
        return _write_manifest(state, tracked, _ended(tracked, status), location, now)
    if due is FollowUp.NOTHING and is_finished(tracked.recording) and not is_settled(tracked.recording):
        tracked.outbox.flush_by(now)
    return []


def _write_manifest(
    state: EngineState, tracked: TrackedRecording, ended: Recording, location: StorageLocation, now: datetime
) -> list[Action]:
    fault = state.locations.fault(location.metadata.name)
    if fault is not None:
        tracked.manifest.failed(ManifestFailure(reason=Reason.LOCATION_NOT_READY, message=fault[1]), now)
        tracked.outbox.flush_by(now)
        return []
    tracked.manifest.begin(now)
    key, former = manifest_key(ended, location), former_of(ended, location)
    return [
        WriteManifest(
            ref=tracked.ref,
            location=location,
            org=ended.spec.owner.org,
            key=key,
            uri=_uri(ended, key),
            data=encode(manifest_of(ended)),
            revision=revision_of(ended),
            is_first=tracked.recording.status.manifest_uri is None and tracked.manifest.uri is None and former is None,
            former=former,
        )
    ]


def note_manifest(tracked: TrackedRecording, fact: ManifestWritten | ManifestFailed, now: datetime) -> None:
    """The manifest is in the store, or could not be written."""
    if isinstance(fact, ManifestWritten):
        tracked.manifest.written(uri=fact.uri, revision=fact.revision)
    else:
        failure = None if fact.reason is None else ManifestFailure(reason=fact.reason, message=fact.message)
        tracked.manifest.failed(failure, now, retry_after_s=fact.retry_after_s)
    tracked.outbox.flush_by(now)


def holds_status(tracked: TrackedRecording, now: datetime) -> bool:
    """Whether the write of the end waits for the manifest."""
    return tracked.manifest.holds_status(now) and tracked.recording.status.phase not in TERMINAL


def is_announced(state: EngineState, tracked: TrackedRecording, now: datetime) -> bool:
    """Whether the status to write says something that EventSinks may select."""
    return bool(occurrences(tracked.recording, wanted_status(state, tracked, now), now))


def wanted_status(state: EngineState, tracked: TrackedRecording, now: datetime) -> RecordingStatus:
    """The whole status to write, with the manifest, the move, the notifications and `settled`."""
    status = with_kept(_followed_up(state, tracked, now), tracked.recording, tracked.move, now)
    return notifications.with_notifications(state, tracked, status, now)


def _followed_up(state: EngineState, tracked: TrackedRecording, now: datetime) -> RecordingStatus:
    status, before, work = current_status(state, tracked, now), tracked.recording.status, tracked.manifest
    written = {
        "manifest_uri": work.uri or before.manifest_uri,
        "manifest_revision": work.revision or before.manifest_revision,
    }
    if all_expired(status.artifacts):
        written = dict.fromkeys(written)  # it was deleted with the objects
    if status.phase not in TERMINAL:
        return status.model_copy(update={**written, "move": tracked.move.shown})
    places = MovePlaces(old=state.location_of(tracked), new=state.locations.get(tracked.move.to or _wanted(tracked)))
    moved = with_move(status, tracked.recording, tracked.move, places, now)
    if moved.storage_location != status.storage_location:
        return moved.model_copy(update={"settled": False})
    status = moved
    next_one = follow_up(state, tracked, status)
    if next_one is FollowUp.NOTHING and written["manifest_revision"] != revision_of(_ended(tracked, status)):
        written["manifest_revision"] = None  # it is not kept right any more
    settled = (
        next_one is FollowUp.NOTHING
        and not tracked.has_slot
        and not has_open_uploads(_ended(tracked, status))
        and has_right_finalizer(tracked.recording)
        and is_idle(_ended(tracked, status), tracked.move)
    )
    failed = work.failure if next_one is FollowUp.MANIFEST else None
    conditions = status.conditions if failed is None else (*status.conditions, _condition(tracked, failed, now))
    return status.model_copy(update={**written, "settled": settled, "conditions": conditions})


def is_over(state: EngineState, tracked: TrackedRecording, now: datetime) -> bool:
    """Whether all follow-ups are done, or left to the next sweep."""
    work = tracked.manifest
    if work.in_flight or tracked.move.in_flight or not is_idle(tracked.recording, tracked.move):
        return False
    if tracked.notifications.in_flight:
        return False
    waits = work.backoff.tries == 0 and notifications.only_waits(state, tracked, now)
    return is_settled(tracked.recording) or (is_finished(tracked.recording) and (work.given_up or waits))


def _wanted(tracked: TrackedRecording) -> str | None:
    return tracked.recording.spec.storage_location


def _has_manifest(tracked: TrackedRecording, location: StorageLocation) -> bool:
    """Whether something is stored, and in the location's bucket: a location may be deleted and created again."""
    is_there = tracked.recording.status.bucket in (None, location.store.bucket)
    stored = any(work.status.is_stored for work in tracked.artifacts.values())
    return location.spec.manifest.enabled and is_there and stored


def _uri(ended: Recording, key: str) -> str:
    """The address of the key, made as that of a stored artifact."""
    for state in ended.status.artifacts:
        if state.uri and state.key and state.uri.endswith(state.key):
            return state.uri.removesuffix(state.key) + key
    return store_uri(ended.status.bucket, key)


def _ended(tracked: TrackedRecording, status: RecordingStatus) -> Recording:
    return tracked.recording.model_copy(update={"status": status})


def _condition(tracked: TrackedRecording, failure: ManifestFailure, now: datetime) -> Condition:
    before = next((one for one in tracked.recording.status.conditions if one.type == MANIFEST_WRITTEN), None)
    return Condition(
        type=MANIFEST_WRITTEN,
        status=ConditionStatus.FALSE,
        observed_generation=tracked.recording.metadata.generation,
        last_transition_time=before.last_transition_time if before is not None else now,
        reason=failure.reason,
        message=failure.message,
    )
