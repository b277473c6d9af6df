"""Events about a Recording's phase and reason."""

from dataclasses import dataclass
from typing import Final

from recording_operator.api.endpoints import store_uri
from recording_operator.api.reasons import Reason, Trait
from recording_operator.api.recording import Phase, RecordingStatus

_ACTIONS: Final = {
    Reason.SUSPENDED: "Suspend",
    Reason.CANCELLED: "Cancel",
    Reason.MOVING: "Move",
    Reason.MOVE_FAILED: "Move",
    Reason.EXPIRED: "Expire",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An Event to emit once the API server shows the status that was sent with it."""

    shown: tuple[str, str]
    reason: Reason
    action: str
    note: str
    warning: bool


def shown(status: RecordingStatus) -> tuple[str, str] | None:
    """Phase and reason in the status; None while there are none."""
    return (str(status.phase), str(status.reason)) if status.phase is not None and status.reason is not None else None


def event_about(wanted: RecordingStatus, *, announced: tuple[str, str] | None) -> PendingEvent | None:
    """The Event to emit when this status is written; None if the last one `announced` the same phase and reason."""
    now_shown = shown(wanted)
    if now_shown is None or now_shown == announced or wanted.reason is None or Trait.SILENT in wanted.reason.traits:
        return None
    return PendingEvent(
        shown=now_shown,
        reason=wanted.reason,
        action=_ACTIONS.get(wanted.reason, "Upload"),
        note=_note(wanted),
        warning=Trait.NORMAL_EVENT not in wanted.reason.traits,
    )


def _note(wanted: RecordingStatus) -> str:
    note = (wanted.message or "").rstrip(".")
    if wanted.reason is Reason.UPLOADING:
        return f"Uploading to {store_uri(wanted.bucket, wanted.prefix)}"
    if wanted.phase is Phase.COMPLETE and wanted.move is None and wanted.reason is not Reason.EXPIRED:
        return f"{note} ({wanted.size}) under {store_uri(wanted.bucket, wanted.prefix)}"
    if wanted.next_retry_time is not None and wanted.phase is Phase.PENDING:
        return f"{note}. Attempt {(wanted.attempts or 0) + 1} starts at {wanted.next_retry_time:%H:%M:%S} UTC."
    return f"{note}." if note else ""
