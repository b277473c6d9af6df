"""How far the end of a deleted Recording has come."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.engine.backoff import Backoff
from recording_operator.engine.status import DeletionBlocker


@dataclass(slots=True)
class Teardown:
    """What was done in the store about a deleted Recording, and what keeps it."""

    since: datetime
    in_flight: bool = False
    done: bool = False
    told: bool = False
    """An Event said that the objects stay."""
    blocked: DeletionBlocker | None = None
    no_bucket: bool = False
    """The last try found no bucket."""
    backoff: Backoff = field(default_factory=Backoff)

    def shift(self, by: timedelta) -> None:
        """The clock was set by so much."""
        self.since += by
        self.backoff.shift(by)
