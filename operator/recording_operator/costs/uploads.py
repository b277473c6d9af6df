"""Usage according to the Recordings: their number, speed and, if a bucket cannot be listed, the stored bytes.

Reads plain dicts, because parsing a hundred thousand models would be slow. The operator wrote the statuses, but a field
may be missing or written by another version, so every field is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from recording_operator.costs.arrivals import Amount, UploadDay, Window, earliest
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.profile import Profile
from recording_operator.costs.usage import UNKNOWN, Holding, Scope, Usage, billable_of, writes_of

_DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class RecordingTally:
    """Sums over all Recordings in scope."""

    index: RecordingIndex
    scope: Scope
    window: Window
    count: int = 0
    by_org: dict[str, int] = field(default_factory=dict)
    by_namespace: dict[str, int] = field(default_factory=dict)
    by_location: dict[str, int] = field(default_factory=dict)
    uploads_24h: int = 0
    upload_bytes_24h: int = 0
    failed_24h: int = 0
    seconds_24h: int = 0
    timed_24h: int = 0

    def add(self, raw: Mapping[str, Any]) -> bool:
        """Count a Recording (a dict from the API server). Returns whether it is in scope."""
        metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
        org, namespace = str((spec.get("owner") or {}).get("org") or UNKNOWN), str(metadata["namespace"])
        location = str(spec.get("storageLocation"))
        self.index.add(metadata["uid"], org=org, namespace=namespace)
        locations = self.scope.storage_locations
        if not self.scope.holds(org=org, namespace=namespace) or (locations and location not in locations):
            return False
        self.count += 1
        for counts, name in ((self.by_org, org), (self.by_namespace, namespace), (self.by_location, location)):
            counts[name] = counts.get(name, 0) + 1
        self._add_recent(status)
        return True

    @property
    def success_rate(self) -> tuple[int, int]:
        """Recordings that became Complete in the last 24 hours, and all that ended."""
        return self.uploads_24h, self.uploads_24h + self.failed_24h

    def _add_recent(self, status: Mapping[str, Any]) -> None:
        ended = parse_time(status.get("completedAt"))
        if ended is None or not self.window.now - _DAY < ended <= self.window.now + _DAY:
            return
        if status.get("phase") == "Failed":
            self.failed_24h += 1
        elif status.get("phase") == "Complete":
            self.uploads_24h += 1
            self.upload_bytes_24h += sum(size for size, _ in stored_artifacts(status))
            began = parse_time(status.get("startedAt"))
            if began is not None and began <= ended:
                self.seconds_24h += int((ended - began).total_seconds())
                self.timed_24h += 1


def add_recording(
    usage: Usage, raw: Mapping[str, Any], *, storage_class: str | None, profile: Profile, window: Window
) -> None:
    """Count the stored bytes of a Recording, for a location whose bucket cannot be listed."""
    spec, status = raw["spec"], raw.get("status") or {}
    name = storage_class or profile.default_storage_class
    billable = billable_of(profile.price_of(name))
    org, location = str((spec.get("owner") or {}).get("org") or UNKNOWN), str(spec["storageLocation"])
    ended = parse_time(status.get("completedAt"))
    for size_bytes, etag in stored_artifacts(status):
        holding = Holding(location, name, org, str(raw["metadata"]["namespace"]))
        usage.amount(holding).add(size_bytes=size_bytes, billable_bytes=billable(size_bytes))
        if ended is not None and ended > earliest(window):
            amount = Amount(writes_of(etag), size_bytes, billable(size_bytes))
            usage.arrivals.add(UploadDay(location, name, org, ended.date()), amount, ended, window)


def stored_artifacts(status: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Size and ETag of each artifact that is in the store."""
    return [
        (int(artifact.get("bytesTotal") or artifact.get("bytesDone") or 0), str(artifact.get("etag") or ""))
        for artifact in status.get("artifacts") or ()
        if artifact.get("phase") == "Complete"
    ]


def parse_time(value: object) -> datetime | None:
    """A time as Kubernetes writes it; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None
