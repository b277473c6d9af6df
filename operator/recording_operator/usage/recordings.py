"""What the Recordings say: who owns which uid, how many there are, and how fast they were stored.

Reads plain dicts, because parsing a hundred thousand models would be slow. The operator wrote the statuses, but a field
may be missing or written by another version, so every field is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from recording_operator.usage.owners import RecordingIndex
from recording_operator.usage.sample import OTHER, UNKNOWN, RecordingRow
from recording_operator.usage.sums import MOST_OWNERS

_DAY: Final = timedelta(days=1)
_EXPIRED: Final = "Expired"


@dataclass(slots=True)
class _RecordingSum:
    recordings: int = 0
    complete_24h: int = 0
    failed_24h: int = 0
    bytes_24h: int = 0
    seconds_24h: int = 0
    timed_24h: int = 0


@dataclass(slots=True)
class RecordingTally:
    """Sums over all Recordings by location, organisation and namespace. Listed once for all locations."""

    index: RecordingIndex
    now: datetime
    _by_location: dict[str, dict[tuple[str, str], _RecordingSum]] = field(default_factory=dict)

    def add(self, raw: Mapping[str, Any]) -> str | None:
        """Count a Recording (a dict from the API server). Returns its location; None if it is not placed yet."""
        metadata = raw["metadata"]
        org, namespace = org_of_recording(raw), str(metadata["namespace"])
        location = location_of_recording(raw)
        self.index.add(uid_of_recording(raw), org=org, namespace=namespace)
        if location is None:
            return None
        owners = self._by_location.setdefault(location, {})
        found = owners.get((org, namespace))
        if found is None:
            beyond = len(owners) >= MOST_OWNERS
            found = owners.setdefault((OTHER, OTHER) if beyond else (org, namespace), _RecordingSum())
        status = raw.get("status") or {}
        found.recordings += not has_expired(status)
        self._add_recent(found, status)
        return location

    def rows(self, location: str) -> tuple[RecordingRow, ...]:
        """The sums of a location."""
        return tuple(
            RecordingRow(
                org=org,
                namespace=namespace,
                recordings=found.recordings,
                complete_24h=found.complete_24h,
                failed_24h=found.failed_24h,
                bytes_24h=found.bytes_24h,
                seconds_24h=found.seconds_24h,
                timed_24h=found.timed_24h,
            )
            for (org, namespace), found in sorted(self._by_location.get(location, {}).items())
        )

    def _add_recent(self, found: _RecordingSum, status: Mapping[str, Any]) -> None:
        ended = parse_time(status.get("completedAt"))
        if ended is None or not self.now - _DAY < ended <= self.now + _DAY:
            return
        if status.get("phase") == "Failed":
            found.failed_24h += 1
        elif status.get("phase") == "Complete":
            found.complete_24h += 1
            found.bytes_24h += sum(size for size, _ in stored_artifacts(status))
            began = parse_time(status.get("startedAt"))
            if began is not None and began <= ended:
                found.seconds_24h += int((ended - began).total_seconds())
                found.timed_24h += 1


def location_of_recording(raw: Mapping[str, Any]) -> str | None:
    """The location of a Recording, as `Recording.location` says it; None before it is placed."""
    name = (raw.get("status") or {}).get("storageLocation") or raw["spec"].get("storageLocation")
    return None if name is None else str(name)


def uid_of_recording(raw: Mapping[str, Any]) -> str:
    """The uid in the keys of a Recording's objects.

    Of a rebuilt Recording it is that of the lost one, once the operator has verified an object: anyone can write an
    identity into a spec.
    """
    own, former = str(raw["metadata"]["uid"]), claimed_uids(raw)[-1]
    return former if former == own or stored_artifacts(raw.get("status") or {}) else own


def claimed_uids(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The uid of a Recording, and the one in its `spec.identity`, which may be that of another."""
    former = (raw["spec"].get("identity") or {}).get("uid")
    own = str(raw["metadata"]["uid"])
    return (own,) if former is None else (own, str(former))


def org_of_recording(raw: Mapping[str, Any]) -> str:
    """The organisation that owns a Recording."""
    return str((raw["spec"].get("owner") or {}).get("org") or UNKNOWN)


def stored_artifacts(status: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Size and ETag of each artifact that is in the store."""
    return [
        (int(artifact.get("bytesTotal") or artifact.get("bytesDone") or 0), str(artifact.get("etag") or ""))
        for artifact in status.get("artifacts") or ()
        if artifact.get("phase") == "Complete" and artifact.get("reason") != _EXPIRED
    ]


def has_expired(status: Mapping[str, Any]) -> bool:
    """Whether everything that was stored has expired."""
    stored = [one.get("reason") for one in status.get("artifacts") or () if one.get("phase") == "Complete"]
    return bool(stored) and all(reason == _EXPIRED for reason in stored)


def parse_time(value: object) -> datetime | None:
    """A time as Kubernetes writes it; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo is not None else None
