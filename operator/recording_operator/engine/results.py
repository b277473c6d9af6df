"""Facts that are results of actions: what each changes in the engine's state of its Recording."""

from datetime import datetime

from recording_operator.engine import (
    aborting,
    aftercare,
    deletion,
    moving,
    notifications,
    quota_gate,
    transfer_reports,
)
from recording_operator.engine.actions import Action
from recording_operator.engine.facts import (
    AbortEnded,
    CleanupEnded,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    ManifestFailed,
    ManifestWritten,
    RecordingRead,
    SizeFound,
    SourceResolved,
    TransferEnded,
    TransferProgress,
    UploadCreated,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording


def note(state: EngineState, fact: Fact, tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Note a result. Reconcile the Recording afterwards."""
    match fact:
        case SourceResolved():
            transfer_reports.note_source(tracked, fact, now)
        case SizeFound():
            return quota_gate.note_size(state, tracked, fact, now)
        case UploadCreated():
            transfer_reports.note_upload(tracked, fact, now)
        case TransferProgress():
            transfer_reports.note_progress(state, tracked, fact)
        case TransferEnded():
            return transfer_reports.note_end(state, tracked, fact, now)
        case AbortEnded():
            aborting.note_abort(tracked, fact, now)
        case ManifestWritten() | ManifestFailed() if tracked.move.in_flight:
            moving.note_manifest(tracked, fact, now)
        case ManifestWritten() | ManifestFailed():
            aftercare.note_manifest(tracked, fact, now)
        case NotificationDelivered() | NotificationFailed():
            return notifications.note(state, tracked, fact, now)
        case CleanupEnded():
            return deletion.note_cleanup(state, tracked, fact, now)
        case _:
            _note_response(tracked, fact, now)
    return []


def _note_response(tracked: TrackedRecording, fact: Fact, now: datetime) -> None:
    """The API server has responded to a request about the Recording."""
    match fact:
        case WriteAccepted():
            newer = tracked.outbox.written()
            tracked.adopt(fact.recording)
            tracked.learn(newer)
        case WriteRejected():
            tracked.learn(tracked.outbox.rejected(fact, now))
        case RecordingRead():
            tracked.outbox.read()
            tracked.learn(fact.recording)
        case DeleteAccepted():
            tracked.outbox.closed()
            tracked.deleted = True
        case LeadershipConfirmed():
            tracked.outbox.confirmed()
