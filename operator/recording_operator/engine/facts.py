"""What the engine is told (facts) and what it asks for (actions).

Every fact and every action is plain data; the controller that turns the world into facts and actions into calls holds
no decision. `uid` is always the Recording's `metadata.uid`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, SourceFacts
from recording_operator.api.storagelocation import StorageLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Which Recording: enough to address it and to tell it from a namesake."""

    namespace: str
    name: str
    uid: str


# --- Facts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSeen:
    """A Recording as the API server had it: from the watch or a list, late or twice."""

    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRead:
    """The answer to ReadRecording."""

    uid: str
    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGone:
    """The Recording is no longer in the API server."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsListed:
    """A complete list of the unfinished Recordings was handed over; whoever is not in it ended or went away."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationSeen:
    """A StorageLocation and what its probe found; `ready` is the probe's answer for this generation."""

    location: StorageLocation
    ready: bool
    message: str = ""
    checked: bool = True
    """False before its first probe has ended: it exists, and more is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationGone:
    """The StorageLocation was deleted. Transfers under way end with the client that they have."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationsListed:
    """Every StorageLocation has been seen once: from now on a missing one does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSeen:
    """The labels of a namespace, for locations that admit namespaces by selector."""

    namespace: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A write of ours was accepted; `recording` is the server's answer."""

    uid: str
    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRefused:
    """A write of ours was not accepted, or a read not answered."""

    uid: str
    conflict: bool = False
    """The object changed since it was read; it must be looked at again."""
    gone: bool = False
    retry_after_s: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccepted:
    """DeleteRecording was accepted; the watch will show the end."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadershipConfirmed:
    """A fresh read of the Lease shows that this process holds it."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResolved:
    """The Secrets that a source names were read: the revision of what they hold, or why they cannot be used."""

    uid: str
    artifact: str
    revision: str | None
    failure: "TransferFailed | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCreated:
    """A multipart upload exists; no part is sent before the status names it."""

    uid: str
    artifact: str
    upload_id: str
    part_size_bytes: int
    source: SourceFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """Bytes acknowledged by the store so far."""

    uid: str
    artifact: str
    bytes_done: int
    bytes_total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The object is in the store, proved by HEAD."""

    size_bytes: int
    etag: str
    version_id: str | None
    checksum: str
    content_type: str
    uri: str
    integrity: Reason
    """What proves the bytes."""
    proved_checksum: str | None = None
    """Algorithm of the spec's checksum, where the bytes were proved to have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed:
    """The attempt ended without the object; `message` is safe to show."""

    reason: Reason
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStopped:
    """The transfer ended because it was asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded:
    """A transfer is over; its worker has let go of everything."""

    uid: str
    artifact: str
    outcome: Stored | TransferFailed | TransferStopped


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadAborted:
    """The open uploads at an artifact's key are gone (`ok`), or could not be aborted this time."""

    uid: str
    artifact: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedUp:
    """The uploads (and objects, where asked) of a deleted Recording are gone (`ok`), or not yet."""

    uid: str
    ok: bool
    detail: str = ""


Fact = (
    RecordingSeen
    | RecordingRead
    | RecordingGone
    | RecordingsListed
    | LocationSeen
    | LocationGone
    | LocationsListed
    | NamespaceSeen
    | Written
    | WriteRefused
    | DeleteAccepted
    | LeadershipConfirmed
    | SourceResolved
    | UploadCreated
    | TransferProgress
    | TransferEnded
    | UploadAborted
    | CleanedUp
)


# --- Actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStatus:
    """PATCH the status subresource, guarded by `resource_version`. Answered by Written or WriteRefused."""

    ref: Ref
    resource_version: str
    status: dict[str, Any]
    """The whole status; fields that are not in it are to be removed."""
    previous: dict[str, Any] = field(default_factory=dict)
    """The status that the server has at `resource_version`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFinalizers:
    """PATCH metadata.finalizers, guarded. Answered by Written or WriteRefused."""

    ref: Ref
    resource_version: str
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecording:
    """Read the Recording anew. Answered by RecordingRead or WriteRefused."""

    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecording:
    """Delete the Kubernetes object (ttlAfterFinished), guarded; the stored objects stay.

    Answered by DeleteAccepted or WriteRefused.
    """

    ref: Ref
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNamespace:
    """Read a namespace's labels. Answered by NamespaceSeen."""

    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmLeadership:
    """Read the Lease; answered by LeadershipConfirmed, or the process ends."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLocation:
    """The location is in doubt: probe it again now. Answered by LocationSeen."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransfer:
    """Move one artifact. Answered by SourceResolved, UploadCreated, TransferProgress … and one TransferEnded."""

    recording: Recording
    artifact: str
    location: StorageLocation
    key: str
    upload_id: str | None
    part_size_bytes: int | None
    source: SourceFacts | None
    only_look: bool = False
    """Move nothing: Stored if an earlier operator left the object there, else TransferStopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveSource:
    """Read the Secrets that an artifact's source names, nothing else. Answered by SourceResolved."""

    recording: Recording
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTransfer:
    """Ask a transfer to stop within its next window; its parts stay in the store."""

    uid: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPersisted:
    """The status names the upload now; the waiting transfer may send its first part."""

    uid: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortUpload:
    """Abort every open upload at the key. Answered by UploadAborted."""

    uid: str
    artifact: str
    location: StorageLocation
    key: str
    upload_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactToClean:
    """One artifact of a deleted Recording."""

    name: str
    key: str
    upload_id: str | None
    version_id: str | None
    delete_object: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """Abort the uploads of a deleted Recording and delete exactly its objects where asked. Answered by CleanedUp."""

    ref: Ref
    location: StorageLocation
    artifacts: tuple[ArtifactToClean, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent:
    """An Event on the Recording. `warning` picks the type."""

    ref: Ref
    reason: Reason
    action: str
    note: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFault:
    """The engine failed at this Recording and let go of it; the next event about it starts anew."""

    ref: Ref
    detail: str


class Tallied(Enum):
    """What is counted of artifacts."""

    STORED = "stored"
    FAILED = "failed"
    RETRIED = "retried"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Count something for the metrics."""

    what: Tallied
    reason: Reason


Action = (
    ReportFault
    | Tally
    | WriteStatus
    | WriteFinalizers
    | ReadRecording
    | DeleteRecording
    | ReadNamespace
    | ConfirmLeadership
    | ProbeLocation
    | StartTransfer
    | ResolveSource
    | StopTransfer
    | UploadPersisted
    | AbortUpload
    | CleanUp
    | EmitEvent
)
