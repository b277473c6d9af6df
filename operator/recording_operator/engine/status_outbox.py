"""The requests about one Recording to the API server: one at a time, each guarded by the version it was decided on.

That guard is what keeps a late echo, an edit under way or a second operator from working twice: 300 rounds of 8 racing
claims on a real server always had one winner.

What the outbox waits for is its `state`; every answer brings it back to IDLE:

    IDLE  -> WRITING     flush, write_now, write_finalizers    answered by: written, refused
    IDLE  -> DELETING    delete                                delete_accepted, refused
    IDLE  -> READING     any of these, when the known version is outdated for sure: read, refused
    IDLE  -> CONFIRMING  flush, when another operator seems to work on it: confirmed

What the watch shows while WRITING or DELETING is kept in `newer` until the answer; at other times it is taken at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from recording_operator.api.recording import Claim, Recording, RecordingStatus
from recording_operator.engine.actions import (
    Action,
    ConfirmLeadership,
    DeleteRecording,
    EmitEvent,
    ReadRecording,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.events import PendingEvent, event_about, shown
from recording_operator.engine.facts import WriteRefused, ref_of
from recording_operator.engine.status import dump, says_the_same
from recording_operator.engine.versions import is_newer

SOON: Final = timedelta(seconds=1)
"""Several artifacts that end at about the same time share a write."""
_UNSURE_AT_MOST: Final = 4
_CONFLICTS_WITHOUT_WAIT: Final = 3
"""After more conflicts in a row the next try waits: somebody else writes all the time."""


class OutboxState(Enum):
    """What the outbox waits for."""

    IDLE = "idle"
    WRITING = "writing"
    """The status or the finalizers."""
    DELETING = "deleting"
    READING = "reading"
    CONFIRMING = "confirming"
    """Whether this process still leads."""


@dataclass(slots=True)
class StatusOutbox:
    """What is to be written of one Recording, what was written, and what the API server has said to it."""

    state: OutboxState = OutboxState.IDLE
    decided_on: str = ""
    """The resourceVersion that the open request was decided on."""
    newer: Recording | None = None
    """Seen while a write was not answered."""
    stale: bool = False
    """What is known is outdated for sure: read it before anything is written or started."""
    unsure: bool = False
    """A request was not answered: it may have been carried out."""
    contested: bool = False
    """Somebody else wrote the status: see who leads before the next write."""
    confirmed_on: str | None = None
    """The resourceVersion whose foreign claim was found to be forged or left over."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Statuses that the API server may have accepted without our hearing of it; the last one is the newest."""
    flush_at: datetime | None = None
    """When the status is to be written; None while nothing has changed."""
    flushed_at: datetime | None = None
    refusals: Backoff = field(default_factory=Backoff)
    conflicts: int = 0
    """In a row."""
    told: tuple[str, str] | None = None
    """Phase and reason of the last Event."""
    pending_event: PendingEvent | None = None
    """To be emitted once the API server shows the status that it is about."""

    @property
    def is_idle(self) -> bool:
        """Whether no request waits for its answer."""
        return self.state is OutboxState.IDLE

    @property
    def keeps_versions(self) -> bool:
        """Whether a version that the watch shows has to wait for the answer to a write."""
        return self.state in (OutboxState.WRITING, OutboxState.DELETING)

    def keep(self, recording: Recording) -> None:
        """The watch shows a version while a write is not answered."""
        if self.newer is None or is_newer(recording, self.newer):
            self.newer = recording

    def is_ours(self, status: RecordingStatus) -> bool:
        """Whether we wrote this status, whatever became of the answer."""
        dumped = dump(status)
        return any(says_the_same(dumped, sent) for sent in self.sent)

    # When to write

    def flush_by(self, at: datetime) -> None:
        """Have the status written at `at` or before."""
        if self.flush_at is None or at < self.flush_at:
            self.flush_at = at

    def cancel_flush(self) -> None:
        """Nothing has to be written."""
        self.flush_at = None

    def wake_times(self) -> Iterator[datetime | None]:
        """When time alone lets it ask again."""
        if self.is_idle:
            yield self.flush_at
            yield self.refusals.not_before

    def shift(self, by: timedelta) -> None:
        """The clock was set by so much."""
        self.flush_at = self.flush_at + by if self.flush_at else None
        self.flushed_at = self.flushed_at + by if self.flushed_at else None
        self.refusals.shift(by)

    # Requests

    def flush(
        self, recording: Recording, render: Callable[[], RecordingStatus], *, claim: Claim, now: datetime
    ) -> list[Action]:
        """Write the status if that is due and the server has another one. `claim` is that of this process."""
        if self.flush_at is None or self.flush_at > now or not self._may_ask(now):
            return []
        if self.stale:
            return self._read(recording)
        wanted = render()
        stored, status = dump(recording.status), dump(wanted)
        if status == stored:
            self.flush_at = None
            return []
        if self.contested or self._is_claimed_by_another(recording, claim):
            self.contested = False
            self._wait_for(OutboxState.CONFIRMING, recording)
            return [ConfirmLeadership(uid=recording.metadata.uid)]
        self.flush_at, self.flushed_at = None, now
        self.pending_event = event_about(wanted, told=self.told)
        return self._write(recording, status=status, previous=stored)

    def write_now(self, recording: Recording, wanted: RecordingStatus, now: datetime) -> list[Action]:
        """Write this status of a Recording that is being deleted, where the server has another one."""
        stored, status = dump(recording.status), dump(wanted)
        if status == stored or not self._may_ask(now):
            return []
        return self._read(recording) if self.stale else self._write(recording, status=status, previous=stored)

    def write_finalizers(self, recording: Recording, finalizers: tuple[str, ...], now: datetime) -> list[Action]:
        """Replace the finalizers."""
        if not self._may_ask(now):
            return []
        if self.stale:
            return self._read(recording)
        version = self._wait_for(OutboxState.WRITING, recording)
        return [WriteFinalizers(ref=ref_of(recording), resource_version=version, finalizers=finalizers)]

    def delete(self, recording: Recording, now: datetime) -> list[Action]:
        """Remove the Kubernetes object as it is known."""
        if not self._may_ask(now):
            return []
        if self.stale:
            return self._read(recording)
        version = self._wait_for(OutboxState.DELETING, recording)
        return [DeleteRecording(ref=ref_of(recording), resource_version=version)]

    def _may_ask(self, now: datetime) -> bool:
        return self.is_idle and not self.refusals.holds(now)

    def _write(self, recording: Recording, *, status: dict[str, Any], previous: dict[str, Any]) -> list[Action]:
        self.sent = [*self.sent[-_UNSURE_AT_MOST:], status]
        version = self._wait_for(OutboxState.WRITING, recording)
        return [WriteStatus(ref=ref_of(recording), resource_version=version, status=status, previous=previous)]

    def _read(self, recording: Recording) -> list[Action]:
        self._wait_for(OutboxState.READING, recording)
        return [ReadRecording(ref=ref_of(recording))]

    def _wait_for(self, state: OutboxState, recording: Recording) -> str:
        self.state, self.decided_on = state, recording.metadata.resource_version
        return self.decided_on

    def _is_claimed_by_another(self, recording: Recording, claim: Claim) -> bool:
        """An older leadership's claim is left over; one as new as ours is overruled only after a look at the Lease."""
        other = recording.status.claim
        if other is None or other == claim or other.transitions < claim.transitions:
            return False
        return self.confirmed_on != recording.metadata.resource_version

    # Answers

    def written(self) -> Recording | None:
        """A write was accepted. Returns what the watch has shown meanwhile."""
        self.state = OutboxState.IDLE
        self.refusals, self.conflicts = Backoff(), 0
        self.stale = self.unsure = False
        return self._take_newer()

    def refused(self, fact: WriteRefused, now: datetime) -> Recording | None:
        """A request was not carried out: read after a conflict, wait and try again otherwise.

        Returns what the watch has shown meanwhile.
        """
        self.state = OutboxState.IDLE
        if fact.conflict and not self.unsure:
            self.sent, self.pending_event = [], None  # for certain not written, by nobody or by somebody else
        if fact.conflict:
            self.stale = True
            self.conflicts += 1
        else:
            self.unsure = True
        if not fact.conflict or self.conflicts > _CONFLICTS_WITHOUT_WAIT:
            self.refusals.again(now, at_least=timedelta(seconds=fact.retry_after_s or 0))
        self.flush_by(now)
        return self._take_newer()

    def read(self) -> None:
        """A read was answered."""
        self.state = OutboxState.IDLE
        self.stale = self.unsure = False

    def confirmed(self) -> None:
        """This process leads: the claim of another in the version at hand may be overruled."""
        self.confirmed_on = None if self.is_idle else self.decided_on
        self.state = OutboxState.IDLE

    def closed(self) -> None:
        """The Recording goes: its deletion was accepted, or there was none any more."""
        self.state = OutboxState.IDLE

    def learned(self, recording: Recording, *, by_another: bool) -> None:
        """A version was taken that is not the answer to a write; `by_another` operator was its status written."""
        self.stale = False
        if by_another:
            self.contested = True
            self.told = shown(recording.status)

    def settle(self) -> None:
        """When every write was answered, no status can turn out to be ours any more."""
        if self.is_idle and not self.unsure:
            self.sent = []

    def announce(self, recording: Recording) -> list[Action]:
        """The Event about what was written, once the API server shows it."""
        event = self.pending_event
        if event is None or not self.sent or not says_the_same(dump(recording.status), self.sent[-1]):
            return []
        self.pending_event = None
        if event.shown == self.told:
            return []
        self.told = event.shown
        return [
            EmitEvent(
                ref=ref_of(recording), reason=event.reason, action=event.action, note=event.note, warning=event.warning
            )
        ]

    def _take_newer(self) -> Recording | None:
        newer, self.newer = self.newer, None
        return newer
