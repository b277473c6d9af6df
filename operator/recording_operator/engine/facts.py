"""What the engine is told. Plain data; the controller turns the world into facts, and holds no decision.

`uid` is always the Recording's `metadata.uid`.
"""

from dataclasses import dataclass

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording, SourceFacts
from recording_operator.api.storagelocation import StorageLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRef:
    """Which Recording: enough to address it and to tell it from a namesake."""

    namespace: str
    name: str
    uid: str


def ref_of(recording: Recording) -> RecordingRef:
    """Which Recording this is."""
    meta = recording.metadata
    return RecordingRef(namespace=meta.namespace, name=meta.name, uid=meta.uid)


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
    reason: Reason | None = None
    """What its probe found."""


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
class WriteAccepted:
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
    """Bytes sent to the store so far, parts of earlier attempts included."""

    uid: str
    artifact: str
    sent_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSucceeded:
    """The object is in the store, verified by HEAD."""

    size_bytes: int
    etag: str
    version_id: str | None
    checksum: str
    content_type: str
    uri: str
    integrity: Reason
    """How the bytes were verified."""
    proved_checksum: str | None = None
    """Algorithm of the spec's checksum, where the bytes were verified to have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed:
    """The attempt ended without the object; `message` is safe to show."""

    reason: Reason
    message: str
    retry_after_s: float | None = None
    is_final: bool = False
    """No later attempt can succeed, whatever is usual for the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStopped:
    """The transfer ended because it was asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded:
    """A transfer is over; its worker has let go of everything."""

    uid: str
    artifact: str
    outcome: TransferSucceeded | TransferFailed | TransferStopped


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortEnded:
    """The open uploads at an artifact's key are gone (`ok`), or could not be aborted this time."""

    uid: str
    artifact: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupEnded:
    """The uploads (and objects, where asked) of a deleted Recording are gone (`ok`), or not yet."""

    uid: str
    ok: bool
    reason: Reason | None = None
    """Why not; None where nothing was tried."""
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
    | WriteAccepted
    | WriteRefused
    | DeleteAccepted
    | LeadershipConfirmed
    | SourceResolved
    | UploadCreated
    | TransferProgress
    | TransferEnded
    | AbortEnded
    | CleanupEnded
)
