"""Applies quotas to Recordings: notes what their artifacts use, and asks for room before a transfer stores anything."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.quotas import QuotaAction
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Phase
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.actions import Action, AdmitTransfer, RejectTransfer
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.expiry import source_expiry
from recording_operator.engine.facts import (
    Affects,
    CountFact,
    LocationGone,
    LocationSeen,
    SizeFound,
    UsageCountBegan,
    UsageCounted,
    UsageNotCounted,
)
from recording_operator.engine.identity import has_content
from recording_operator.engine.next_step import Obstacle
from recording_operator.engine.queue import Rank, rank
from recording_operator.engine.quota_ledger import ArtifactUse, RecordingOwner, Use
from recording_operator.engine.quota_room import QuotaRejection, RoomNeed
from recording_operator.engine.quotas import MOVE
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording

RELEASE_EVERY: Final = timedelta(seconds=1)
"""Waiting artifacts are compared with the room there is at most this often: there may be thousands."""


def owner_of(tracked: TrackedRecording) -> RecordingOwner | None:
    """Whose quotas concern the Recording, and where; None while it has no location."""
    if tracked.location is None:
        return None
    return RecordingOwner(tracked.location, tracked.recording.spec.owner.org, tracked.ref.namespace)


def rank_of(tracked: TrackedRecording, artifact: str, now: datetime) -> Rank:
    """The place of an artifact among those that wait."""
    return rank(
        priority=tracked.recording.spec.priority,
        expiry=tracked.expiry_of(artifact),
        created=tracked.recording.metadata.creation_timestamp or now,
        key=(tracked.uid, artifact),
        now=now,
    )


# Facts


def note_location(state: EngineState, fact: LocationSeen | LocationGone) -> Affects:
    """Note the quotas of a location. Returns which Recordings they may concern."""
    if isinstance(fact, LocationSeen):
        location = fact.location
        affected = state.quotas.set_location(location.metadata.name, _store_of(location), location.spec.quotas)
    else:
        affected = state.quotas.forget_location(fact.name)
    return _at(state, affected)


def note_count(state: EngineState, fact: CountFact) -> Affects:
    """Note a count. Returns which Recordings it may concern."""
    affected: frozenset[str] = frozenset()
    match fact:
        case UsageCountBegan(locations=locations):
            state.quotas.count_began(locations)
        case UsageCounted(location=location, usage=usage):
            affected = state.quotas.counted(location, usage)
        case UsageNotCounted(location=location, message=message):
            affected = state.quotas.not_counted(location, message)
    return _at(state, affected)


def _at(state: EngineState, locations: frozenset[str]) -> Affects:
    """Recordings that are at one of these locations, or about to be moved there."""
    return lambda recording, location: (
        location in locations or state.quotas.moves_to(recording.metadata.uid) in locations
    )


def _store_of(location: StorageLocation) -> tuple[str, str, str]:
    return location.store.address, location.store.bucket, location.store.prefix


def note_use(state: EngineState, tracked: TrackedRecording) -> None:
    """Note how the artifacts of a Recording use space now. Call it whenever they may have changed."""
    owner = owner_of(tracked)
    if owner is None:
        state.quotas.forget(tracked.uid)
    if owner is None or (tracked.teardown and tracked.teardown.objects_deleted):
        return
    written = {status.name for status in tracked.recording.status.artifacts if status.phase is Phase.COMPLETE}
    uses = []
    for work in tracked.artifacts.values():
        key = (tracked.uid, work.name)
        if not work.in_transfer and not _waits_for_quota(work):
            state.quotas.stop_holding(key, owner.location)
        is_held = state.quotas.held(key, owner.location) is not None
        if work.status.has_expired:
            use = Use.NONE
        elif _was_stored_before(_spec_of(tracked, work.name)):
            use = Use.WRITTEN if work.status.phase is Phase.COMPLETE else Use.NONE
        else:
            use = _use(work, is_written=work.name in written, is_held=is_held)
        uses.append(ArtifactUse(work.name, use, _least_bytes(tracked, work)))
    state.quotas.update(tracked.uid, owner, tuple(uses))


def _use(work: ArtifactWork, *, is_written: bool, is_held: bool) -> Use:
    if work.status.phase is Phase.COMPLETE:
        return Use.WRITTEN if is_written else Use.STORED
    if work.has_slot and not is_held:
        return Use.UNDER_WAY
    return Use.PAUSED if work.status.upload_id or _was_under_way(work) else Use.NONE


def _was_under_way(work: ArtifactWork) -> bool:
    """Whether an earlier operator was moving it: it had its room, and its object may exist already."""
    return work.may_be_stored and work.may_have_upload and not _waits_for_quota(work)


def _waits_for_quota(work: ArtifactWork) -> bool:
    return work.status.phase is Phase.PENDING and work.status.reason == Reason.QUOTA_EXCEEDED


def _least_bytes(tracked: TrackedRecording, work: ArtifactWork) -> int:
    """The bytes that an artifact takes at least, once something of it is stored or under way."""
    if work.status.phase is Phase.COMPLETE:
        return work.status.bytes_done or 0
    stated = work.status.bytes_total if work.status.upload_id else None
    return known_size(_spec_of(tracked, work.name), work) or stated or work.status.bytes_done or 0


def _spec_of(tracked: TrackedRecording, artifact: str) -> ArtifactSpec | None:
    return next((spec for spec in tracked.recording.spec.artifacts if spec.name == artifact), None)


def _was_stored_before(spec: ArtifactSpec | None) -> bool:
    """Whether it belongs to a rebuilt Recording: nothing of it is transferred, and every count includes it."""
    return spec is not None and not has_content(spec)


def known_size(spec: ArtifactSpec | None, work: ArtifactWork) -> int | None:
    """The size of an artifact, from its spec or from an earlier attempt with the same source.

    That of an upload is the maximum before the client has finished.
    """
    if spec is not None and spec.source is None and spec.content_secret_ref is None:
        return len((spec.inline or "").encode())
    if spec is not None and spec.source is not None and spec.source.stated_size is not None:
        return spec.source.stated_size
    return work.status.bytes_total if work.status.source_revision is not None else None


# Room


def obstacle(state: EngineState, tracked: TrackedRecording) -> Obstacle | None:
    """Why nothing of a Recording may start, as long as the usage of its location is not known."""
    owner = owner_of(tracked)
    return _unknown(state, owner) if owner is not None else None


def _unknown(state: EngineState, owner: RecordingOwner) -> Obstacle | None:
    if not state.quotas.concerns(owner) or state.quotas.is_known(owner.location):
        return None
    failure = state.quotas.failure(owner.location)
    if failure is None:
        return Obstacle(reason=None)
    message = f"StorageLocation {owner.location} could not be counted, so its quotas cannot be checked: {failure}"
    return Obstacle(reason=Reason.LOCATION_NOT_READY, message=message)


def held(state: EngineState, tracked: TrackedRecording, artifact: str) -> Obstacle | None:
    """The quota that an artifact waits for."""
    rejection = state.quotas.held((tracked.uid, artifact), tracked.location) if tracked.location else None
    if rejection is None:
        return None
    return Obstacle(reason=Reason.QUOTA_EXCEEDED, message=rejection.message, is_final=_is_final(rejection))


def admit(state: EngineState, tracked: TrackedRecording, artifact: str, now: datetime) -> bool:
    """Take room for an artifact that is to start. If there is none, it is held."""
    owner = owner_of(tracked)
    if owner is None or not state.quotas.has_account(owner.location):
        return True
    work = tracked.artifacts[artifact]
    spec = tracked.spec_of(artifact)
    if _was_under_way(work) or tracked.recording.spec.cancel or _was_stored_before(spec):
        return True  # it had its room, or nothing is transferred
    need = RoomNeed(known_size(spec, work), has_no_length=work.has_no_length)
    rejection = state.quotas.admit((tracked.uid, artifact), owner, need, rank=rank_of(tracked, artifact, now))
    return rejection is None


def note_size(state: EngineState, tracked: TrackedRecording, fact: SizeFound, now: datetime) -> list[Action]:
    """A transfer knows its size: take room for it, or end it before it stores anything."""
    work, owner = tracked.artifacts.get(fact.artifact), owner_of(tracked)
    if work is None or not work.in_transfer or owner is None:
        return []
    work.has_no_length = fact.size_bytes is None
    if fact.size_bytes is not None:
        work.update(bytes_total=fact.size_bytes)
    key = (tracked.uid, work.name)
    need = RoomNeed(fact.size_bytes, has_no_length=work.has_no_length)
    rejection = state.quotas.admit(key, owner, need, rank=rank_of(tracked, work.name, now))
    if rejection is None:
        return [AdmitTransfer(uid=tracked.uid, artifact=work.name)]
    return [
        RejectTransfer(uid=tracked.uid, artifact=work.name, message=rejection.message, is_final=_is_final(rejection))
    ]


def note_growth(state: EngineState, tracked: TrackedRecording, artifact: str, sent_bytes: int) -> None:
    """So much of an artifact was sent: one whose source states no length takes more and more."""
    if tracked.location is not None:
        state.quotas.grow((tracked.uid, artifact), tracked.location, sent_bytes)


def forget(state: EngineState, tracked: TrackedRecording) -> None:
    """The Recording is not tracked any more. If it is gone, another operator may have ended it."""
    elsewhere = tracked.gone and any(map(_was_under_way, tracked.artifacts.values()))
    state.quotas.forget(tracked.uid, may_be_stored=elsewhere)


def note_deletion(state: EngineState, tracked: TrackedRecording) -> None:
    """The objects of a Recording were deleted."""
    if (owner := owner_of(tracked)) is not None:
        state.quotas.removed(tracked.uid, owner)


def note_expiry(state: EngineState, tracked: TrackedRecording) -> None:
    """Some objects of a Recording have expired. `note_use` notes which."""
    if tracked.location is not None:
        state.quotas.freed(tracked.location)


# Moves


def reserve_move(
    state: EngineState, tracked: TrackedRecording, location: str, now: datetime, *, begun: Collection[str] = ()
) -> Obstacle | None:
    """Take room for a Recording at `location`, before the first of its objects is copied there.

    Returns what it waits for. Ask again whenever the Recording is reconciled: that happens when there may be room. Once
    the status names the new location, the room is part of its usage. `begun`: the artifacts of which the status says
    that an earlier operator was copying them."""
    owner = RecordingOwner(location, tracked.recording.spec.owner.org, tracked.ref.namespace)
    state.quotas.begin_move(tracked.uid, owner)
    stored = [work.status for work in tracked.artifacts.values() if work.status.is_stored]
    sizes = {status.name: status.bytes_done or 0 for status in stored}
    if not sizes.keys() <= set(begun) and (unknown := _unknown(state, owner)) is not None:
        return unknown
    rejection = state.quotas.reserve_move(tracked.uid, sizes, rank=_rank_of_move(tracked, now), begun=begun)
    if rejection is None:
        return None
    return Obstacle(reason=Reason.QUOTA_EXCEEDED, message=rejection.message, is_final=_is_final(rejection))


def _rank_of_move(tracked: TrackedRecording, now: datetime) -> Rank:
    created = tracked.recording.metadata.creation_timestamp or now
    expiry = source_expiry(None, created=created)
    return rank(
        priority=tracked.recording.spec.priority, expiry=expiry, created=created, key=(tracked.uid, MOVE), now=now
    )


def end_move(state: EngineState, tracked: TrackedRecording, *, may_be_stored: bool) -> None:
    """The Recording is not moved any more: its room at the new location is free again.

    `may_be_stored`: only when the copies are removed, or with the next count."""
    state.quotas.end_move(tracked.uid, may_be_stored=may_be_stored)


def note_removal(state: EngineState, tracked: TrackedRecording, location: str) -> None:
    """The objects of a Recording that has moved were deleted at the location where it was before."""
    owner = RecordingOwner(location, tracked.recording.spec.owner.org, tracked.ref.namespace)
    state.quotas.removed(tracked.uid, owner)


def _is_final(rejection: QuotaRejection) -> bool:
    return rejection.action is QuotaAction.FAIL


def release(state: EngineState, now: datetime) -> list[str]:
    """The Recordings with artifacts that waited and fit now."""
    if not state.quotas.can_release():
        state.quotas_due = None
        return []
    if state.quotas_due is not None and now < state.quotas_due <= now + RELEASE_EVERY:
        return []
    state.quotas_due = now + RELEASE_EVERY
    return list(dict.fromkeys(uid for uid, _ in state.quotas.release()))
