"""Object keys: computed from the location's template and the Recording, never read from a status or set by a user."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from recording_operator.api.keytemplate import PLACEHOLDER, escape_id, key_pattern

EXTENSIONS: Final[dict[str, str]] = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "video/mp2t": ".ts",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/aac": ".aac",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/webm": ".weba",
    "audio/flac": ".flac",
    "text/plain": ".txt",
    "text/vtt": ".vtt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/x-subrip": ".srt",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/zip": ".zip",
}
"""Extension by declared content type. An undeclared type gets none: a wrong extension is worse than a missing one."""

ABSENT: Final = "-"
"""Replaces an owner field that the Recording does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """The fields of a Recording that go into its keys. All of them are immutable."""

    org: str
    user: str | None
    project: str | None
    namespace: str
    name: str
    uid: str
    created: datetime


def render_key(*, prefix: str, template: str, facts: KeyFacts, artifact: str, content_type: str) -> str:
    """The object key of one artifact. At most 1,024 bytes by the bounds of the schema (S3's limit)."""
    values = {
        "org": escape_id(facts.org),
        "user": escape_id(facts.user or ABSENT),
        "project": escape_id(facts.project or ABSENT),
        "namespace": facts.namespace,
        "name": facts.name,
        "uid": facts.uid,
        "artifact": artifact,
        "ext": EXTENSIONS.get(content_type.partition(";")[0].strip().lower(), ""),
        "year": f"{facts.created:%Y}",
        "month": f"{facts.created:%m}",
        "day": f"{facts.created:%d}",
    }
    return prefix + PLACEHOLDER.sub(lambda found: values[found[1]], template)


def common_prefix(*, prefix: str, template: str, facts: KeyFacts) -> str:
    """The part of the keys before the artifact's name: where all objects of a Recording are."""
    marked = render_key(prefix=prefix, template=template, facts=facts, artifact="\0", content_type="")
    return marked.split("\0", 1)[0]


def uid_pattern(*, prefix: str, template: str) -> re.Pattern[str] | None:
    """A pattern that matches the keys of this template and captures `uid`; None if the template contains no {uid}.

    A sweep aborts only uploads whose owner is known: a key that does not match is not ours.
    """
    return key_pattern(prefix=prefix, template=template)
