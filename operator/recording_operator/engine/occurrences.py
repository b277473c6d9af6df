"""The events of a Recording: what a change of its status means to an application."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from recording_operator.api.notification import EventName
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording, RecordingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """An event that has happened. The id is the same in every attempt to announce it, also after a restart."""

    event: EventName
    id: str
    at: datetime


_ENDS = {Phase.COMPLETE: EventName.COMPLETED, Phase.FAILED: EventName.FAILED}
_WORDS = {
    EventName.COMPLETED: "completed",
    EventName.FAILED: "failed",
    EventName.MOVED: "moved",
    EventName.SOURCE_EXPIRED: "source-expired",
    EventName.DELETED: "deleted",
}


def occurrences(before: Recording, after: RecordingStatus, now: datetime) -> list[Occurrence]:
    """What happens when the status of `before` becomes `after`. A Recording ends and moves once in a generation."""
    return list(_occurrences(before, after, now))


def deletion(recording: Recording, at: datetime) -> Occurrence:
    """A Recording is deleted once."""
    return _occurrence(recording, EventName.DELETED, 1, at)


def _occurrences(before: Recording, after: RecordingStatus, now: datetime) -> Iterator[Occurrence]:
    old, generation = before.status, before.metadata.generation
    expired = _newly_expired(old, after)
    if expired is not None:
        yield _occurrence(before, EventName.SOURCE_EXPIRED, int(expired.timestamp()), expired)
    if after.phase in _ENDS and after.phase is not old.phase:
        yield _occurrence(before, _ENDS[after.phase], generation, after.completed_at or now)
    if old.storage_location not in (None, after.storage_location) and old.phase is Phase.COMPLETE is after.phase:
        yield _occurrence(before, EventName.MOVED, generation, now)


def _newly_expired(old: RecordingStatus, new: RecordingStatus) -> datetime | None:
    """When the last of the sources expired that `old` does not show as expired."""
    shown = _expired(old)
    return max((since for name, since in _expired(new).items() if name not in shown), default=None)


def _expired(status: RecordingStatus) -> dict[str, datetime]:
    waiting = (one for one in status.artifacts if one.phase is Phase.PENDING and one.reason is Reason.SOURCE_EXPIRED)
    return {one.name: one.expired_since for one in waiting if one.expired_since is not None}


def _occurrence(recording: Recording, event: EventName, number: int, at: datetime) -> Occurrence:
    return Occurrence(
        event=event, id=f"{recording.metadata.uid}/{_WORDS[event]}/{number}", at=at.replace(microsecond=0)
    )
