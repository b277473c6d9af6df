"""A Recording as one line: read from the API server's dict, because a list of thousands is not validated again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from recording_operator.times import age, relative
from recording_operator.user_actions.csv_columns import CsvRecording

COLUMNS: Final = ("NAME", "PHASE", "PROGRESS", "SIZE", "ATTEMPTS", "NEXT-RETRY", "EXPIRES", "LOCATION", "AGE")
WIDE_COLUMNS: Final = (*COLUMNS, "ORG", "REASON", "TITLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """What a list shows of a Recording. Times are as the API server writes them; what is unknown is empty."""

    namespace: str
    name: str
    phase: str
    reason: str
    progress: str
    size: str
    bytes_done: int
    bytes_total: int
    attempts: int
    next_retry: str
    expires: str
    location: str
    org: str
    user: str
    project: str
    title: str
    created: str
    completed: str

    def cells(self, *, now: datetime, wide: bool) -> list[str]:
        """The columns of the table."""
        cells = [
            self.name,
            self.phase,
            self.progress,
            self.size,
            str(self.attempts),
            relative(self.next_retry, now=now),
            relative(self.expires, now=now),
            self.location,
            age(self.created, now=now),
        ]
        return [*cells, self.org, self.reason, self.title] if wide else cells

    def csv_cells(self) -> list[str]:
        """The columns of the CSV."""
        return CsvRecording(
            namespace=self.namespace,
            name=self.name,
            phase=self.phase,
            reason=self.reason,
            progress=self.progress,
            bytes=str(self.bytes_total),
            attempts=str(self.attempts),
            next_retry=self.next_retry,
            expires=self.expires,
            location=self.location,
            org=self.org,
            user=self.user,
            project=self.project,
            title=self.title,
            created=self.created,
            completed=self.completed,
        ).cells()


def row_of(manifest: Mapping[str, Any]) -> ListedRecording:
    """The row of a Recording."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
    owner = spec.get("owner") or {}
    return ListedRecording(
        namespace=metadata["namespace"],
        name=metadata["name"],
        phase=status.get("phase") or "Pending",
        reason=status.get("reason") or "",
        progress=status.get("progress") or "",
        size=status.get("size") or "",
        bytes_done=status.get("bytesDone") or 0,
        bytes_total=status.get("bytesTotal") or 0,
        attempts=status.get("attempts") or 0,
        next_retry=status.get("nextRetryTime") or "",
        expires=status.get("expiresAt") or "",
        location=status.get("storageLocation") or spec.get("storageLocation") or "",
        org=owner.get("org") or "",
        user=owner.get("user") or "",
        project=owner.get("project") or "",
        title=spec.get("title") or "",
        created=metadata.get("creationTimestamp") or "",
        completed=status.get("completedAt") or "",
    )
