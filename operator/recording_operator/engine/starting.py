"""From a free slot to a transfer: the slot is reserved, the claim is written, then the transfer starts."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine import fresh_urls, quota_gate
from recording_operator.engine.actions import Action, ObjectToCopy, StartTransfer
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from recording_operator.engine.choosing import is_named_by_status
from recording_operator.engine.finalizer import has_finalizer, needs_finalizer
from recording_operator.engine.placement import key_of
from recording_operator.engine.source_access import source_copy
from recording_operator.engine.source_revision import names_provider, spec_revision
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


class SlotDecision(NamedTuple):
    """An artifact whose turn it was."""

    uid: str
    has_slot: bool
    """False if a quota has no room for it."""


def give_slots(state: EngineState, now: datetime) -> Iterator[SlotDecision]:
    """Reserve free slots for the next artifacts, and room in their quotas."""
    while (key := state.queue.take(state.slots, state.locations.limits)) is not None:
        uid, name = key
        tracked = state.recordings.get(uid)
        if tracked is None:
            state.slots.give_back(key)
            continue
        work = tracked.work_of(name)
        is_copy = work is tracked.move.copies.get(name)
        if work is None or not (is_copy or quota_gate.admit(state, tracked, name, now)):
            state.slots.give_back(key)
            yield SlotDecision(uid, has_slot=False)
            continue
        work.reserve()
        tracked.outbox.flush_by(now)
        yield SlotDecision(uid, has_slot=True)


def start_reserved(state: EngineState, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Start the artifacts that have a slot, once the API server shows our claim, and our finalizer if it is needed."""
    reserved = tracked.in_state(WorkState.RESERVED)
    if not reserved or not _may_start(state, tracked):
        return []
    location = state.location_of(tracked)
    if location is None:
        state.release_slots(tracked)
        tracked.outbox.flush_by(now)
        return []
    target = state.locations.get(tracked.move.to)
    if target is None:
        _release_copies(state, tracked)
    tracked.outbox.flush_by(now + state.options.progress_every)
    owner = quota_gate.owner_of(tracked)
    has_quota = owner is not None and state.quotas.concerns(owner)
    return [
        _start_copy(tracked, work, location, target or location)
        if work is tracked.move.copies.get(work.name)
        else _start(state, tracked, work, location, has_quota=has_quota, now=now)
        for work in tracked.in_state(WorkState.RESERVED)
    ]


def _release_copies(state: EngineState, tracked: TrackedRecording) -> None:
    """The location that is copied to does not exist any more."""
    for copy in tracked.move.copies.values():
        if copy.state is WorkState.RESERVED:
            copy.release()
            state.slots.give_back((tracked.uid, copy.name))


def _may_start(state: EngineState, tracked: TrackedRecording) -> bool:
    recording, outbox = tracked.recording, tracked.outbox
    if not outbox.is_idle or outbox.stale or recording.status.claim != state.claim:
        return False
    if not is_named_by_status(tracked):
        return False
    return has_finalizer(recording) or not needs_finalizer(recording)


def _start(
    state: EngineState,
    tracked: TrackedRecording,
    work: ArtifactWork,
    location: StorageLocation,
    *,
    has_quota: bool,
    now: datetime,
) -> StartTransfer:
    recording, key = tracked.recording, key_of(tracked.recording, work.name, location)
    artifact = tracked.spec_of(work.name)
    known_source = work.status.source_revision if names_provider(artifact) else None
    fresh_urls.note_start(work, artifact, now)
    work.start()
    work.update(
        phase=Phase.UPLOADING,
        reason=Reason.UPLOADING,
        message=None,
        source_revision=known_source or spec_revision(tracked.uid, artifact),
        key=key,
    )
    return StartTransfer(
        recording=recording,
        artifact=work.name,
        location=location,
        key=key,
        upload_id=work.status.upload_id,
        part_size_bytes=work.status.part_size,
        source=work.status.source,
        copy=source_copy(state.locations, artifact),
        only_look=recording.spec.cancel,
        known_source=known_source,
        has_quota=has_quota,
    )


def _start_copy(
    tracked: TrackedRecording, copy: ArtifactWork, location: StorageLocation, target: StorageLocation
) -> StartTransfer:
    """Copy a stored artifact from `location` to `target`. The status names both already."""
    recording, stored = tracked.recording, tracked.artifacts[copy.name].status
    copy.start()
    copy.update(phase=Phase.UPLOADING, reason=Reason.MOVING, message=None, key=key_of(recording, copy.name, target))
    return StartTransfer(
        recording=recording,
        artifact=copy.name,
        location=target,
        key=key_of(recording, copy.name, target),
        upload_id=copy.status.upload_id,
        part_size_bytes=copy.status.part_size,
        source=copy.status.source,
        copy=ObjectToCopy(
            location=location,
            key=key_of(recording, copy.name, location),
            version_id=stored.version_id,
            size_bytes=stored.bytes_total,
            checksum=stored.checksum or None,
            is_own=True,
        ),
    )
