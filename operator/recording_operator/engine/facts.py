"""The input of the engine, as plain data. The controller turns events and results into facts; it makes no decisions.

`uid` is always the Recording's `metadata.uid`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, SourceFacts
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import ReportScope
from recording_operator.engine.notification_facts import NotificationDelivered, NotificationFailed, SinksChanged

Affects = Callable[[Recording, str | None], bool]
"""Whether a fact may concern a Recording that is, or is about to be, at the location with this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRef:
    """Identifies a Recording. The uid distinguishes it from another Recording of the same name."""

    namespace: str
    name: str
    uid: str


def ref_of(recording: Recording) -> RecordingRef:
    """The reference to this Recording."""
    meta = recording.metadata
    return RecordingRef(namespace=meta.namespace, name=meta.name, uid=meta.uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSeen:
    """A Recording from the watch or a list. It may be outdated or a duplicate."""

    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRead:
    """The result of ReadRecording."""

    uid: str
    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGone:
    """The Recording was removed from the API server."""

    uid: str
    recording: Recording | None = None
    """As it was at last, if the watch has shown it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsListed:
    """All unfinished Recordings were listed. Those that are not in the list have finished or were removed."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationSeen:
    """A StorageLocation and what its probe found. `ready` is the result for this generation."""

    location: StorageLocation
    ready: bool
    message: str = ""
    checked: bool = True
    """False until its first probe has ended."""
    reason: Reason | None = None
    """The reason that its probe found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationGone:
    """The StorageLocation was deleted. Running transfers continue with the client that they have."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationsListed:
    """Every StorageLocation has been seen once. From now on a missing one does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSeen:
    """The labels of a namespace, for locations that admit namespaces by selector."""

    namespace: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetHold:
    """A StorageReport whose budget is spent and whose action is HoldUploads: new uploads in its scope wait."""

    report: str
    scopes: tuple[ReportScope, ...]
    """A Recording waits if it is in all of them."""
    cost: str
    """Of the month so far, such as 51.20 USD."""
    budget: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetHoldsChanged:
    """All holds that apply now. Before the first of these facts they are not known, and no upload begins."""

    holds: tuple[BudgetHold, ...]


class OwnerUsage(NamedTuple):
    """What a count of a location found of an organisation in a namespace."""

    org: str
    namespace: str
    size_bytes: int
    recordings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCountBegan:
    """These locations are being counted. The count includes everything that was stored before this fact."""

    locations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCounted:
    """The count of a location has ended."""

    location: str
    usage: tuple[OwnerUsage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageNotCounted:
    """The count of a location has failed. It is retried."""

    location: str
    message: str


CountFact = UsageCountBegan | UsageCounted | UsageNotCounted


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAccepted:
    """A write was accepted; `recording` is the server's response."""

    uid: str
    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRejected:
    """A write was rejected, or a request got no response."""

    uid: str
    conflict: bool = False
    """The object has changed since it was read."""
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
    """The Secrets of a source were read, or its provider was queried. Holds the revision of their contents, or why they
    cannot be used."""

    uid: str
    artifact: str
    revision: str | None
    failure: "TransferFailed | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFound:
    """A transfer knows how much it is going to store, and waits for AdmitTransfer or RejectTransfer."""

    uid: str
    artifact: str
    size_bytes: int | None
    """None if the source states no length."""


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
    """Bytes sent to the store so far, parts of earlier attempts included."""

    uid: str
    artifact: str
    sent_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerTimes:
    """When the lost Recording of a rebuilt one began and ended."""

    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSucceeded:
    """The object is stored and verified."""

    size_bytes: int
    etag: str
    version_id: str | None
    checksum: str
    content_type: str
    uri: str
    integrity: Reason
    """How the bytes were verified."""
    proved_checksum: str | None = None
    """Algorithm of the checksum in the spec, if the bytes were verified against it."""
    former: FormerTimes | None = None
    """Set if nothing was transferred: a lost Recording had stored the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed:
    """The attempt failed. `message` contains no secret."""

    reason: Reason
    message: str
    retry_after_s: float | None = None
    is_final: bool = False
    """No later attempt can succeed, regardless of the verdict of the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStopped:
    """The transfer was stopped on request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAwaited:
    """The upload of an artifact that a client sends is open, and the client has not sent everything yet."""

    stored_bytes: int
    """In parts that belong to the file. 0 if they were not listed."""
    missing: str = ""
    """What is missing although the client says that it has sent everything."""


TransferOutcome = TransferSucceeded | TransferFailed | TransferStopped | ClientAwaited


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded:
    """A transfer has ended, and its worker has released everything."""

    uid: str
    artifact: str
    outcome: TransferOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortEnded:
    """The open uploads at an artifact's key were aborted (`ok`), or could not be aborted this time."""

    uid: str
    artifact: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestWritten:
    """The manifest is in the store, as WriteManifest requested it."""

    uid: str
    uri: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFailed:
    """The manifest could not be written this time. `message` contains no secret."""

    uid: str
    reason: Reason | None = None
    """Why not; None if nothing was tried."""
    message: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsExpired:
    """Objects of a finished Recording have expired: they are not in the store any more."""

    recording: Recording
    """As it was just before."""
    artifacts: frozenset[str]
    message: str
    """Why, for the status of each artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupEnded:
    """The uploads of a deleted Recording, and its objects if requested, were removed (`ok`), or not yet."""

    uid: str
    ok: bool
    reason: Reason | None = None
    """Why not; None if nothing was tried."""
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
    | BudgetHoldsChanged
    | SinksChanged
    | UsageCountBegan
    | UsageCounted
    | UsageNotCounted
    | WriteAccepted
    | WriteRejected
    | DeleteAccepted
    | LeadershipConfirmed
    | SourceResolved
    | SizeFound
    | UploadCreated
    | TransferProgress
    | TransferEnded
    | AbortEnded
    | ManifestWritten
    | ManifestFailed
    | NotificationDelivered
    | NotificationFailed
    | ObjectsExpired
    | CleanupEnded
)
