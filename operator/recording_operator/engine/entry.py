"""What the engine remembers of one Recording while it has work with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from recording_operator.api.reasons import Trait, reasons_with
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, Recording
from recording_operator.engine.facts import Ref
from recording_operator.engine.status import Blocked, dump, says_the_same

FIRST_HOLD: Final = timedelta(seconds=5)
LONGEST_HOLD: Final = timedelta(seconds=60)
WAITS_FOR_LOCATION: Final = reasons_with(Trait.WAITS_FOR_LOCATION)


@dataclass(slots=True)
class Backoff:
    """Waits that double: 5 s, 10 s … 60 s."""

    tries: int = 0
    not_before: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is still to be waited."""
        return self.not_before is not None and now < self.not_before

    def again(self, now: datetime, *, at_least: timedelta = timedelta(0)) -> datetime:
        """Note one more failure; the instant until which to wait."""
        wait = min(FIRST_HOLD * 2 ** min(self.tries, 10), LONGEST_HOLD)
        self.tries += 1
        self.not_before = now + max(wait, at_least)
        return self.not_before


@dataclass(slots=True)
class Abort:
    """An upload that is to be aborted, and has not been yet."""

    since: datetime
    in_flight: bool = False
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class Teardown:
    """How far the end of a deleted Recording has come."""

    since: datetime
    in_flight: bool = False
    done: bool = False
    told: bool = False
    """An Event said that the objects stay."""
    blocked: Blocked | None = None
    no_bucket: bool = False
    """The last try found no bucket."""
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """The one request about this Recording that has not been answered yet."""

    what: str
    """status, finalizers, read, lease or delete"""
    version: str = ""
    """The resourceVersion that it was decided on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An Event to emit once the API server shows the status that was sent with it."""

    shown: tuple[str, str]
    action: str
    note: str
    warning: bool


@dataclass(slots=True)
class Entry:
    """The working memory of one Recording. The artifacts here are newer than those in `recording.status`."""

    recording: Recording
    artifacts: dict[str, ArtifactStatus]
    retry_token: str
    """The spec.retryToken last acted on."""
    running: dict[str, bool] = field(default_factory=dict)
    """Artifacts in transfer, and whether they were asked to stop."""
    reserved: set[str] = field(default_factory=set)
    """Artifacts with a slot that wait for the claim."""
    in_flight: InFlight | None = None
    newer: Recording | None = None
    """Seen while a request was in flight."""
    stale: bool = False
    """What is known is outdated for sure: read it before anything is written or started."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Statuses of ours that the API server may have accepted without our hearing of it; the last one is the newest."""
    contested: bool = False
    """Somebody else wrote the status: see who leads before the next write."""
    unsure: bool = False
    """A request was not answered: it may have been carried out."""
    flush_at: datetime | None = None
    flushed_at: datetime | None = None
    unpersisted: set[str] = field(default_factory=set)
    """Artifacts whose upload exists but is not named by the status yet."""
    touched: set[str] = field(default_factory=set)
    """Artifacts that were moved: there may be an upload that no status names."""
    unseen: set[str] = field(default_factory=set)
    """Artifacts that an operator was moving when it ended: there may be an object that no status names."""
    holds: dict[str, Backoff] = field(default_factory=dict)
    aborts: dict[str, Abort] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)
    secret_changed: set[str] = field(default_factory=set)
    expired_here: set[str] = field(default_factory=set)
    """Artifacts whose expiredSince this process has written, by its own clock."""
    gone: bool = False
    teardown: Teardown | None = None
    refusals: Backoff = field(default_factory=Backoff)
    conflicts: int = 0
    confirmed: str | None = None
    """The resourceVersion whose foreign claim was found to be forged or left over."""
    told: tuple[str, str] | None = None
    """Phase and reason of the last Event."""
    news: News | None = None
    ttl_expired: bool = False
    deleted: bool = False
    """The API server accepted that it goes, and has not shown it yet."""
    broken: bool = False
    """The engine failed at it: what is under way ends, then it is forgotten."""

    @classmethod
    def of(cls, recording: Recording) -> "Entry":
        """Begin with what the status says."""
        entry = cls(recording=recording, artifacts={}, retry_token=recording.status.last_retry_token or "")
        stored = {state.name: state for state in recording.status.artifacts}
        entry.artifacts = {spec.name: stored[spec.name] for spec in recording.spec.artifacts if spec.name in stored}
        entry.adopt(recording)
        entry.touched = {state.name for state in entry.artifacts.values() if _was_moved(state)}
        entry.unseen = _left_moving(recording)
        entry.told = shown(recording)
        return entry

    @property
    def ref(self) -> Ref:
        """Which Recording."""
        meta = self.recording.metadata
        return Ref(namespace=meta.namespace, name=meta.name, uid=meta.uid)

    @property
    def uid(self) -> str:
        """metadata.uid"""
        return self.recording.metadata.uid

    @property
    def ending(self) -> bool:
        """It was deleted, or is being deleted."""
        return self.gone or self.recording.metadata.deletion_timestamp is not None

    @property
    def busy(self) -> bool:
        """Something of it runs or waits for an answer."""
        return bool(self.running or self.reserved or self.in_flight)

    def adopt(self, recording: Recording) -> None:
        """Take a newer version of the object; artifacts in memory stay as they are, new ones begin."""
        self.recording = recording
        for spec in recording.spec.artifacts:
            if spec.name not in self.artifacts:
                self.artifacts[spec.name] = ArtifactStatus(name=spec.name, phase=Phase.PENDING)

    def learn(self, recording: Recording) -> None:
        """Take a newer version that is not the answer to a write.

        Where its status is neither the one that was known nor one of ours, another operator wrote it meanwhile: then
        its word is newer than our memory, except on what moves here or was proved in the store.
        """
        before, after = self.recording.status, recording.status
        if after != before and not self.is_ours(dump(after)):
            self.contested = True
            self.retry_token = after.last_retry_token or ""
            self.told = shown(recording)
            self.unseen |= _left_moving(recording) - self.running.keys()
            for state in after.artifacts:
                mine = self.artifacts.get(state.name)
                if mine is not None and state.name not in self.running and mine.phase is not Phase.COMPLETE:
                    self.artifacts[state.name] = state
        self.stale = False
        self.adopt(recording)

    def is_ours(self, status: dict[str, Any]) -> bool:
        """Whether we wrote this status, whatever became of the answer."""
        return any(says_the_same(status, sent) for sent in self.sent)

    def spec_of(self, artifact: str) -> ArtifactSpec:
        """The artifact's spec. Raises KeyError for an unknown name."""
        for spec in self.recording.spec.artifacts:
            if spec.name == artifact:
                return spec
        raise KeyError(artifact)

    def update(self, artifact: str, **changes: object) -> None:
        """Change fields of an artifact's status."""
        self.artifacts[artifact] = self.artifacts[artifact].model_copy(update=changes)

    def replace(self, artifact: str, after: ArtifactStatus, now: datetime) -> None:
        """Set an artifact's status after a failure, and have it written."""
        if self.artifacts[artifact].expired_since is None and after.expired_since is not None:
            self.expired_here.add(artifact)
        self.artifacts[artifact] = after
        self.flush_by(now)

    def flush_by(self, at: datetime) -> None:
        """Have the status written at `at` or before."""
        if self.flush_at is None or at < self.flush_at:
            self.flush_at = at

    def wishes(self) -> Iterator[datetime | None]:
        """When time alone lets something happen that no answer will bring about."""
        if self.in_flight is None:
            yield self.flush_at
            yield self.refusals.not_before
        for abort in self.aborts.values():
            yield abort.backoff.not_before
        if self.teardown is not None:
            yield self.teardown.backoff.not_before

    def shift(self, by: timedelta, now: datetime) -> None:
        """The clock was set by so much: whatever was reckoned by it moves with it, in the status too."""
        self.flush_at = self.flush_at + by if self.flush_at else None
        self.flushed_at = self.flushed_at + by if self.flushed_at else None
        unfinished: list[Abort | Teardown] = [*self.aborts.values()]
        if self.teardown is not None:
            unfinished.append(self.teardown)
        for one in unfinished:
            one.since += by
        for backoff in (self.refusals, *self.holds.values(), *(one.backoff for one in unfinished)):
            backoff.not_before = backoff.not_before + by if backoff.not_before else None
        for name, status in self.artifacts.items():
            if status.next_retry_time is not None:
                self.update(name, next_retry_time=status.next_retry_time + by)
            if status.expired_since is not None and name in self.expired_here:
                self.update(name, expired_since=status.expired_since + by)
            if self.artifacts[name] != status:
                self.flush_by(now)

    def hold(self, artifact: str) -> Backoff:
        """The artifact's backoff for what is not its fault."""
        return self.holds.setdefault(artifact, Backoff())

    def release_location_holds(self) -> None:
        """The location was found to work: what waited for it need not wait any longer."""
        for name in [name for name in self.holds if self.artifacts[name].reason in WAITS_FOR_LOCATION]:
            del self.holds[name]
        if self.teardown is not None:
            self.teardown.backoff = Backoff()


def shown(recording: Recording) -> tuple[str, str] | None:
    """Phase and reason in the status; None while there are none."""
    status = recording.status
    return (str(status.phase), str(status.reason)) if status.phase is not None and status.reason is not None else None


def _was_moved(state: ArtifactStatus) -> bool:
    """Whether there may be an upload that the status does not name: a crash came between the two."""
    return state.phase is Phase.UPLOADING or (state.phase is Phase.PENDING and state.key is not None)


def _left_moving(recording: Recording) -> set[str]:
    """The artifacts that somebody claims and has not brought to an end."""
    status = recording.status
    unfinished = {spec.name for spec in recording.spec.artifacts}
    unfinished -= {state.name for state in status.artifacts if state.phase in (Phase.COMPLETE, Phase.FAILED)}
    return unfinished if status.claim is not None else set()


def version_of(recording: Recording) -> int:
    """The resourceVersion as a number; 0 where it is none.

    Versions of one resource type may be compared as numbers since Kubernetes 1.35; older servers use numbers too.
    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """
    text = recording.metadata.resource_version
    return int(text) if text.isdigit() else 0
