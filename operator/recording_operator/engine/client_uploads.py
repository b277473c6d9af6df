"""Artifacts that a client sends itself (`source.upload`): the wait for the client, without a slot, and its end.

The transfer of such an artifact runs twice. The first time it opens the upload and ends with ClientAwaited. The second
time, when the client has set `finish`, it completes the upload and verifies the object. If parts are missing then, it
ends with ClientAwaited again, and is repeated until they are there or the time is over.
"""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.meta import format_time
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, SourceUpload
from recording_operator.engine.artifact_status import failed, waiting

LONGEST_BETWEEN_LISTINGS: Final = timedelta(minutes=5)
"""How often at least the parts are listed of an upload that is finished, but of which parts are missing."""
_CLOCKS_DIFFER: Final = timedelta(seconds=5)


def upload_of(artifact: ArtifactSpec) -> SourceUpload | None:
    """The upload that a client is to make; None if the artifact comes from elsewhere."""
    return artifact.source.upload if artifact.source is not None else None


def is_finished(artifact: ArtifactSpec) -> bool:
    """Whether the client says that it has sent everything."""
    upload = upload_of(artifact)
    return upload is not None and upload.finish is not None


def is_awaited(artifact: ArtifactSpec, status: ArtifactStatus) -> bool:
    """Whether the artifact waits for its client."""
    return upload_of(artifact) is not None and status.reason == Reason.WAITING_FOR_UPLOAD


def with_sane_expiry(artifact: ArtifactSpec, status: ArtifactStatus, now: datetime) -> ArtifactStatus:
    """The status without an expiry that is later than the spec allows, because a wrong clock or a user wrote it."""
    upload = upload_of(artifact)
    if upload is None or status.upload_expires_at is None:
        return status
    latest = now + upload.expires_after
    if status.upload_expires_at <= latest + _CLOCKS_DIFFER:
        return status
    return status.model_copy(update={"upload_expires_at": latest})


def awaiting(status: ArtifactStatus, *, expires_at: datetime, missing: str) -> ArtifactStatus:
    """The status while the upload is open. `missing` says what is missing although the client has finished."""
    until = format_time(expires_at)
    message = f"A client has to send the file and then to set source.upload.finish, until {until}."
    if missing:
        message = f"The client has finished, but {missing}. The rest may be sent until {until}."
    changes = {"upload_expires_at": expires_at}
    return waiting(status, Reason.WAITING_FOR_UPLOAD, message).model_copy(update=changes)


def expired(status: ArtifactStatus) -> ArtifactStatus:
    """The status of an artifact whose client has not sent everything in time."""
    message = "The client did not send the whole file in time. Change spec.retryToken to open a new upload."
    return failed(status, Reason.UPLOAD_EXPIRED, message)
