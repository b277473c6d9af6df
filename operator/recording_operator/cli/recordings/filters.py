"""Which Recordings a verb shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from recording_operator.cli.recordings.row import ListedRecording
from recording_operator.times import parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """The options that filter. Those that are not given admit everything."""

    selector: str | None = None
    """Labels, which the API server compares."""
    phases: tuple[str, ...] = ()
    orgs: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    older_than: timedelta | None = None
    newer_than: timedelta | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything is filtered."""
        return self != RecordingFilter()

    def admits(self, row: ListedRecording, *, now: datetime) -> bool:
        """Whether a Recording with the labels is shown."""
        created = parse_time(row.created) or now
        return (
            (not self.phases or row.phase in self.phases)
            and (not self.orgs or row.org in self.orgs)
            and (not self.locations or row.location in self.locations)
            and (self.older_than is None or now - created > self.older_than)
            and (self.newer_than is None or now - created < self.newer_than)
        )
