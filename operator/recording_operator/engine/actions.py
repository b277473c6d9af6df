"""The output of the engine, as plain data. The controller executes each action and reports its result as a fact.

`uid` is always the Recording's `metadata.uid`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, SourceFacts
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.facts import RecordingRef
from recording_operator.engine.identity import FormerRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStatus:
    """PATCH the status subresource, guarded by `resource_version`. The result is WriteAccepted or WriteRejected."""

    ref: RecordingRef
    resource_version: str
    status: dict[str, Any]
    """The whole status; fields that are not in it are to be removed."""
    previous: dict[str, Any] = field(default_factory=dict)
    """The status that the server has at `resource_version`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFinalizers:
    """PATCH metadata.finalizers, guarded. The result is WriteAccepted or WriteRejected."""

    ref: RecordingRef
    resource_version: str
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecording:
    """Read the Recording again. The result is RecordingRead or WriteRejected."""

    ref: RecordingRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecording:
    """Delete the Kubernetes object (ttlAfterFinished), guarded; the stored objects stay.

    The result is DeleteAccepted or WriteRejected.
    """

    ref: RecordingRef
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNamespace:
    """Read a namespace's labels. The result is NamespaceSeen."""

    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmLeadership:
    """Read the Lease. The result is LeadershipConfirmed, or the process exits."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLocation:
    """The location may have a problem: probe it again now. The result is LocationSeen."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectToCopy:
    """An object that a store has already. Size and checksum are None if they are not known.

    `is_own`: it belongs to the Recording that it is copied for; otherwise its owner is not checked.
    """

    location: StorageLocation
    key: str
    version_id: str | None
    size_bytes: int | None
    checksum: str | None
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransfer:
    """Transfer one artifact. Results: SourceResolved, UploadCreated, TransferProgress … and one TransferEnded."""

    recording: Recording
    artifact: str
    location: StorageLocation
    key: str
    upload_id: str | None
    part_size_bytes: int | None
    source: SourceFacts | None
    only_look: bool = False
    """Transfer nothing: TransferSucceeded if an earlier operator stored the object, otherwise TransferStopped."""
    copy: ObjectToCopy | None = None
    """Copy this object, instead of fetching the artifact's source."""
    known_source: str | None = None
    """The revision of the source in the last attempt. Of a source with a provider, it says which URL not to use."""
    has_quota: bool = False
    """Report SizeFound before the first byte is stored, and wait for the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveSource:
    """Read the Secrets that an artifact names, or ask its provider for a URL. The result is SourceResolved."""

    recording: Recording
    artifact: str
    known_source: str | None = None
    """As in StartTransfer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTransfer:
    """Stop a transfer. Its parts stay in the store."""

    uid: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPersisted:
    """The status names the upload now; the waiting transfer may send its first part."""

    uid: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitTransfer:
    """The response to SizeFound: the quotas have room, and the transfer may store its first byte."""

    uid: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectTransfer:
    """The response to SizeFound: a quota has no room, and the transfer ends with QuotaExceeded."""

    uid: str
    artifact: str
    message: str
    is_final: bool
    """The artifact fails; otherwise it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortUpload:
    """Abort every open upload at the key. The result is AbortEnded."""

    uid: str
    artifact: str
    location: StorageLocation
    key: str
    upload_id: str | None
    former: FormerRecording | None = None
    """What the store has to confirm first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteManifest:
    """Write the manifest of a Recording, or replace its earlier one.

    The result is ManifestWritten or ManifestFailed.
    """

    ref: RecordingRef
    location: StorageLocation
    org: str
    key: str
    uri: str
    """Of this key, for the status."""
    data: bytes = field(repr=False)
    revision: str
    """Of what the data was made from."""
    is_first: bool
    """No earlier one is known."""
    former: FormerRecording | None = None
    """What the store has to confirm first. Its uid is that of the manifest."""

    @property
    def owner_uid(self) -> str:
        """The uid that the document belongs to."""
        return self.ref.uid if self.former is None else self.former.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNotification:
    """Send an event to an EventSink of the Recording's namespace.

    The result is NotificationDelivered or NotificationFailed.
    """

    recording: Recording
    sink: str
    event: str
    id: str
    time: datetime
    """When it happened."""
    location: StorageLocation | None
    """Where its objects are."""
    objects_deleted: bool = False
    """The Recording was deleted with its objects."""


class NotificationOutcome(Enum):
    """How an attempt to send an event has ended."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    """It failed, and another one follows."""
    FAILED = "failed"
    """It failed, or the event cannot be sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotification:
    """Count and log the outcome of an attempt to send an event."""

    ref: RecordingRef
    sink: str
    event: str
    outcome: NotificationOutcome
    attempts: int
    """Failed ones, this one included."""
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactToClean:
    """One artifact of a deleted Recording."""

    name: str
    key: str
    upload_id: str | None
    version_id: str | None
    delete_object: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObjects:
    """Objects of a Recording that must not be removed, wherever else they are visible."""

    location: StorageLocation
    keys: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """Abort the uploads of a Recording at a location, and delete its own objects there if requested.

    The result is CleanupEnded.
    """

    ref: RecordingRef
    location: StorageLocation
    artifacts: tuple[ArtifactToClean, ...]
    manifest_key: str | None = None
    """Where its manifest is, if it has to be deleted too."""
    kept: KeptObjects | None = None
    """After a move: if the location is the same place as that of these, nothing is removed."""
    former: FormerRecording | None = None
    """What the store has to confirm first. Its uid is that of the objects."""

    @property
    def owner_uid(self) -> str:
        """The uid that the objects belong to."""
        return self.ref.uid if self.former is None else self.former.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent:
    """Emit an Event on the Recording, of type Warning or Normal."""

    ref: RecordingRef
    reason: Reason
    action: str
    note: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitLocationEvent:
    """Emit a Warning Event on a StorageLocation."""

    location: StorageLocation
    reason: Reason
    action: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftObject:
    """An object of a deleted Recording that stays in the store. `address` is its URI or its key."""

    artifact: str
    """Its artifact, or the name of the manifest."""
    address: str
    version_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLeftObjects:
    """A Recording is removed, and its objects stay although its deletionPolicy is Delete: log, count, announce them."""

    ref: RecordingRef
    objects: tuple[LeftObject, ...]
    reason: Reason
    """Why they could not be deleted."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFault:
    """An unexpected error about this Recording. The engine forgets it and starts again at its next event."""

    ref: RecordingRef
    detail: str


class ArtifactOutcome(Enum):
    """Outcomes that the metrics count."""

    STORED = "stored"
    FAILED = "failed"
    RETRIED = "retried"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOutcome:
    """Count an outcome in the metrics."""

    what: ArtifactOutcome
    reason: Reason


Action = (
    ReportFault
    | ReportLeftObjects
    | CountOutcome
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
    | AdmitTransfer
    | RejectTransfer
    | AbortUpload
    | WriteManifest
    | SendNotification
    | ReportNotification
    | CleanUp
    | EmitEvent
    | EmitLocationEvent
)
