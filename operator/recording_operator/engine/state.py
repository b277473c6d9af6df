"""The whole state of the engine."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recording_operator.api.recording import Claim
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.artifact_work import WorkState
from recording_operator.engine.budget_holds import BudgetHolds
from recording_operator.engine.echo_filter import EchoFilter
from recording_operator.engine.locations import Locations
from recording_operator.engine.pacing import QueuedStatusPacer
from recording_operator.engine.queue import ArtifactQueue, Capacity, Slots
from recording_operator.engine.quotas import Quotas
from recording_operator.engine.sinks import Sinks
from recording_operator.engine.timers import Timers
from recording_operator.engine.tracked_recording import TrackedRecording
from recording_operator.engine.ttl_schedule import TtlSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """The operator's settings of the control loop."""

    capacity: Capacity
    progress_every: timedelta
    """How often the bytes sent are written to a Recording's status."""
    default_ttl: timedelta
    """How long a finished Recording stays in Kubernetes if its spec does not say. Zero: forever."""
    fresh_urls_every: timedelta = timedelta(minutes=1)
    """How often a provider is queried for a fresh URL of an artifact at most."""
    give_up_cleaning_after: timedelta = timedelta(hours=1)
    give_up_deleting_after: timedelta | None = None
    """How long after its deletion a Recording is kept whose objects cannot be deleted. None: until they can."""


@dataclass(slots=True, kw_only=True)
class EngineState:
    """Shared by the parts of the engine. `claim` names this process and the number of its leadership."""

    claim: Claim
    options: EngineOptions
    slots: Slots
    ttl_schedule: TtlSchedule
    echoes: EchoFilter = field(default_factory=EchoFilter)
    recordings: dict[str, TrackedRecording] = field(default_factory=dict)
    """By uid."""
    locations: Locations = field(default_factory=Locations)
    budget_holds: BudgetHolds = field(default_factory=BudgetHolds)
    sinks: Sinks = field(default_factory=Sinks)
    quotas: Quotas = field(default_factory=Quotas)
    quotas_due: datetime | None = None
    """When artifacts that wait for room in a quota may be compared with it again."""
    queue: ArtifactQueue = field(default_factory=ArtifactQueue)
    timers: Timers = field(default_factory=Timers)
    draining: bool = False
    queued_pacer: QueuedStatusPacer = field(default_factory=QueuedStatusPacer)

    def shift(self, by: timedelta) -> None:
        """Shift all instants: the clock was set forward or back by `by`."""
        self.timers.shift(by)
        self.queued_pacer.shift(by)
        self.locations.shift(by)
        self.quotas_due = self.quotas_due + by if self.quotas_due else None

    def location_of(self, tracked: TrackedRecording) -> StorageLocation | None:
        """The Recording's location as last seen, ready or not."""
        return self.locations.get(tracked.location)

    def drop_from_queue(self, tracked: TrackedRecording) -> None:
        """Remove all artifacts of a Recording from the queue."""
        for name in tracked.artifacts:
            self.queue.discard((tracked.uid, name))

    def release_slots(self, tracked: TrackedRecording) -> None:
        """Give back the slots that are reserved for a Recording and not used yet."""
        for work in tracked.in_state(WorkState.RESERVED):
            work.release()
            self.slots.give_back((tracked.uid, work.name))
