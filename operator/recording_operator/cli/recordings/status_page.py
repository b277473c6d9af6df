"""The page that `status` prints about a Recording."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from recording_operator.api.units import format_bytes
from recording_operator.cli.recordings.artifact_lines import write_artifacts
from recording_operator.cli.recordings.last_write import last_status_write
from recording_operator.cli.recordings.words import reason_sentence
from recording_operator.cli.screen.bars import bar, stored_share
from recording_operator.cli.screen.page import Page, PageStyle
from recording_operator.cli.screen.text import phase_style
from recording_operator.times import age, parse_time, relative, span
from recording_operator.user_actions.object_events import ObjectEvents

_BAR_COLUMNS: Final = 30
_OF_PHASE: Final = frozenset({"Ready", "Reconciling", "Stalled"})
"""Conditions that the phase and the reason repeat."""
_AS_IT_SHOULD_BE: Final = {"IntegrityVerified": "True", "ManifestWritten": "True", "OldObjectsRemoved": "True",
                           "Stored": "True", "DeletionBlocked": "False"}  # fmt: skip
_NOTHING_YET: Final = "NotStoredYet"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownParts:
    """A Recording and when it is looked at."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    now: datetime

    @property
    def phase(self) -> str:
        return self.status.get("phase") or "Pending"


def status_page(manifest: Mapping[str, Any], events: ObjectEvents | None, *, now: datetime, style: PageStyle) -> str:
    """The page. Without `events` it has no section about them."""
    page = Page(style=style)
    shown = _ShownParts(
        metadata=manifest["metadata"], spec=manifest["spec"], status=manifest.get("status") or {}, now=now
    )
    _write_identity(page, shown)
    _write_phase(page, shown)
    _write_progress(page, shown)
    _write_place(page, shown)
    write_artifacts(page, manifest, now=now)
    _write_move(page, shown)
    _write_notifications(page, shown)
    _write_conditions(page, shown)
    if events is not None:
        _write_events(page, events, now=now)
    return str(page)


def _write_identity(page: Page, shown: _ShownParts) -> None:
    owner = shown.spec.get("owner") or {}
    people = [owner.get("org") or "", *(f"{key} {owner[key]}" for key in ("user", "project") if owner.get(key))]
    page.row("Recording", f"{shown.metadata['namespace']}/{shown.metadata['name']}")
    page.row("Title", shown.spec.get("title"))
    page.row("Owner", ", ".join(people))
    page.row("Created", relative(shown.metadata.get("creationTimestamp"), now=shown.now))


def _write_phase(page: Page, shown: _ShownParts) -> None:
    status = shown.status
    since = status.get("completedAt") if shown.phase in {"Complete", "Failed"} else None
    when = f", {relative(since, now=shown.now)}" if since else ""
    paint = partial(phase_style, phase=shown.phase) if page.style.has_colour else None
    page.row("Phase", f"{shown.phase}{when}", paint=paint)
    reason = status.get("reason") or ""
    page.row("Reason", f"{reason}: {reason_sentence(reason)}" if reason_sentence(reason) else reason)
    page.row("Message", status.get("message"))
    for note in _notes(shown):
        page.row("Note", note)


def _notes(shown: _ShownParts) -> list[str]:
    spec, metadata, seen = shown.spec, shown.metadata, shown.status.get("observedGeneration")
    deleted = metadata.get("deletionTimestamp")
    notes = []
    if deleted:
        notes.append(
            f"It is being deleted since {age(deleted, now=shown.now)}, with deletionPolicy "
            f"{spec.get('deletionPolicy') or 'Retain'}."
        )
    if not seen:
        notes.append("The operator has not processed it yet. If that does not change, check that the operator runs.")
    elif seen < (metadata.get("generation") or 0):
        notes.append("The operator has not processed the last edit yet.")
    return notes


def _write_progress(page: Page, shown: _ShownParts) -> None:
    status = shown.status
    progress, share = status.get("progress") or "", stored_share(status.get("progress") or "")
    done, total = status.get("bytesDone") or 0, status.get("bytesTotal")
    is_drawn = page.style.has_bars and share is not None and shown.phase == "Uploading"
    drawn = f"{bar(share or 0.0, room=_BAR_COLUMNS)} " if is_drawn else ""
    amounts = f", {format_bytes(done)} of {format_bytes(total)}" if total and share is not None else ""
    page.row("Progress", f"{drawn}{progress}{amounts}" if progress else "")
    page.row("Speed", _speed(shown))
    page.row("Retries", _retries(shown))
    expires = relative(status.get("expiresAt"), now=shown.now)
    page.row("URL", f"{'expires' if expires.startswith('in ') else 'expired'} {expires}" if expires else "")


def _speed(shown: _ShownParts) -> str:
    """The average until the operator last wrote the status. Two reads would often see the same status."""
    started, written = parse_time(shown.status.get("startedAt")), last_status_write(shown.metadata) or shown.now
    done, total = shown.status.get("bytesDone") or 0, shown.status.get("bytesTotal")
    if shown.phase != "Uploading" or started is None or not done:
        return ""
    seconds = (written - started).total_seconds()
    if seconds < 1:
        return ""
    rate = done / seconds
    left = f", at this rate {span((total - done) / rate)} more" if total else ""
    return f"{format_bytes(int(rate))}/s on average in {span(seconds)}{left}"


def _retries(shown: _ShownParts) -> str:
    attempts, following = shown.status.get("attempts") or 0, shown.status.get("nextRetryTime")
    parts = [f"{attempts} failed attempt{'s' if attempts > 1 else ''}"] if attempts else []
    parts += [f"next one {relative(following, now=shown.now)}"] if following else []
    return ", ".join(parts)


def _write_place(page: Page, shown: _ShownParts) -> None:
    status = shown.status
    location = status.get("storageLocation") or shown.spec.get("storageLocation") or "not chosen yet"
    inside = [f"bucket {status['bucket']}"] if status.get("bucket") else []
    inside += [f"prefix {status['prefix']}"] if status.get("prefix") else []
    page.row("Location", location + (f" ({', '.join(inside)})" if inside else ""))
    page.row("Manifest", status.get("manifestUri"))


def _write_move(page: Page, shown: _ShownParts) -> None:
    move = shown.status.get("move") or {}
    if not move:
        return
    page.section("Move")
    if move.get("to"):
        page.text(f"The objects are being copied to StorageLocation {move['to']}.")
    if move.get("from"):
        page.text(f"The old objects are being removed from StorageLocation {move['from']}.")
    for one in move.get("artifacts") or ():
        done, total = one.get("bytesDone") or 0, one.get("bytesTotal")
        amounts = f", {format_bytes(done)} of {format_bytes(total)}" if total else ""
        problem = f". {one['reason']}: {one.get('message') or ''}" if one.get("message") else ""
        page.text(f"{one['name']}: {one.get('phase')}{amounts}{problem}", indent=4)


def _write_notifications(page: Page, shown: _ShownParts) -> None:
    sent = shown.status.get("notifications") or ()
    if not sent:
        return
    page.section("Notifications")
    page.rows([[one["event"], f"to {one['sink']}", _delivery(one, now=shown.now)] for one in sent])


def _delivery(notification: Mapping[str, Any], *, now: datetime) -> str:
    attempts, message = notification.get("attempts") or 0, notification.get("message") or ""
    tries = f" after {attempts} failed attempt{'s' if attempts > 1 else ''}" if attempts else ""
    if notification.get("phase") == "Delivered":
        return "delivered"
    if notification.get("phase") == "Failed":
        return f"given up{tries}. {message}".rstrip()
    following = relative(notification.get("nextRetryTime"), now=now)
    return f"pending{tries}{f', next one {following}' if following else ''}. {message}".rstrip()


def _write_conditions(page: Page, shown: _ShownParts) -> None:
    problems = [one for one in shown.status.get("conditions") or () if _matters(one)]
    if problems:
        page.section("Conditions")
    for one in problems:
        text = one.get("message") or reason_sentence(one.get("reason"))
        page.text(f"{one['type']} is {one['status']}: {one.get('reason')}. {text}")


def _matters(condition: Mapping[str, Any]) -> bool:
    kind = condition["type"]
    if kind in _OF_PHASE or condition.get("reason") == _NOTHING_YET:
        return False
    return bool(condition.get("status") != _AS_IT_SHOULD_BE.get(kind))


def _write_events(page: Page, events: ObjectEvents, *, now: datetime) -> None:
    page.section("Events")
    page.text(events.missing)
    if not events.missing and not events.found:
        page.text("There are none, or they have expired.")
    rows = [
        [age(one.time, now=now) + (f" (x{one.count})" if one.count > 1 else ""), one.type, one.reason, one.note]
        for one in events.found
    ]
    page.rows(rows)
