"""Our finalizer: a Recording has it if its deletionPolicy is Delete, before the first object is stored."""

from datetime import datetime

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Recording
from recording_operator.engine.actions import Action
from recording_operator.engine.tracked_recording import TrackedRecording


def has_finalizer(recording: Recording) -> bool:
    """Whether the Recording has our finalizer."""
    return DELETE_OBJECT_FINALIZER in recording.metadata.finalizers


def needs_finalizer(recording: Recording) -> bool:
    """Whether the Recording needs our finalizer."""
    return recording.spec.deletion_policy is DeletionPolicy.DELETE


def ensure_finalizer(tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Add the finalizer if it is needed, remove it otherwise."""
    needed = needs_finalizer(tracked.recording)
    if needed == has_finalizer(tracked.recording):
        return []
    others = _others(tracked.recording)
    finalizers = (*others, DELETE_OBJECT_FINALIZER) if needed else others
    return tracked.outbox.write_finalizers(tracked.recording, finalizers, now)


def remove_finalizer(tracked: TrackedRecording, now: datetime) -> list[Action]:
    """Remove the finalizer, so that Kubernetes can remove the Recording."""
    return tracked.outbox.write_finalizers(tracked.recording, _others(tracked.recording), now)


def _others(recording: Recording) -> tuple[str, ...]:
    return tuple(name for name in recording.metadata.finalizers if name != DELETE_OBJECT_FINALIZER)
