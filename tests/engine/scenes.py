"""Situations at which many tests of the engine begin."""

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus, SourceFacts
from recording_operator.engine.actions import WriteStatus
from recording_operator.engine.facts import (
    AbortEnded,
    TransferEnded,
    TransferFailed,
    TransferStopped,
    UploadCreated,
    WriteRejected,
)
from tests.engine.builders import START, a_recording, an_artifact_status, uid_of
from tests.engine.driver import Driver, only

UID = uid_of(1)
STOPPED = TransferEnded(uid=UID, artifact="video", outcome=TransferStopped())
ABORTED = AbortEnded(uid=UID, artifact="video", ok=True)
UPLOAD = UploadCreated(uid=UID, artifact="video", upload_id="u1", part_size_bytes=8, source=SourceFacts(size=80))


def failure(reason: Reason = Reason.SOURCE_UNAVAILABLE) -> TransferFailed:
    """An attempt that ended like this."""
    return TransferFailed(reason=reason, message=f"it failed: {reason}")


def moving(driver: Driver, recording: Recording | None = None) -> Recording:
    """A Recording in transfer, its upload written down."""
    claimed = driver.claimed(recording or a_recording())
    return driver.accept(only(driver.tell(UPLOAD), WriteStatus), claimed)


def finished(phase: Phase = Phase.COMPLETE, *, upload: str | None = None, **fields: object) -> Recording:
    """A Recording that has ended, seen for the first time."""
    state = an_artifact_status(phase=phase, reason=Reason.SOURCE_NOT_FOUND, uploadId=upload, key="k", versionId="v1")
    status = RecordingStatus(
        phase=phase, observed_generation=1, started_at=START, completed_at=START, settled=True, artifacts=(state,)
    )
    return a_recording(status=status, **fields)  # type: ignore[arg-type]


CONFLICT = WriteRejected(uid=UID, conflict=True)
NO_RESPONSE = WriteRejected(uid=UID, detail="no answer")


def claimed_by(claim: Claim, *, version: int = 1, phase: Phase = Phase.UPLOADING) -> Recording:
    """A Recording that some operator works on."""
    state = an_artifact_status(phase=phase, reason=Reason.UPLOADING)
    status = RecordingStatus(
        phase=phase, reason=Reason.UPLOADING, observed_generation=1, claim=claim, artifacts=(state,)
    )
    return a_recording(status=status, version=version)
