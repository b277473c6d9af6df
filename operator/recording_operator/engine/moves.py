"""Decides about the move of a Recording to another location: pure functions of its status, its spec and its copies.

    spec.storageLocation is another one     BEGIN      the status names the new location
    then                                    COPY       each object is copied and verified there; the status names the
                                                       bucket before the first of them
    all are copied, and it was rebuilt      MANIFEST   its manifest is written there: only that confirms its identity
    all are copied                          SWITCH     one write of the status: now the objects are at the new location
    the spec names another one meanwhile    WITHDRAW   the status says that what was copied is being removed; nothing
                                                       is, if the status does not name a bucket
    the status says that                    REMOVE     the objects at the other location are removed
    they are removed                        END        the move is over

After SWITCH the status says so if the old location deletes what was moved away. Once it says so, the removal is
finished before anything else, whatever the spec names meanwhile.

Killed anywhere, the next operator reads the step from the status. The objects that status.artifacts names always exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, MoveStatus, Phase, Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_moves import MovedFrom
from recording_operator.api.units import format_bytes
from recording_operator.engine.integrity import ConditionDraft
from recording_operator.engine.move_work import MoveWork
from recording_operator.engine.placement import key_of, placement_of
from recording_operator.engine.status import STALLS, TERMINAL, format_progress, with_conditions

OLD_OBJECTS_REMOVED: Final = "OldObjectsRemoved"
"""Type of the condition that says why the objects at the other location of the last move stay."""


class MoveStep(Enum):
    """The next step of a move."""

    NOTHING = "nothing"
    BEGIN = "begin"
    COPY = "copy"
    MANIFEST = "manifest"
    SWITCH = "switch"
    WITHDRAW = "withdraw"
    REMOVE = "remove"
    END = "end"
    """Everything is removed."""


def next_move(recording: Recording, work: MoveWork) -> MoveStep:
    """The next step. The Recording is finished: nothing of it is uploaded."""
    status, move = recording.status, work.shown
    at, wanted = status.storage_location, recording.spec.storage_location or status.storage_location
    if move is not None and move.from_ is not None:
        return MoveStep.END if work.removed else MoveStep.REMOVE
    if move is not None and (move.to != wanted or wanted == at or work.is_lost):
        return MoveStep.WITHDRAW
    if status.phase is not Phase.COMPLETE or at is None or wanted == at:
        return MoveStep.NOTHING
    if move is None:
        return MoveStep.BEGIN
    stored = [one.name for one in stored_artifacts(status)]
    if move.bucket is None or not _all_copied(stored, work):
        return MoveStep.COPY
    needs_manifest = recording.spec.identity is not None and bool(stored) and not work.has_manifest
    return MoveStep.MANIFEST if needs_manifest else MoveStep.SWITCH


def stored_artifacts(status: RecordingStatus) -> list[ArtifactStatus]:
    """The artifacts that have an object."""
    return [one for one in status.artifacts if one.is_stored]


def has_failed(work: MoveWork) -> bool:
    """Whether a copy has used all its attempts, and none is under way."""
    phases = {copy.status.phase for copy in work.copies.values()}
    return Phase.FAILED in phases and phases <= TERMINAL


def is_idle(recording: Recording, work: MoveWork) -> bool:
    """Whether nothing is left to do until the spec changes."""
    step = next_move(recording, work)
    return step is MoveStep.NOTHING or (step is MoveStep.COPY and has_failed(work))


def _all_copied(names: Sequence[str], work: MoveWork) -> bool:
    return all(name in work.copies and work.copies[name].status.phase is Phase.COMPLETE for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlaces:
    """Where the objects are and where they will be; None if the location is not known."""

    old: StorageLocation | None
    new: StorageLocation | None


def with_move(
    status: RecordingStatus, recording: Recording, work: MoveWork, places: MovePlaces, now: datetime
) -> RecordingStatus:
    """The status of a Recording that is Complete, with its move. `status` is without."""
    match next_move(recording.model_copy(update={"status": status}), work):
        case MoveStep.NOTHING:
            return status.model_copy(update={"move": work.shown})
        case MoveStep.END:
            return status.model_copy(update={"move": None})
        case MoveStep.BEGIN:
            move = MoveStatus(to=recording.spec.storage_location)
            return _shown(status, recording, move, _copying(status, move, {}, failed=False), now)
        case MoveStep.COPY | MoveStep.MANIFEST:
            copies = {name: copy.status for name, copy in work.copies.items()}
            update = {"artifacts": _ordered(status, copies), "bucket": _bucket(work, places.new)}
            shown = (work.shown or MoveStatus()).model_copy(update=update)
            view = _copying(status, shown, copies, failed=has_failed(work))
            if work.problem is not None:
                view = replace(view, message=f"{view.message} {work.problem}")
            return _shown(status, recording, shown, view, now)
        case MoveStep.SWITCH:
            return switched(status, recording, work, places, now)
        case MoveStep.WITHDRAW:
            shown = work.shown or MoveStatus()
            if not work.has_slot and shown.bucket is None:
                return status.model_copy(update={"move": None})  # nothing was copied
            if not work.has_slot:
                left = [_left(copy.status) for copy in work.copies.values()]
                shown = MoveStatus(from_=shown.to, bucket=shown.bucket, artifacts=tuple(left))
            return _shown(status, recording, shown, _removing(status, shown, work), now)
        case MoveStep.REMOVE:
            shown = work.shown or MoveStatus()
            return _shown(status, recording, shown, _removing(status, shown, work), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What users see of a move."""

    message: str
    failed: bool = False
    waits_for: Reason | None = None
    """What a person has to change before it can go on."""
    progress: str | None = None
    next_retry_time: datetime | None = None


def _copying(status: RecordingStatus, move: MoveStatus, copies: Mapping[str, ArtifactStatus], *, failed: bool) -> _View:
    stored = stored_artifacts(status)
    total = sum(one.bytes_total or 0 for one in stored)
    done = sum(_copied_bytes(one, copies.get(one.name)) for one in stored)
    count = sum(one.name in copies and copies[one.name].phase is Phase.COMPLETE for one in stored)
    tally = f"{count} of {len(stored)} objects are copied ({format_bytes(done)} of {format_bytes(total)})"
    if failed:
        first = next(one for one in copies.values() if one.phase is Phase.FAILED)
        cause = f"{first.name}: {(first.message or '').rstrip('.')}"
        message = (
            f"The objects could not be moved to {move.to}, and stay at {status.storage_location}. {cause}. Change "
            f"spec.retryToken to try again, or set spec.storageLocation to {status.storage_location}."
        )
        return _View(message=message, failed=True)
    message = f"Moving from {status.storage_location} to {move.to}: {tally}."
    waiting = [one for one in copies.values() if one.phase is Phase.PENDING and one.message]
    waits_for = next((Reason(one.reason) for one in waiting if one.reason in STALLS), None)
    if waiting:
        message = f"{message} {waiting[0].name}: {waiting[0].message}"
    retries = [one.next_retry_time for one in copies.values() if one.next_retry_time is not None]
    progress = format_progress(done=done, total=total)
    return _View(message=message, waits_for=waits_for, progress=progress, next_retry_time=min(retries, default=None))


def _bucket(work: MoveWork, new: StorageLocation | None) -> str | None:
    """The bucket that is copied to. It is shown before anything is written there, and not while the move has to wait:
    anyone may name any location in a spec."""
    shown = work.shown.bucket if work.shown is not None else None
    return new.store.bucket if shown is None and new is not None and work.may_begin else shown


def _copied_bytes(stored: ArtifactStatus, copy: ArtifactStatus | None) -> int:
    if copy is None:
        return 0
    return (stored.bytes_total or 0) if copy.phase is Phase.COMPLETE else (copy.bytes_done or 0)


def _removing(status: RecordingStatus, move: MoveStatus, work: MoveWork) -> _View:
    message = f"The objects are at {status.storage_location}. Those at {move.from_ or move.to} are being removed."
    return _View(message=message if work.problem is None else f"{message} {work.problem}")


def with_kept(status: RecordingStatus, recording: Recording, work: MoveWork, now: datetime) -> RecordingStatus:
    """The status of a Recording that is not being moved, with what the last move could not remove."""
    if status.move is not None:
        return status
    if work.kept is None:
        conditions = tuple(one for one in recording.status.conditions if one.type == OLD_OBJECTS_REMOVED)
        return status.model_copy(update={"conditions": (*status.conditions, *conditions)})
    draft = ConditionDraft(
        type=OLD_OBJECTS_REMOVED, status=ConditionStatus.FALSE, reason=Reason.OLD_OBJECTS_KEPT, message=work.kept
    )
    return status.model_copy(update={"conditions": with_conditions(recording, status.conditions, [draft], now)})


def _shown(
    status: RecordingStatus, recording: Recording, move: MoveStatus, view: _View, now: datetime
) -> RecordingStatus:
    reason = Reason.MOVE_FAILED if view.failed else Reason.MOVING
    stalled = view.failed or view.waits_for is not None
    drafts = [
        ConditionDraft(type=kind, status=_truth(truth), reason=view.waits_for or reason, message=view.message)
        for kind, truth in (("Reconciling", not stalled), ("Stalled", stalled))
    ]
    update = {
        "move": move,
        "reason": reason,
        "message": view.message,
        "progress": view.progress or status.progress,
        "next_retry_time": view.next_retry_time,
        "conditions": with_conditions(recording, status.conditions, drafts, now),
    }
    return status.model_copy(update=update)


def _truth(value: bool) -> ConditionStatus:
    return ConditionStatus.TRUE if value else ConditionStatus.FALSE


def _ordered(status: RecordingStatus, copies: Mapping[str, ArtifactStatus]) -> tuple[ArtifactStatus, ...]:
    return tuple(copies[one.name] for one in status.artifacts if one.name in copies)


def switched(
    status: RecordingStatus, recording: Recording, work: MoveWork, places: MovePlaces, now: datetime
) -> RecordingStatus:
    """The objects are at the new location now. If the old ones are to be removed, the status names them."""
    new, old = places.new, places.old
    if new is None or work.to is None:
        return status  # it is not known where they are
    artifacts = tuple(
        _moved(one, work.copies[one.name].status, key_of(recording, one.name, new)) if one.is_stored else one
        for one in status.artifacts
    )
    place = placement_of(recording, work.to, new)
    update = {
        "storage_location": work.to,
        "bucket": place.bucket,
        "prefix": place.prefix,
        "artifacts": artifacts,
        "manifest_uri": None,
        "manifest_revision": None,
        "move": None,
    }
    if old is None or old.spec.moves.from_ is not MovedFrom.DELETE:
        return status.model_copy(update=update)
    left = tuple(map(_left, stored_artifacts(status)))
    move = MoveStatus(from_=status.storage_location, bucket=status.bucket, artifacts=left)
    after = status.model_copy(update=update)
    return _shown(after, recording, move, _removing(after, move, work), now)


def _left(status: ArtifactStatus) -> ArtifactStatus:
    """What is needed to remove it."""
    return ArtifactStatus(
        name=status.name, phase=status.phase, key=status.key, version_id=status.version_id, upload_id=status.upload_id
    )


def _moved(stored: ArtifactStatus, copy: ArtifactStatus, key: str) -> ArtifactStatus:
    update = {
        "key": key,
        "uri": copy.uri,
        "etag": copy.etag,
        "version_id": copy.version_id,
        "checksum": copy.checksum or stored.checksum,
        "content_type": copy.content_type or stored.content_type,
        "integrity": copy.integrity,
    }
    return stored.model_copy(update=update)
