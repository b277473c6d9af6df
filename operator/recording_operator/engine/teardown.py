"""The progress of the deletion of a Recording."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.api.notification import Notification
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.status import DeletionBlocker


@dataclass(slots=True)
class Teardown:
    """The progress of the clean-up of a deleted Recording, and what blocks its deletion."""

    since: datetime
    gives_up_after: timedelta | None = None
    """How long after the request a deletion that is blocked is given up; None: never."""
    in_flight: bool = False
    deletes_objects: bool = False
    """The clean-up that was requested last deletes objects."""
    objects_deleted: bool = False
    done: bool = False
    announced: bool = False
    """An Event has reported that the objects are kept."""
    blocked: DeletionBlocker | None = None
    no_bucket: bool = False
    """The last try did not find the bucket."""
    backoff: Backoff = field(default_factory=Backoff)
    notices: list[Notification] | None = None
    """The last events of the Recording, once the store is cleaned up."""
    earlier_notices_until: datetime | None = None
    """When those that have failed and are not the last one of their sink are given up."""
    notices_until: datetime | None = None
    """When those that are not delivered are given up."""

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self.since += by
        earlier = self.earlier_notices_until
        self.earlier_notices_until = earlier + by if earlier else None
        self.notices_until = self.notices_until + by if self.notices_until else None
        self.backoff.shift(by)
