"""The state of one StorageLocation, from its first event to its deletion."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy
from recording_operator.engine.backoff import Backoff
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleResult:
    """Whether the location's rules are carried out. `written`: just now they were not.

    `enforced_by` is None if they are not carried out.
    """

    reason: Reason
    message: str
    rules: int = 0
    written: bool = False
    enforced_by: EnforcedBy | None = None

    @property
    def applied(self) -> bool:
        """Whether all rules are carried out."""
        return self.reason in (Reason.LIFECYCLE_APPLIED, Reason.ENFORCED_BY_OPERATOR)

    @property
    def removed(self) -> bool:
        """Whether the spec has no rules any more, and the bucket has none of them."""
        return self.reason is Reason.LIFECYCLE_REMOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The result of a probe: a store that works, or the reason why not.

    `lifecycle` is None if the rules of the bucket were not looked at.
    """

    reason: Reason
    message: str
    capabilities: Capabilities | None = None
    lifecycle: LifecycleResult | None = None
    retry_after: timedelta = timedelta(0)

    @property
    def ready(self) -> bool:
        """Whether Recordings may be stored there."""
        return self.reason is Reason.PROBE_SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStore:
    """A store, and the spec and credentials with which it was opened."""

    store: LocationStore
    location: StorageLocation
    credentials: StoreCredentials | None


@dataclass(slots=True, kw_only=True)
class LocationRecord:
    """One location: its spec, its store, and when to probe it again."""

    location: StorageLocation
    opened: OpenStore | None = None
    result: ProbeResult | None = None
    probing: bool = False
    again: bool = False
    next_probe: datetime | None = None
    """Measured by uptime, so that a change of the clock does not delay it."""
    backoff: Backoff = field(default_factory=Backoff)
    rechecked_at: datetime | None = None

    @property
    def store(self) -> LocationStore | None:
        """The store, with the credentials of the last probe."""
        return self.opened.store if self.opened is not None else None
