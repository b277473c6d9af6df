"""A Recording in sentences: its state, why, and what to do."""

from collections.abc import Mapping
from typing import Any

from recording_operator.api.reasons import Reason
from recording_operator.cli.screen.text import clean


def reason_sentence(reason: str | None) -> str:
    """What a reason means and what to do, as in docs/troubleshooting.md. Empty for one that this version lacks."""
    try:
        return Reason(reason).sentence if reason else ""
    except ValueError:
        return ""


def why(manifest: Mapping[str, Any]) -> str:
    """Message and reason of the phase, such as `video: The source responded with 404. (SourceNotFound: …)`."""
    status = manifest.get("status") or {}
    reason = status.get("reason") or ""
    explained = f"{reason}: {reason_sentence(reason)}" if reason_sentence(reason) else reason
    return clean(" ".join(part for part in (status.get("message") or "", explained) if part))


def progress_words(manifest: Mapping[str, Any]) -> str:
    """Phase and progress, such as `Uploading, 45.1%`, `Pending, Queued` or, during a move, `Moving, 45.1%`."""
    status = manifest.get("status") or {}
    phase = status.get("phase") or "Pending"
    if status.get("reason") == Reason.MOVING:
        return clean(f"{Reason.MOVING}, {status.get('progress') or '0%'}")
    detail = status.get("progress") if phase == "Uploading" else status.get("reason")
    return clean(f"{phase}, {detail}" if detail else phase)
