"""What is known of one StorageLocation, from the first event about it to its deletion."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.backoff import Backoff
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe found: a store that works, or why there is none."""

    reason: Reason
    message: str
    capabilities: Capabilities | None = None
    retry_after: timedelta = timedelta(0)

    @property
    def ready(self) -> bool:
        """Whether Recordings may go there."""
        return self.reason is Reason.PROBE_SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStore:
    """A store, and what it was opened with."""

    store: LocationStore
    location: StorageLocation
    credentials: StoreCredentials | None


@dataclass(slots=True, kw_only=True)
class LocationRecord:
    """One location: what its spec says, the store that was opened with it, and when to probe that again."""

    location: StorageLocation
    opened: OpenStore | None = None
    result: ProbeResult | None = None
    probing: bool = False
    again: bool = False
    next_probe: datetime | None = None
    """By the machine's uptime: a clock that was set right must not put it off."""
    backoff: Backoff = field(default_factory=Backoff)
    doubted_at: datetime | None = None

    @property
    def store(self) -> LocationStore | None:
        """The store with the credentials of the newest probe."""
        return self.opened.store if self.opened is not None else None
