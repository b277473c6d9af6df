"""The engine's state of the manifest of one Recording."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.engine.backoff import Backoff

LONGEST_HOLD: Final = timedelta(seconds=2)
"""How long the write of the end waits for the manifest."""
MOST_TRIES: Final = 6
"""After three minutes of failures the Recording is forgotten. The sweep of unsettled Recordings brings it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFailure:
    """Why the manifest could not be written."""

    reason: Reason
    message: str


@dataclass(slots=True)
class ManifestWork:
    """What this process has written, what it waits for, and what failed."""

    uri: str | None = None
    revision: str | None = None
    """Of the manifest that this process has written."""
    in_flight: bool = False
    hold_until: datetime | None = None
    """The first write of the status that says Complete or Failed waits until then, while the manifest is in flight."""
    failure: ManifestFailure | None = None
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def given_up(self) -> bool:
        """Whether it failed so often that the Recording is forgotten until the next sweep."""
        return self.backoff.tries >= MOST_TRIES

    def begin(self, now: datetime) -> None:
        """A write is requested."""
        self.in_flight = True
        self.hold_until = now + LONGEST_HOLD if self.backoff.tries == 0 else None

    def holds_status(self, now: datetime) -> bool:
        """Whether the status waits for the result."""
        return self.in_flight and self.hold_until is not None and now < self.hold_until

    def written(self, *, uri: str, revision: str) -> None:
        """The manifest is in the store."""
        self.uri, self.revision = uri, revision
        self.in_flight, self.hold_until = False, None
        self.forget_failures()

    def failed(self, failure: ManifestFailure | None, now: datetime, *, retry_after_s: float | None = None) -> None:
        """The manifest was not written; without a failure, nothing was tried."""
        self.in_flight, self.hold_until = False, None
        self.failure = failure or self.failure
        self.backoff.again(now, at_least=timedelta(seconds=retry_after_s or 0))

    def forget_failures(self) -> None:
        """Try again at once."""
        self.failure, self.backoff = None, Backoff()

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self.hold_until = self.hold_until + by if self.hold_until else None
        self.backoff.shift(by)
