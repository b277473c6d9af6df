"""The ways in which the status of an artifact that is not in transfer changes."""

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase


def from_the_start(status: ArtifactStatus) -> ArtifactStatus:
    """After a fresh URL or a requested retry: attempts and delays are reset, the stored parts are kept."""
    update = {
        "phase": Phase.PENDING,
        "attempts": 0,
        "next_retry_time": None,
        "expired_since": None,
        "upload_expires_at": None,
        "source_revision": None,
        "reason": Reason.QUEUED,
        "message": None,
    }
    return status.model_copy(update=update)


def queued(status: ArtifactStatus) -> ArtifactStatus:
    update = {"phase": Phase.PENDING, "reason": Reason.QUEUED, "message": None, "next_retry_time": None}
    return status.model_copy(update=update)


def unsuspended(status: ArtifactStatus) -> ArtifactStatus:
    """After spec.suspend was set to false: it continues immediately, unless it needs a fresh URL.

    A client has its whole time again.
    """
    if status.expired_since is None:
        return queued(status).model_copy(update={"upload_expires_at": None})
    return waiting(status, Reason.SOURCE_EXPIRED, "The URL has expired. Apply a fresh URL.")


def waiting(status: ArtifactStatus, reason: Reason, message: str) -> ArtifactStatus:
    update = {"phase": Phase.PENDING, "reason": reason, "message": message, "next_retry_time": None}
    return status.model_copy(update=update)


def failed(status: ArtifactStatus, reason: Reason, message: str) -> ArtifactStatus:
    update = {
        "phase": Phase.FAILED,
        "reason": reason,
        "message": message,
        "next_retry_time": None,
        "expired_since": None,
        "upload_expires_at": None,
    }
    return status.model_copy(update=update)
