"""What the engine remembers of one Recording while it has work with it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, Recording
from recording_operator.engine.facts import Ref

FIRST_HOLD: Final = timedelta(seconds=5)
LONGEST_HOLD: Final = timedelta(seconds=60)
WAITS_FOR_LOCATION: Final = frozenset({Reason.LOCATION_NOT_READY, Reason.LOCATION_NOT_FOUND})


@dataclass(slots=True)
class Backoff:
    """Waits that double: 5 s, 10 s … 60 s."""

    tries: int = 0
    not_before: datetime | None = None

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
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """The one request about this Recording that has not been answered yet."""

    what: str
    """status, finalizers, read or lease"""
    uploads: frozenset[str] = frozenset()
    """Artifacts whose new upload the written status names."""


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
    flush_at: datetime | None = None
    flushed_at: datetime | None = None
    unpersisted: set[str] = field(default_factory=set)
    """Artifacts whose upload exists but is not named by the status yet."""
    touched: set[str] = field(default_factory=set)
    """Artifacts that were moved: there may be an upload that no status names."""
    holds: dict[str, Backoff] = field(default_factory=dict)
    aborts: dict[str, Abort] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)
    secret_changed: set[str] = field(default_factory=set)
    gone: bool = False
    teardown: Teardown | None = None
    refusals: Backoff = field(default_factory=Backoff)
    conflicts: int = 0
    confirmed: str | None = None
    """The resourceVersion whose foreign claim was found to be forged or left over."""
    told: tuple[str, str] | None = None
    """Phase and reason of the last Event."""
    ttl_expired: bool = False

    @classmethod
    def of(cls, recording: Recording) -> "Entry":
        """Begin with what the status says."""
        entry = cls(recording=recording, artifacts={}, retry_token=recording.status.last_retry_token or "")
        entry.artifacts = {state.name: state for state in recording.status.artifacts}
        entry.adopt(recording)
        entry.touched = {state.name for state in recording.status.artifacts if state.phase is Phase.UPLOADING}
        if recording.status.phase is not None and recording.status.reason is not None:
            entry.told = (recording.status.phase, recording.status.reason)
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

    def spec_of(self, artifact: str) -> ArtifactSpec:
        """The artifact's spec. Raises KeyError for an unknown name."""
        for spec in self.recording.spec.artifacts:
            if spec.name == artifact:
                return spec
        raise KeyError(artifact)

    def update(self, artifact: str, **changes: object) -> None:
        """Change fields of an artifact's status."""
        self.artifacts[artifact] = self.artifacts[artifact].model_copy(update=changes)

    def flush_by(self, at: datetime) -> None:
        """Have the status written at `at` or before."""
        if self.flush_at is None or at < self.flush_at:
            self.flush_at = at

    def hold(self, artifact: str) -> Backoff:
        """The artifact's backoff for what is not its fault."""
        return self.holds.setdefault(artifact, Backoff())

    def release_location_holds(self) -> None:
        """The location was found to work: what waited for it need not wait any longer."""
        for name in [name for name in self.holds if self.artifacts[name].reason in WAITS_FOR_LOCATION]:
            del self.holds[name]


def version_of(recording: Recording) -> int:
    """The resourceVersion as a number; 0 where it is none.

    Versions of one resource type may be compared as numbers since Kubernetes 1.35; older servers use numbers too.
    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """
    text = recording.metadata.resource_version
    return int(text) if text.isdigit() else 0
