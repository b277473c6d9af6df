"""What a Recording looks like on a page: its state in words, its progress, and its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import quote

from recording_operator.api.reasons import Reason
from recording_operator.api.recording_status import Phase
from recording_operator.catalog.downloads import DownloadSum, known_downloads
from recording_operator.catalog.entries import CatalogArtifact, CatalogEntry

_TONES: Final[Mapping[str, str]] = {
    Phase.PENDING: "waiting",
    Phase.UPLOADING: "active",
    Phase.COMPLETE: "good",
    Phase.FAILED: "bad",
}
_VERIFIED: Final[Mapping[str, str]] = {
    Reason.FULL_OBJECT_CRC64NVME: "CRC64NVME",
    Reason.ETAG_MD5: "MD5",
    Reason.READ_BACK: "Read back",
}
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseWords:
    """A phase in words. `tone` chooses its colour."""

    word: str
    tone: str
    reason: str
    meaning: str
    """What the reason means, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLine:
    """A row of the table."""

    url: str
    query: str
    """Of the URL of a Recording that is no longer in Kubernetes: others may have its name now."""
    namespace: str
    name: str
    title: str
    org: str
    user: str
    location: str
    state: PhaseWords
    percent: Decimal | None
    """While it is uploaded."""
    size_bytes: int | None
    created: datetime
    in_cluster: bool
    downloads: DownloadSum | None = None
    """None if they are not known."""

    @property
    def is_active(self) -> bool:
        """Whether it changes soon."""
        return self.in_cluster and self.state.tone in {"active", "waiting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """An artifact on the page of its Recording."""

    artifact: CatalogArtifact
    state: PhaseWords
    percent: Decimal | None
    verified: str
    """How the stored bytes were verified."""
    plays: str
    """`video` or `audio` if a browser can play it."""

    @property
    def awaits_file(self) -> bool:
        """Whether a client has to send its file."""
        return self.artifact.phase == Phase.PENDING and self.artifact.reason == Reason.WAITING_FOR_UPLOAD


def row_of(entry: CatalogEntry, *, counted: Mapping[str, bool] | None = None) -> RecordingLine:
    """The row of an entry. `counted`: the locations whose downloads are counted, and whether exactly."""
    return RecordingLine(
        url=page_url(entry.namespace, entry.name),
        query="" if entry.in_cluster else f"?uid={quote(entry.uid, safe='')}",
        namespace=entry.namespace,
        name=entry.name,
        title=entry.title,
        org=entry.org,
        user=entry.user,
        location=entry.location,
        state=state_of(entry),
        percent=percent_of(entry.progress) if entry.phase == Phase.UPLOADING else None,
        size_bytes=entry.size_bytes,
        created=entry.created,
        in_cluster=entry.in_cluster,
        downloads=known_downloads(entry, counted or {}),
    )


def state_of(entry: CatalogEntry) -> PhaseWords:
    """The state of a Recording. What a person has done to it comes before its phase."""
    if entry.suspended and entry.phase in {Phase.PENDING, Phase.UPLOADING}:
        return _state("Suspended", "waiting", entry.reason)
    if entry.cancelled and entry.phase == Phase.FAILED:
        return _state("Cancelled", "bad", entry.reason)
    return _state(entry.phase, _TONES.get(entry.phase, "waiting"), entry.reason)


def artifact_row(artifact: CatalogArtifact) -> ArtifactRow:
    """The row of an artifact."""
    percent = None
    if artifact.phase == Phase.UPLOADING and artifact.size_bytes:
        percent = Decimal(_WHOLE * (artifact.bytes_done or 0)) / artifact.size_bytes
    return ArtifactRow(
        artifact=artifact,
        state=_state(artifact.phase, _TONES.get(artifact.phase, "waiting"), artifact.reason),
        percent=percent,
        verified=_VERIFIED.get(artifact.integrity, artifact.integrity),
        plays=_player(artifact) if artifact.stored else "",
    )


def page_url(namespace: str, name: str) -> str:
    """The page of a Recording."""
    return f"/recordings/{quote(namespace, safe='')}/{quote(name, safe='')}"


def percent_of(progress: str) -> Decimal | None:
    """45.1 of 45.1%."""
    try:
        return Decimal(progress.removesuffix("%")) if progress.endswith("%") else None
    except InvalidOperation:
        return None


def _state(word: str, tone: str, reason: str) -> PhaseWords:
    if reason in {word, Reason.STORED}:  # says nothing that the word does not
        reason = ""
    try:
        meaning = Reason(reason).sentence if reason else ""
    except ValueError:  # of a newer operator
        meaning = ""
    return PhaseWords(word=word, tone=tone, reason=reason, meaning=meaning)


def _player(artifact: CatalogArtifact) -> str:
    kind = artifact.content_type.partition("/")[0] or artifact.kind.lower()
    return kind if kind in {"video", "audio"} else ""
