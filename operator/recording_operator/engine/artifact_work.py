"""The engine's state of one artifact while there is work to do for its Recording.

`state` is the progress of the work. Only these methods change it:

    WAITING              -> RESERVED    reserve           a slot is free
    RESERVED             -> WAITING     release           it has to wait after all, or the Recording ends
    RESERVED             -> RUNNING     start             the API server shows our claim
    RUNNING              -> STOPPING    stop              suspended, cancelled or deleted; or the operator ends
    RUNNING, STOPPING    -> WAITING     end               the transfer has ended, with any outcome
    WAITING              -> ABORT_DUE   plan_abort        the artifact has failed and may have an open upload
    ABORT_DUE            -> WAITING     cancel_abort      it may continue that upload
    ABORT_DUE            -> ABORTING    begin_abort       the API server shows that it has failed
    ABORTING             -> ABORT_DUE   put_off_abort     it failed and is retried later
    ABORT_DUE, ABORTING  -> WAITING     forget_upload     it was aborted, or is left to the sweep of orphaned uploads
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.engine.backoff import LONGEST_WAIT, Backoff


class WorkState(Enum):
    """The state of the work on an artifact."""

    WAITING = "waiting"
    """Nothing is running. The artifact waits for a slot, a time or an edit, or is finished."""
    RESERVED = "reserved"
    """It has a slot. The transfer starts when the claim is written."""
    RUNNING = "running"
    """In transfer."""
    STOPPING = "stopping"
    """In transfer, and a stop was requested."""
    ABORT_DUE = "abort due"
    """Its upload has to be aborted."""
    ABORTING = "aborting"
    """The abort of its upload was requested."""


_IN_TRANSFER: Final = frozenset({WorkState.RUNNING, WorkState.STOPPING})
_ABORT_PLANNED: Final = frozenset({WorkState.ABORT_DUE, WorkState.ABORTING})


@dataclass(slots=True)
class PendingAbort:
    """The abort of an upload: when it was planned, and when it is retried."""

    since: datetime
    backoff: Backoff


@dataclass(slots=True)
class ArtifactWork:
    """One artifact. `status` is newer than the one in the Recording's status."""

    status: ArtifactStatus
    state: WorkState = WorkState.WAITING
    abort: PendingAbort | None = None
    """While an abort is due or under way."""
    hold: Backoff | None = None
    """Delays after failures that are not the artifact's fault."""
    upload_not_named: bool = False
    """Its upload exists, and no status that the API server has shown names it."""
    may_have_upload: bool = False
    """It was in transfer: there may be an upload that no status names."""
    may_be_stored: bool = False
    """An operator process ended during its transfer: there may be an object that no status names."""
    reading_secret: bool = False
    secret_changed: bool = False
    """The contents of the Secrets that its source names differ from those of the last attempt."""
    has_no_length: bool = False
    """Its source stated no length in the last attempt."""
    has_untried_url: bool = False
    """A provider is queried for a fresh URL, or has given one which has not moved a byte yet."""
    asked_at: datetime | None = None
    """When the last attempt began for which the provider may have been queried."""
    started_bytes: int = 0
    """The bytes that were stored when the last attempt began. Noted only if there is a provider."""
    expired_here: bool = False
    """This process has written its expiredSince, by its own clock."""

    @property
    def name(self) -> str:
        """The artifact's name."""
        return self.status.name

    @property
    def in_transfer(self) -> bool:
        """Whether a transfer of it runs."""
        return self.state in _IN_TRANSFER

    @property
    def has_slot(self) -> bool:
        """Whether it holds a slot."""
        return self.in_transfer or self.state is WorkState.RESERVED

    @property
    def abort_planned(self) -> bool:
        """Whether its upload has to be aborted before anything else."""
        return self.state in _ABORT_PLANNED

    def update(self, **changes: object) -> None:
        """Change fields of the status."""
        self.status = self.status.model_copy(update=changes)

    def fail(self, after: ArtifactStatus) -> None:
        """Take the status that follows from a failed attempt."""
        if self.status.expired_since is None and after.expired_since is not None:
            self.expired_here = True
        self.status = after

    def take(self, status: ArtifactStatus) -> None:
        """Take the status that another operator wrote, unless the artifact is in transfer here, or stored.

        What has expired is not stored any more.
        """
        has_expired = self.status.is_stored and status.has_expired
        if not self.in_transfer and (self.status.phase is not Phase.COMPLETE or has_expired):
            self.status = status

    # Transitions

    def reserve(self) -> None:
        """It got a slot."""
        self._move(WorkState.RESERVED, WorkState.WAITING)

    def release(self) -> None:
        """Its slot is given back unused."""
        self._move(WorkState.WAITING, WorkState.RESERVED)

    def start(self) -> None:
        """Its transfer begins."""
        self._move(WorkState.RUNNING, WorkState.RESERVED)
        self.may_have_upload = True

    def stop(self) -> None:
        """A stop of its transfer is requested."""
        self._move(WorkState.STOPPING, WorkState.RUNNING)

    def end(self) -> None:
        """Its transfer is over."""
        self._move(WorkState.WAITING, *_IN_TRANSFER)
        self.upload_not_named = self.may_be_stored = False

    def plan_abort(self, now: datetime) -> None:
        """Its upload will not be used any more."""
        self._move(WorkState.ABORT_DUE, WorkState.WAITING)
        self.abort = PendingAbort(since=now, backoff=Backoff())

    def cancel_abort(self) -> None:
        """Its upload will be used after all."""
        self._move(WorkState.WAITING, WorkState.ABORT_DUE)
        self.abort = None

    def begin_abort(self) -> None:
        """The abort of its upload is requested."""
        self._move(WorkState.ABORTING, WorkState.ABORT_DUE)

    def put_off_abort(self, now: datetime) -> None:
        """Its upload could not be aborted this time."""
        self._move(WorkState.ABORT_DUE, *_ABORT_PLANNED)
        if self.abort is not None:
            self.abort.backoff.again(now)

    def forget_upload(self) -> None:
        """Its upload was aborted or given up."""
        self._move(WorkState.WAITING, *_ABORT_PLANNED)
        self.abort, self.may_have_upload = None, False
        self.update(
            upload_id=None, part_size=None, upload_expires_at=None, source=None, bytes_done=None, bytes_total=None
        )

    def _move(self, to: WorkState, *sources: WorkState) -> None:
        if self.state not in sources:
            raise ValueError(f"an artifact that is {self.state.value} cannot become {to.value}")
        self.state = to

    # Waits

    def hold_back(
        self,
        now: datetime,
        *,
        at_least: timedelta = timedelta(0),
        longest: timedelta = LONGEST_WAIT,
        latest: datetime | None = None,
    ) -> None:
        """Delay the next try after a failure that is not the artifact's fault, but not beyond `latest`."""
        self.hold = self.hold or Backoff()
        self.hold.longest = longest
        at = self.hold.again(now, at_least=at_least)
        self.hold.not_before = at if latest is None else min(at, latest)

    def hold_until(self, at: datetime | None) -> None:
        """Delay the next try until then; None: it is due."""
        self.hold = Backoff(not_before=at) if at is not None else None

    def shift(self, by: timedelta) -> bool:
        """Shift all instants: the clock was set forward or back by `by`. Returns whether the status has changed."""
        if self.hold is not None:
            self.hold.shift(by)
        self.asked_at = self.asked_at + by if self.asked_at else None
        if self.abort is not None:
            self.abort.since += by
            self.abort.backoff.shift(by)
        before = self.status
        if before.next_retry_time is not None:
            self.update(next_retry_time=before.next_retry_time + by)
        if before.upload_expires_at is not None:
            self.update(upload_expires_at=before.upload_expires_at + by)
        if before.expired_since is not None and self.expired_here:
            self.update(expired_since=before.expired_since + by)
        return self.status != before
