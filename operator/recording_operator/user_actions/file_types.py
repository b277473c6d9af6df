"""The kind and the media type of a file, by the extension of its name."""

from collections.abc import Mapping
from posixpath import splitext
from typing import Final

from recording_operator.api.recording import ArtifactKind
from recording_operator.engine.keys import EXTENSIONS

_TYPES: Final = {extension: kind for kind, extension in reversed(EXTENSIONS.items())}
_KINDS: Final = {
    "video": ArtifactKind.VIDEO,
    "audio": ArtifactKind.AUDIO,
    ".vtt": ArtifactKind.TRANSCRIPT,
    ".srt": ArtifactKind.TRANSCRIPT,
    ".txt": ArtifactKind.TRANSCRIPT,
}


def file_type(name: str) -> tuple[ArtifactKind, str]:
    """The kind, Other if it is not known, and the media type, empty if it is not known."""
    extension = splitext(name)[1].lower()
    media_type = _TYPES.get(extension, "")
    kind = _KINDS.get(extension) or _KINDS.get(media_type.partition("/")[0]) or ArtifactKind.OTHER
    return kind, media_type


def known_types() -> Mapping[str, tuple[ArtifactKind, str]]:
    """Kind and media type of each known extension, such as .mp4."""
    return {extension: file_type(extension.removeprefix(".") + extension) for extension in _TYPES}
