"""The files of a Zoom recording, as its webhooks and its API list them.

A meeting has one video for each view that is recorded, and one file of each type for each time that recording was
resumed. Zoom lists all of them in one event, and the transcripts in a second one.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.payload import text, url
from recording_operator.providers.provider import Media, ReadOptions

KINDS: Final = {
    "MP4": ArtifactKind.VIDEO,
    "M4A": ArtifactKind.AUDIO,
    "TRANSCRIPT": ArtifactKind.TRANSCRIPT,
    "CC": ArtifactKind.TRANSCRIPT,
    "SUMMARY": ArtifactKind.SUMMARY,
    "TIMELINE": ArtifactKind.METADATA,
}
"""Chats, polls and thumbnails are Other."""
VIEWS: Final = (
    "shared_screen_with_speaker_view",
    "shared_screen_with_speaker_view(CC)",
    "shared_screen_with_gallery_view",
    "active_speaker",
    "gallery_view",
    "shared_screen",
    "production_studio",
    "host_video",
    "sign_interpretation",
)
"""The best view first. It becomes the artifact `video`; the names of others contain their view."""
NAMES: Final = {
    "audio_only": "audio",
    "audio_transcript": "transcript",
    "closed_caption": "captions",
    "cc_transcript": "captions",
    "chat_file": "chat",
    "summary_next_steps": "next-steps",
    "summary_smart_chapters": "chapters",
}
_MOST_NAME_CHARS: Final = 40
_MOST_FILES: Final = 64


def media_in(
    files: Iterable[Mapping[str, Any]],
    options: ReadOptions,
    *,
    headers: Mapping[str, str] | None,
    expires_at: datetime | None,
) -> tuple[Media, ...]:
    """The files that are wanted and complete. Without `headers` no file has a URL, because none could be downloaded."""
    wanted = [file for file in files if _is_complete(file) and _kind(file) in options.kinds]
    wanted.sort(key=lambda file: (text(file, "recording_start"), _rank(file), text(file, "id")))
    names = _names(wanted[:_MOST_FILES])
    main = _main(names)
    return tuple(
        Media(
            name=name,
            kind=_kind(file),
            reference=_reference(file),
            url=url(file, "download_url", field="download_url") if headers is not None else None,
            headers=headers or {},
            expires_at=expires_at,
            is_main=name == main,
        )
        for name, file in names.items()
    )


def of_event(media: Sequence[Media]) -> tuple[Media, ...]:
    """The files of an event. A file is found again by its name, if it is the only one of its type.

    Otherwise its name changes if another one is deleted at Zoom, so it has a reference with its own id.
    """
    counts = Counter(_type(item) for item in media)
    return tuple(item if counts[_type(item)] > 1 else replace(item, reference="") for item in media)


def _type(media: Media) -> str:
    return "video" if media.kind is ArtifactKind.VIDEO else media.reference.rpartition("-")[0] or media.name


def _is_complete(file: Mapping[str, Any]) -> bool:
    return text(file, "status") in {"", "completed"} and bool(text(file, "download_url", most_chars=1))


def _kind(file: Mapping[str, Any]) -> ArtifactKind:
    return KINDS.get(text(file, "file_type").upper(), ArtifactKind.OTHER)


def _view(file: Mapping[str, Any]) -> str:
    return text(file, "recording_type")


def _rank(file: Mapping[str, Any]) -> int:
    return VIEWS.index(_view(file)) if _view(file) in VIEWS else len(VIEWS)


def _names(files: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Each file by a name that is the same whenever Zoom lists the file, whatever the order.

    The first file of each type has a plain name. Later ones, which exist if recording was paused, have a part of the
    id of the file in theirs.
    """
    named: dict[str, Mapping[str, Any]] = {}
    best_view = min((_rank(file) for file in files if _kind(file) is ArtifactKind.VIDEO), default=0)
    for file in files:
        plain = "video" if _kind(file) is ArtifactKind.VIDEO and _rank(file) == best_view else _plain_name(file)
        named[plain if plain not in named else f"{plain}-{_digest_of_id(file)}"] = file
    return named


def _reference(file: Mapping[str, Any]) -> str:
    """A word for the file that does not depend on other files. Empty if Zoom gives the file no id."""
    return f"{_plain_name(file)}-{_digest_of_id(file)}" if text(file, "id") else ""


def _plain_name(file: Mapping[str, Any]) -> str:
    word = NAMES.get(_view(file)) or _view(file) or text(file, "file_type") or "file"
    return re.sub(r"[^a-z0-9]+", "-", word.lower())[:_MOST_NAME_CHARS].strip("-") or "file"


def _digest_of_id(file: Mapping[str, Any]) -> str:
    identity = text(file, "id") or text(file, "download_url", most_chars=8192)
    return hashlib.sha256(identity.encode()).hexdigest()[:8]


def _main(names: Mapping[str, Mapping[str, Any]]) -> str:
    """The best video, or without any video the audio. All other files are worth less than the recording."""
    return next((name for name in ("video", "audio") if name in names), "")
