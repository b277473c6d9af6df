"""The artifacts of a Recording on its status page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from recording_operator.api.units import format_bytes
from recording_operator.cells import clean, width
from recording_operator.cli.recordings.words import reason_sentence
from recording_operator.cli.screen.bars import bar
from recording_operator.cli.screen.page import Page
from recording_operator.cli.screen.text import phase_style
from recording_operator.times import relative

_BAR_COLUMNS: Final = 20
_UPLOADING: Final = "Uploading"
_COMPLETE: Final = "Complete"
_PHASE_COLUMNS: Final = len(_UPLOADING)
_OF_RECORDING: Final = frozenset({"Uploading", "Stored", "Queued"})
"""Reasons that say no more than the phase."""
_VERIFIED: Final = {
    "FullObjectCRC64NVME": "verified: the CRC64NVME that the store computed matches",
    "ETagMD5": "verified: the ETag that the store computed matches",
    "ReadBack": "verified: the object was read back and matches",
    "NotProved": "not known how it was verified",
}


def write_artifacts(page: Page, manifest: Mapping[str, Any], *, now: datetime) -> None:
    """Write one paragraph for each artifact."""
    states = {one["name"]: one for one in (manifest.get("status") or {}).get("artifacts") or ()}
    specs = manifest["spec"].get("artifacts") or ()
    room = max((width(clean(one["name"])) for one in specs), default=0)
    page.section("Artifacts")
    for spec in specs:
        _write_artifact(page, spec, states.get(spec["name"], {}), room=room, now=now)


def _write_artifact(page: Page, spec: Mapping[str, Any], state: Mapping[str, Any], *, room: int, now: datetime) -> None:
    phase = clean(state.get("phase") or "Pending")
    name = clean(spec["name"])
    shown = f"{phase:<{_PHASE_COLUMNS}}"
    shown = phase_style(shown, phase) if page.style.has_colour else shown
    kind = clean(spec.get("kind") or "") + (", optional" if spec.get("optional") else "")
    head = "  ".join(part for part in (name.ljust(room), shown, _amount(page, state), kind) if part)
    page.lines.append(f"  {head}".rstrip())
    indent = room + 4
    reason = state.get("reason") or ""
    if reason and reason not in _OF_RECORDING:
        page.text(f"{reason}: {state.get('message') or reason_sentence(reason)}", indent=indent)
    page.text(_retries(state, now=now), indent=indent)
    page.text(state.get("uri") or state.get("key"), indent=indent)
    page.text(_checksum(state), indent=indent)
    if phase != _COMPLETE:
        page.text(_source(spec, now=now), indent=indent)


def _amount(page: Page, state: Mapping[str, Any]) -> str:
    done, total = state.get("bytesDone") or 0, state.get("bytesTotal")
    if state.get("phase") == _COMPLETE:
        return format_bytes(done or total or 0)
    if total is None:
        return format_bytes(done) if done else ""
    share = done / total if total else 0.0
    drawn = f"{bar(share, room=_BAR_COLUMNS)} " if page.style.has_bars else ""
    return f"{drawn}{share * 100:.1f}%, {format_bytes(done)} of {format_bytes(total)}"


def _retries(state: Mapping[str, Any], *, now: datetime) -> str:
    attempts = state.get("attempts") or 0
    failed = f"{attempts} failed attempt{'s' if attempts > 1 else ''}" if attempts else ""
    following = f"next attempt {relative(state.get('nextRetryTime'), now=now)}" if state.get("nextRetryTime") else ""
    text = ", ".join(part for part in (failed, following) if part)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _checksum(state: Mapping[str, Any]) -> str:
    integrity = state.get("integrity") or ""
    algorithm = state.get("provedChecksum")
    parts = (
        state.get("checksum") or "",
        _VERIFIED.get(integrity, integrity),
        f"the {algorithm} in the spec matches too" if algorithm else "",
    )
    return ", ".join(part for part in parts if part)


def _source(spec: Mapping[str, Any], *, now: datetime) -> str:
    """Where it comes from, without anything that is secret in a URL, and how long that works."""
    source = spec.get("source") or {}
    if spec.get("contentSecretRef"):
        return f"From Secret {spec['contentSecretRef']['name']}, key {spec['contentSecretRef']['key']}."
    if found := source.get("object"):
        return f"From object {found.get('key')} of StorageLocation {found.get('storageLocation')}."
    parts = [_url(source)]
    if provider := source.get("provider"):
        parts.append(f"recording {provider.get('id')} of RecordingSource {provider.get('recordingSource')}")
    where = ", ".join(part for part in parts if part)
    if not where:
        return ""
    expires = source.get("expiresAt")
    verb = "expires" if relative(expires, now=now).startswith("in ") else "expired"
    return f"From {where}." + (f" The URL {verb} {relative(expires, now=now)}." if expires else "")


def _url(source: Mapping[str, Any]) -> str:
    if source.get("urlSecretRef"):
        return f"the URL in Secret {source['urlSecretRef']['name']}, key {source['urlSecretRef']['key']}"
    try:
        return urlsplit(source.get("url") or "").hostname or ""
    except ValueError:
        return ""
