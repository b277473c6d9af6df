"""The engine's state of a Recording while there is work to do for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Trait, reasons_with
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, Recording
from recording_operator.engine.actions import StopTransfer
from recording_operator.engine.artifact_work import ArtifactWork, WorkState
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.events import shown
from recording_operator.engine.expiry import Expiry, source_expiry
from recording_operator.engine.facts import FormerTimes, RecordingRef, ref_of
from recording_operator.engine.manifest_work import ManifestWork
from recording_operator.engine.move_work import MoveWork
from recording_operator.engine.notification_work import NotificationWork
from recording_operator.engine.placement import location_name
from recording_operator.engine.source_revision import names_url
from recording_operator.engine.status import TERMINAL
from recording_operator.engine.status_outbox import StatusOutbox
from recording_operator.engine.teardown import Teardown
from recording_operator.engine.versions import is_newer

WAITS_FOR_LOCATION: Final = reasons_with(Trait.WAITS_FOR_LOCATION)


@dataclass(slots=True)
class TrackedRecording:
    """The newest known version of a Recording, the work with its artifacts, and its requests to the API server."""

    recording: Recording
    retry_token: str
    """The spec.retryToken that was processed last."""
    artifacts: dict[str, ArtifactWork] = field(default_factory=dict)
    placed: str | None = None
    """The location that the status or the spec names. It stays if a user removes it from the status."""
    choice: str | None = None
    """The location that was chosen for it, until a status with our claim names it. It may change before."""
    outbox: StatusOutbox = field(default_factory=StatusOutbox)
    manifest: ManifestWork = field(default_factory=ManifestWork)
    move: MoveWork = field(default_factory=MoveWork)
    notifications: NotificationWork = field(default_factory=NotificationWork)
    former: FormerTimes | None = None
    """Of the lost Recording, if an object of it was found."""
    ended_at: datetime | None = None
    """When this process found that every artifact is Complete or Failed."""
    teardown: Teardown | None = None
    gone: bool = False
    """The API server does not have it any more."""
    ttl_expired: bool = False
    deleted: bool = False
    """The API server accepted the deletion; the watch has not shown it yet."""
    broken: bool = False
    """The engine failed at it: it is forgotten when its transfers have ended."""

    @classmethod
    def of(cls, recording: Recording) -> "TrackedRecording":
        """Restore the state from the status."""
        tracked = cls(recording=recording, retry_token=recording.status.last_retry_token or "")
        stored = {status.name: status for status in recording.status.artifacts}
        for spec in recording.spec.artifacts:
            if spec.name in stored:
                status = stored[spec.name]
                tracked.artifacts[spec.name] = ArtifactWork(status, may_have_upload=_was_moved(status))
        tracked.adopt(recording)
        tracked._note_left_moving(recording)
        tracked.outbox.announced = shown(recording.status)
        return tracked

    @property
    def ref(self) -> RecordingRef:
        """The reference to this Recording."""
        return ref_of(self.recording)

    @property
    def uid(self) -> str:
        """metadata.uid"""
        return self.recording.metadata.uid

    @property
    def location(self) -> str | None:
        """The location of its objects, or the one that is chosen for them; None while there is none."""
        return self.placed or self.choice

    @property
    def places(self) -> set[str | None]:
        """Its location, and the other one of a move."""
        return {self.location, self.move.to or self.move.origin or self.location}

    @property
    def location_to_write(self) -> str | None:
        """The value for status.storageLocation: a choice is written together with the claim."""
        return self.placed or (self.choice if self.has_slot else None)

    @property
    def ending(self) -> bool:
        """It was deleted, or is being deleted."""
        return self.gone or self.recording.metadata.deletion_timestamp is not None

    @property
    def in_transfer(self) -> bool:
        """An artifact or a copy of one is in transfer."""
        return any(work.in_transfer for work in self.works())

    @property
    def has_slot(self) -> bool:
        """An artifact or a copy of one holds a slot."""
        return any(work.has_slot for work in self.works())

    @property
    def busy(self) -> bool:
        """An artifact holds a slot, or a request is open."""
        return self.has_slot or not self.outbox.is_idle

    @property
    def is_over(self) -> bool:
        """Every artifact is Complete or Failed."""
        return all(work.status.phase in TERMINAL for work in self.artifacts.values())

    # Versions of the object

    def adopt(self, recording: Recording) -> None:
        """Take a newer version of the object. Known artifacts keep their state, new ones are added.

        If the objects are at another location now, their states are those of the status.
        """
        self.recording = recording
        before, self.placed = self.placed, location_name(recording) or self.placed
        if before not in (None, self.placed):
            self._were_moved(recording)
        for spec in recording.spec.artifacts:
            if spec.name not in self.artifacts:
                self.artifacts[spec.name] = ArtifactWork(ArtifactStatus(name=spec.name, phase=Phase.PENDING))
        self.move.follow(recording.status.move, known=self.artifacts)

    def learn(self, recording: Recording | None) -> None:
        """Adopt a version that is not the response to a write, if it is newer than the known one.

        If its status is neither the known one nor one of ours, another operator wrote it. Then it counts more than
        our memory, except for artifacts that are in transfer here or known to be stored.
        """
        if recording is None or not is_newer(recording, self.recording):
            return
        before, after = self.recording.status, recording.status
        by_another = after != before and not self.outbox.is_ours(after)
        self.outbox.learned(recording, by_another=by_another)
        if by_another:
            self.retry_token = after.last_retry_token or ""
            for status in after.artifacts:
                if status.name in self.artifacts:
                    self.artifacts[status.name].take(status)
            self.move.follow(after.move, known=self.artifacts, by_another=True)
        self.adopt(recording)
        if by_another:
            self._note_left_moving(recording)

    def _were_moved(self, recording: Recording) -> None:
        self.manifest = ManifestWork()
        for status in recording.status.artifacts:
            if status.name in self.artifacts and status.phase is Phase.COMPLETE:
                self.artifacts[status.name].status = status

    def _note_left_moving(self, recording: Recording) -> None:
        """If the Recording is claimed, unfinished artifacts that are not in transfer here may have been stored."""
        status = recording.status
        if status.claim is None:
            return
        ended = {state.name for state in status.artifacts if state.phase in TERMINAL}
        for spec in recording.spec.artifacts:
            work = self.artifacts[spec.name]
            if spec.name not in ended and not work.in_transfer:
                work.may_be_stored = True

    # Artifacts

    def spec_of(self, artifact: str) -> ArtifactSpec:
        """The artifact's spec. Raises KeyError for an unknown name."""
        for spec in self.recording.spec.artifacts:
            if spec.name == artifact:
                return spec
        raise KeyError(artifact)

    def statuses(self) -> dict[str, ArtifactStatus]:
        """The artifacts' statuses by name."""
        return {name: work.status for name, work in self.artifacts.items()}

    def works(self) -> Iterator[ArtifactWork]:
        """The artifacts, and their copies during a move."""
        yield from self.artifacts.values()
        yield from self.move.copies.values()

    def work_of(self, artifact: str) -> ArtifactWork | None:
        """What is in transfer or waits for a slot under this name: the copy of a stored artifact, or the artifact."""
        work = self.artifacts.get(artifact)
        is_stored = work is not None and work.status.phase is Phase.COMPLETE
        return self.move.copies.get(artifact, work) if is_stored else work

    def in_state(self, state: WorkState) -> list[ArtifactWork]:
        """The artifacts and copies in this state, by name."""
        return sorted((work for work in self.works() if work.state is state), key=lambda work: work.name)

    def expiry_of(self, artifact: str) -> Expiry:
        """When the artifact's source expires. Raises ValueError for an object that no API server stored."""
        created = self.recording.metadata.creation_timestamp
        if created is None:
            raise ValueError("a stored object has a creationTimestamp")
        return source_expiry(self.spec_of(artifact).source, created=created)

    def earliest_expiry(self) -> datetime | None:
        """The earliest expiry among the URLs that are still needed.

        An object in a store does not expire, and neither does a provider that has not given a URL yet.
        """
        specs = [spec for spec in self.recording.spec.artifacts if names_url(spec)]
        needed = [spec.name for spec in specs if self.artifacts[spec.name].status.phase not in TERMINAL]
        return min((self.expiry_of(name).at for name in needed), default=None)

    def stop_transfers(self) -> list[StopTransfer]:
        """Ask every running transfer to stop, each once."""
        return self.stop(self.works())

    def stop(self, works: Iterable[ArtifactWork]) -> list[StopTransfer]:
        """Ask those of them that run to stop, each once."""
        running = sorted((work for work in works if work.state is WorkState.RUNNING), key=lambda work: work.name)
        for work in running:
            work.stop()
        return [StopTransfer(uid=self.uid, artifact=work.name) for work in running]

    # Time

    def wake_times(self) -> Iterator[datetime | None]:
        """When something may be due if no fact arrives before."""
        yield from self.outbox.wake_times()
        for work in self.artifacts.values():
            if work.abort is not None:
                yield work.abort.backoff.not_before
        if self.teardown is not None:
            yield self.teardown.backoff.not_before
            yield self.teardown.earlier_notices_until
            yield self.teardown.notices_until
        yield self.move.backoff.not_before
        yield self.manifest.hold_until
        yield self.manifest.backoff.not_before

    def shift(self, by: timedelta, now: datetime) -> None:
        """Shift all instants, also in the status: the clock was set forward or back by `by`."""
        self.outbox.shift(by)
        self.manifest.shift(by)
        self.notifications.shift(by)
        self.ended_at = self.ended_at + by if self.ended_at else None
        if self.teardown is not None:
            self.teardown.shift(by)
        self.move.backoff.shift(by)
        for work in self.works():
            if work.shift(by):
                self.outbox.flush_by(now)

    def release_location_holds(self) -> None:
        """The location is ready: end the waits for it."""
        self.manifest.forget_failures()
        for work in self.works():
            if work.status.reason in WAITS_FOR_LOCATION:
                work.hold = None
        self.move.backoff = Backoff()
        if self.teardown is not None:
            self.teardown.backoff = Backoff()


def _was_moved(status: ArtifactStatus) -> bool:
    """Whether there may be an upload that is not in the status, after a crash between its creation and the write."""
    return status.phase is Phase.UPLOADING or (status.phase is Phase.PENDING and status.key is not None)
