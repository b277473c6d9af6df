"""The events of a Recording: what a change of its status means to an application."""

import zlib
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
    if expired:
        yield _occurrence(before, EventName.SOURCE_EXPIRED, _number_of(expired), max(expired.values()))
    if after.phase in _ENDS and after.phase is not old.phase:
        yield _occurrence(before, _ENDS[after.phase], generation, after.completed_at or now)
    elif _has_failed_again(old, after):
        yield _occurrence(before, EventName.FAILED, generation, now)
    if old.storage_location not in (None, after.storage_location) and old.phase is Phase.COMPLETE is after.phase:
        yield _occurrence(before, EventName.MOVED, generation, now)


def _has_failed_again(old: RecordingStatus, new: RecordingStatus) -> bool:
    """Whether an edit has started a failed Recording again, and it failed at once: no status between says so."""
    return (
        old.phase is Phase.FAILED is new.phase
        and old.observed_generation != new.observed_generation
        and (old.last_retry_token != new.last_retry_token or bool(_failures(new) - _failures(old)))
    )


def _failures(status: RecordingStatus) -> set[tuple[str, Reason | None, str | None, str | None]]:
    failed = (one for one in status.artifacts if one.phase is Phase.FAILED)
    return {(one.name, one.reason, one.message, one.source_revision) for one in failed}


def _newly_expired(old: RecordingStatus, new: RecordingStatus) -> dict[str, datetime]:
    """The artifacts whose sources have expired and that `old` does not show as expired, and since when."""
    shown = _expired(old)
    return {name: since for name, since in _expired(new).items() if name not in shown}


def _number_of(expired: dict[str, datetime]) -> str:
    """When the last of them expired, and a checksum of their names: another one may expire in the same second."""
    names = " ".join(sorted(expired))
    return f"{int(max(expired.values()).timestamp())}-{zlib.crc32(names.encode()):08x}"


def _expired(status: RecordingStatus) -> dict[str, datetime]:
    waiting = (one for one in status.artifacts if one.phase is Phase.PENDING and one.reason is Reason.SOURCE_EXPIRED)
    return {one.name: one.expired_since for one in waiting if one.expired_since is not None}


def _occurrence(recording: Recording, event: EventName, number: int | str, at: datetime) -> Occurrence:
    return Occurrence(
        event=event, id=f"{recording.metadata.uid}/{_WORDS[event]}/{number}", at=at.replace(microsecond=0)
    )
