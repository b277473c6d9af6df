"""Decides whether anything is left to do for a Recording."""

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.status import TERMINAL


def is_settled(recording: Recording, *, ignore_finalizer: bool = False) -> bool:
    """Whether the operator has nothing left to do for this Recording."""
    meta, spec, status = recording.metadata, recording.spec, recording.status
    has_finalizer = DELETE_OBJECT_FINALIZER in meta.finalizers
    if meta.deletion_timestamp is not None:
        return not has_finalizer and not _open_uploads(recording)
    return (
        status.phase in TERMINAL
        and status.observed_generation == meta.generation
        and status.claim is None
        and not _open_uploads(recording)
        and (ignore_finalizer or has_finalizer == (spec.deletion_policy is DeletionPolicy.DELETE))
    )


def _open_uploads(recording: Recording) -> bool:
    return any(state.upload_id and state.phase is not Phase.COMPLETE for state in recording.status.artifacts)
