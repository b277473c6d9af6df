"""Decides whether anything is left to do for a Recording.

    finished    its artifacts have ended, and the status says so: nothing runs, is claimed or has to be aborted
    settled     finished, and the follow-ups are done: the status says `settled: true`

Recordings that ended under an earlier version have no `settled`. They are finished, and settle when they are next seen:
docs/decisions/settled.md.
"""

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.manifest import revision_of
from recording_operator.engine.status import TERMINAL


def is_settled(recording: Recording) -> bool:
    """Whether the operator has nothing left to do for this Recording."""
    ends = recording.metadata.deletion_timestamp is not None
    return is_finished(recording) and (ends or (recording.status.settled is True and not is_outdated(recording)))


def is_finished(recording: Recording, *, ignore_finalizer: bool = False) -> bool:
    """Whether the status says that all artifacts have ended. Of a deleted Recording: that it was cleaned up."""
    meta, status = recording.metadata, recording.status
    if meta.deletion_timestamp is not None:
        return DELETE_OBJECT_FINALIZER not in meta.finalizers and not has_open_uploads(recording)
    return (
        status.phase in TERMINAL
        and status.observed_generation == meta.generation
        and status.claim is None
        and not has_open_uploads(recording)
        and (ignore_finalizer or has_right_finalizer(recording))
    )


def was_changed(recording: Recording) -> bool:
    """Whether a finished Recording was edited or deleted, and the operator has not seen that."""
    return not is_finished(recording) or (recording.status.settled is True and not is_settled(recording))


def is_outdated(recording: Recording) -> bool:
    """Whether the manifest was written from something else: a title or labels were edited."""
    written = recording.status.manifest_revision
    return written is not None and written != revision_of(recording)


def has_right_finalizer(recording: Recording) -> bool:
    """Whether the finalizer is there exactly if the deletionPolicy is Delete."""
    needed = recording.spec.deletion_policy is DeletionPolicy.DELETE
    return (DELETE_OBJECT_FINALIZER in recording.metadata.finalizers) == needed


def has_open_uploads(recording: Recording) -> bool:
    """Whether the status names an upload that is neither complete nor aborted."""
    return any(state.upload_id and state.phase is not Phase.COMPLETE for state in recording.status.artifacts)
