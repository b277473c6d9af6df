"""Our finalizer: it stands exactly where deletionPolicy is Delete, before any object does."""

from datetime import datetime

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Recording
from recording_operator.engine.actions import Action
from recording_operator.engine.tracked_recording import TrackedRecording


def has_finalizer(recording: Recording) -> bool:
    """Whether our finalizer is there."""
    return DELETE_OBJECT_FINALIZER in recording.metadata.finalizers


def needs_finalizer(recording: Recording) -> bool:
    """Whether our finalizer has to be there."""
    return recording.spec.deletion_policy is DeletionPolicy.DELETE


def ensure_finalizer(tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Add it where it has to be, take it away where it has not."""
    needed = needs_finalizer(tracked.recording)
    if needed == has_finalizer(tracked.recording):
        return []
    others = _others(tracked.recording)
    finalizers = (*others, DELETE_OBJECT_FINALIZER) if needed else others
    return tracked.outbox.write_finalizers(tracked.recording, finalizers, now)


def remove_finalizer(tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Take it away: the Kubernetes object may go."""
    return tracked.outbox.write_finalizers(tracked.recording, _others(tracked.recording), now)


def _others(recording: Recording) -> tuple[str, ...]:
    return tuple(name for name in recording.metadata.finalizers if name != DELETE_OBJECT_FINALIZER)
