"""The status of a Recording, computed from its artifacts: phase, reason, progress, conditions, columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.recording import ArtifactStatus, Claim, Phase, Recording, RecordingStatus
from recording_operator.api.units import format_bytes
from recording_operator.engine.integrity import ConditionDraft, integrity_of
from recording_operator.engine.placement import Placement

DELETION_BLOCKED: Final = "DeletionBlocked"
"""Type of the condition that says what blocks the deletion of a Recording."""
STORED: Final = "Stored"
"""Type of the condition that says that stored objects have expired."""
EXPIRED: Final = "Expired"
"""The progress of a Recording whose objects have all expired."""
TERMINAL: Final = frozenset({Phase.COMPLETE, Phase.FAILED})

STALLS: Final = reasons_with(Trait.STALLS)
"""Reasons for which a person has to act."""
_HAS_STARTED: Final = frozenset({Phase.UPLOADING, Phase.COMPLETE})
_TIMESTAMPS: Final = frozenset({"conditions", "startedAt", "completedAt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Phase, reason and message of a Recording."""

    phase: Phase
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionBlocker:
    """Why the objects of a deleted Recording cannot be deleted now. `message` is the cause, and what to do."""

    reason: Reason
    cause: str
    message: str


def format_progress(*, done: int, total: int | None) -> str:
    """Percentage if the total is known, otherwise bytes. At most 99.9%: only a Complete Recording shows 100%."""
    if total is None:
        return format_bytes(done)
    return f"{min(done * 1000 // max(total, 1), 999) / 10:.1f}%"


def roll_up(recording: Recording, artifacts: Mapping[str, ArtifactStatus]) -> Rollup:
    """Phase, reason and message from the artifacts.

    Complete: every required artifact is stored. Failed: a required artifact failed, and no artifact is unfinished.
    """
    specs = recording.spec.artifacts
    states = [(spec, artifacts[spec.name]) for spec in specs]
    stored = sum(state.is_stored for _, state in states)
    tally = f"{stored} of {len(states)} artifacts are stored."
    uploading = [state.name for _, state in states if state.phase is Phase.UPLOADING]
    if uploading:
        return Rollup(phase=Phase.UPLOADING, reason=Reason.UPLOADING, message=tally)
    waiting = [state for _, state in states if state.phase not in TERMINAL]
    if waiting:
        first = min(waiting, key=lambda state: state.reason == Reason.QUEUED)
        return Rollup(phase=Phase.PENDING, reason=Reason(first.reason or Reason.QUEUED), message=_of(first, tally))
    failed = [state for spec, state in states if state.phase is Phase.FAILED and not spec.optional]
    if failed:
        reason = Reason(failed[0].reason or Reason.INTERNAL_ERROR)
        return Rollup(phase=Phase.FAILED, reason=reason, message=_of(failed[0], tally))
    if any(state.has_expired for _, state in states):
        return Rollup(phase=Phase.COMPLETE, reason=Reason.EXPIRED, message=_expired(artifacts.values()))
    if stored < len(states):
        missing = next(state for _, state in states if state.phase is Phase.FAILED)
        return Rollup(phase=Phase.COMPLETE, reason=Reason.PARTIALLY_STORED, message=_of(missing, tally))
    return Rollup(phase=Phase.COMPLETE, reason=Reason.STORED, message=tally)


def render(
    recording: Recording,
    artifacts: Mapping[str, ArtifactStatus],
    *,
    claim: Claim | None,
    expires_at: datetime | None,
    placement: Placement,
    ended_at: datetime | None = None,
    now: datetime,
) -> RecordingStatus:
    """The status, but for the follow-ups. It keeps startedAt and transition times of the previous one.

    `ended_at` is when the last artifact ended, if that was before `now`.
    """
    old = recording.status
    rolled = roll_up(recording, artifacts)
    ordered = [artifacts[spec.name] for spec in recording.spec.artifacts]
    terminal = rolled.phase in TERMINAL
    done = sum(state.bytes_done or 0 for state in ordered)
    total = _total(ordered)
    started = total is not None or any(state.upload_id and state.bytes_total is None for state in ordered)
    retries = [state.next_retry_time for state in ordered if state.next_retry_time is not None]
    return RecordingStatus(
        phase=rolled.phase,
        reason=rolled.reason,
        message=rolled.message,
        observed_generation=recording.metadata.generation,
        conditions=_conditions(recording, ordered, rolled, now),
        progress=EXPIRED if all_expired(ordered) else _progress(rolled.phase, done, total, started),
        size=format_bytes(total) if total is not None and (total or rolled.phase is Phase.COMPLETE) else None,
        bytes_done=done,
        bytes_total=total,
        attempts=max((state.attempts for state in ordered), default=0),
        next_retry_time=min(retries, default=None),
        expires_at=None if terminal else expires_at,
        started_at=old.started_at or (now if rolled.phase in _HAS_STARTED and _has_started(ordered) else None),
        completed_at=(_completed_at(old, rolled.phase) or ended_at or now) if terminal else None,
        last_retry_token=recording.spec.retry_token or None,
        storage_location=placement.location,
        bucket=placement.bucket or old.bucket,
        prefix=placement.prefix or old.prefix,
        claim=claim,
        artifacts=tuple(ordered),
    )


def all_expired(artifacts: Sequence[ArtifactStatus]) -> bool:
    """Whether everything that was stored has expired."""
    return any(one.has_expired for one in artifacts) and not any(one.is_stored for one in artifacts)


def with_deletion(recording: Recording, *, blocked: DeletionBlocker | None, now: datetime) -> RecordingStatus:
    """The status of a Recording that is being deleted, with the condition DeletionBlocked set or cleared."""
    status = recording.status
    old = {condition.type: condition for condition in status.conditions}
    previous = old.get(DELETION_BLOCKED)
    if blocked is None and (previous is None or previous.status is not ConditionStatus.TRUE):
        return status
    draft = ConditionDraft(
        type=DELETION_BLOCKED,
        status=ConditionStatus.FALSE if blocked is None else ConditionStatus.TRUE,
        reason=Reason.DELETING if blocked is None else blocked.reason,
        message="Nothing blocks the deletion any more." if blocked is None else blocked.message,
    )
    old.pop(DELETION_BLOCKED, None)
    condition = _condition(draft, previous, recording.metadata.generation, now)
    reason = Reason.DELETING if blocked is None else Reason.DELETION_BLOCKED
    update = {"conditions": (*old.values(), condition), "reason": reason, "message": draft.message}
    return status.model_copy(update=update)


def dump(status: RecordingStatus) -> dict[str, Any]:
    """The status as the API server stores it."""
    left_out = set() if status.notifications else {"notifications"}
    return status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=left_out)


def same_without_times(status: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two dumped statuses differ only in their timestamps."""
    return _without_times(status) == _without_times(other)


def _without_times(status: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key not in _TIMESTAMPS}


def _progress(phase: Phase, done: int, total: int | None, started: bool) -> str | None:
    if phase is Phase.COMPLETE:
        return "100%"
    return format_progress(done=done, total=total) if started else None


def _completed_at(old: RecordingStatus, phase: Phase) -> datetime | None:
    return old.completed_at if old.phase is phase else None


def _has_started(artifacts: list[ArtifactStatus]) -> bool:
    """A Recording is Complete too if all its artifacts are optional and were cancelled before anything began."""
    return any(state.phase in _HAS_STARTED for state in artifacts)


def _total(states: Sequence[ArtifactStatus]) -> int | None:
    """The sum of all sizes; None while one is unknown."""
    sizes = [state.bytes_total for state in states if state.bytes_total is not None]
    return sum(sizes) if len(sizes) == len(states) else None


def _of(state: ArtifactStatus, tally: str) -> str:
    return f"{state.name}: {state.message}" if state.message else tally


def _conditions(
    recording: Recording, artifacts: Sequence[ArtifactStatus], rolled: Rollup, now: datetime
) -> tuple[Condition, ...]:
    stalled = rolled.phase is Phase.FAILED or rolled.reason in STALLS
    # kstatus (kubectl wait, Flux, Argo CD) reads the first of Reconciling and Stalled that is True: never set both.
    truths = {
        "Ready": rolled.phase is Phase.COMPLETE,
        "Reconciling": rolled.phase not in TERMINAL and not stalled,
        "Stalled": stalled,
    }
    old = {condition.type: condition for condition in recording.status.conditions}
    drafts = [
        ConditionDraft(
            type=kind,
            status=ConditionStatus.TRUE if truth else ConditionStatus.FALSE,
            reason=rolled.reason,
            message=rolled.message,
        )
        for kind, truth in truths.items()
    ]
    drafts.append(integrity_of(artifacts))
    if any(one.has_expired for one in artifacts):
        message = _expired(artifacts)
        drafts.append(ConditionDraft(type=STORED, status=ConditionStatus.FALSE, reason=Reason.EXPIRED, message=message))
    return tuple(_condition(draft, old.get(draft.type), recording.metadata.generation, now) for draft in drafts)


def _expired(artifacts: Iterable[ArtifactStatus]) -> str:
    """Such as `2 of 3 stored artifacts have expired. Deleted …`"""
    stored = [one for one in artifacts if one.phase is Phase.COMPLETE]
    gone = [one for one in stored if one.has_expired]
    have = "artifact has" if len(stored) == 1 else "artifacts have"
    return f"{len(gone)} of {len(stored)} stored {have} expired. {gone[0].message or ''}".rstrip()


def with_conditions(
    recording: Recording, conditions: Sequence[Condition], drafts: Sequence[ConditionDraft], now: datetime
) -> tuple[Condition, ...]:
    """The conditions, with these in place of those of the same types."""
    old = {condition.type: condition for condition in recording.status.conditions}
    drafted = {
        draft.type: _condition(draft, old.get(draft.type), recording.metadata.generation, now) for draft in drafts
    }
    return tuple(drafted.pop(one.type, one) for one in conditions) + tuple(drafted.values())


def _condition(draft: ConditionDraft, old: Condition | None, generation: int, now: datetime) -> Condition:
    since = old.last_transition_time if old is not None and old.status is draft.status else now
    return Condition(
        type=draft.type,
        status=draft.status,
        observed_generation=generation,
        last_transition_time=since,
        reason=draft.reason,
        message=draft.message,
    )
