"""Recordings as a fake provider has them."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from localcluster.media import Media

FileKind = Literal["video", "audio", "transcript", "diarization", "chat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFile:
    """One file. Its content is that of `localcluster.media` for this path and size."""

    kind: FileKind
    path: str
    size_bytes: int

    @property
    def media(self) -> Media:
        """For checksums."""
        return Media(name=self.path, size_bytes=self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecording:
    """A recording. `metadata` is what the customer attached to it, such as its organisation."""

    id: str
    files: tuple[ProviderFile, ...]
    title: str = "Weekly sync"
    metadata: dict[str, Any] = field(default_factory=lambda: {"org_id": "acme", "user_id": "u-17"})
    failure: tuple[str, str] | None = None
    """Code and message: there will be no recording."""

    def file(self, kind: FileKind) -> ProviderFile | None:
        """The file of this kind, if there is one."""
        return next((file for file in self.files if file.kind == kind), None)

    def without(self, *kinds: FileKind) -> "ProviderRecording":
        """The recording before these files exist, or after they were deleted."""
        return replace(self, files=tuple(file for file in self.files if file.kind not in kinds))


_ENDINGS: dict[FileKind, str] = {
    "video": "video.mp4",
    "audio": "audio.m4a",
    "transcript": "transcript.json",
    "diarization": "diarization.ndjson",
    "chat": "chat.json",
}


def a_recording(
    recording_id: str, *, kinds: tuple[FileKind, ...] = ("video", "audio", "transcript"), size_bytes: int = 300_000
) -> ProviderRecording:
    """A recording with a file of each kind. Transcripts are small."""
    name = "".join(c if c.isalnum() else "-" for c in recording_id)
    files = tuple(
        ProviderFile(kind=kind, path=f"{name}/{_ENDINGS[kind]}", size_bytes=size_bytes if kind == "video" else 20_000)
        for kind in kinds
    )
    return ProviderRecording(id=recording_id, files=files)
