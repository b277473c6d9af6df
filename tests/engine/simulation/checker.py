"""Conditions that must hold at every step of a simulation."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recording_operator.api.meta import ConditionStatus, DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason, Verdict, verdict_of
from recording_operator.api.recording import ArtifactStatus, Phase, Recording, RecordingStatus
from recording_operator.engine.actions import (
    Action,
    ConfirmLeadership,
    DeleteRecording,
    EmitEvent,
    ReadRecording,
    ReportFault,
    StartTransfer,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.facts import (
    BudgetHold,
    BudgetHoldsChanged,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    ObjectsExpired,
    RecordingRead,
    RecordingSeen,
    TransferEnded,
    TransferFailed,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.engine.identity import recording_uid, stores_nothing
from recording_operator.engine.imports import opens, source_object
from recording_operator.engine.status import TERMINAL
from tests.engine.simulation.apiserver import Change
from tests.engine.simulation.providers import MARK
from tests.engine.simulation.store import Address, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

_MOST_ATTEMPTS = 4
_URGENT = 100
# What blocks a deletion is told at once, and again if it changes: a namespace that is being deleted accepts no Events.
_NOT_ABOUT_STATUS = frozenset({Reason.DELETION_POLICY_NOT_ALLOWED, Reason.DELETION_BLOCKED, Reason.OLD_OBJECTS_KEPT})


@dataclass(slots=True)
class _Conversation:
    """One operator's requests to the API server for one Recording, and the newest version that it received."""

    waits_for: str | None = None
    newest: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    """What was to be written last."""


@dataclass(slots=True)
class Checker:
    """Hooks that the world calls; each raises AssertionError with what is wrong."""

    world: "World"
    writes: Counter[str] = field(default_factory=Counter)
    changed_at_s: float = 0.0
    entered: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked_for_deletion: set[str] = field(default_factory=set)
    objects_to_delete: set[str] = field(default_factory=set)
    _holds: dict[str, tuple[BudgetHold, ...]] = field(default_factory=dict)
    """What each operator was told."""
    _talks: dict[tuple[str, str], _Conversation] = field(default_factory=dict)

    # The API server

    def changed(self, change: Change) -> None:
        """Every change of every Recording."""
        self.changed_at_s = self.world.schedule.elapsed_s
        before, after = change.before, change.after
        if after is None:
            return
        meta = after.metadata
        if meta.deletion_timestamp is not None and after.spec.deletion_policy is DeletionPolicy.DELETE:
            self.asked_for_deletion.add(recording_uid(after))
        self._expects_removal(after)
        if before is None or before.status == after.status:
            return
        self.writes[meta.uid] += 1
        self._changes_of_status(before, after)

    def _expects_removal(self, recording: Recording) -> None:
        meta, spec = recording.metadata, recording.spec
        if meta.deletion_timestamp is None:
            return
        allowed = DeletionPolicy.DELETE in self.world.policies.get(recording.location or "", ())
        if allowed and spec.deletion_policy is DeletionPolicy.DELETE and DELETE_OBJECT_FINALIZER in meta.finalizers:
            self.objects_to_delete.add(recording_uid(recording))
        elif spec.deletion_policy is not DeletionPolicy.DELETE:
            self.objects_to_delete.discard(recording_uid(recording))

    def _changes_of_status(self, before: Recording, after: Recording) -> None:
        old, new, uid = before.status, after.status, after.metadata.uid
        if (old.phase, old.reason) != (new.phase, new.reason):
            self.entered[uid, str(new.reason)] += 1
        if old.phase in TERMINAL and new.phase is not old.phase:
            edited = (old.observed_generation or 0) < after.metadata.generation
            assert edited, f"{uid} left {old.phase} for {new.phase}/{new.reason} although nobody changed its spec"
        if old.storage_location not in (None, new.storage_location):
            self.world.moves.changed(before, after)
        elif old.storage_location is None and after.spec.storage_location is None and new.storage_location is not None:
            assert new.claim is not None, "placed without a claim"
        assert (new.started_at is not None) <= (new.storage_location is not None), "begun at no location"
        if old.started_at is not None and after.spec.identity is None:
            assert new.started_at == old.started_at, "startedAt changed"
        if old.phase is new.phase and old.phase in TERMINAL:
            assert new.completed_at == old.completed_at, "completedAt changed"
        self.world.applications.changed(before, after)
        self._artifacts(old, new)
        self._looks(old, new)
        if new.phase is Phase.COMPLETE:
            self._complete(after)

    def _artifacts(self, old: RecordingStatus, new: RecordingStatus) -> None:
        were = {state.name: state for state in old.artifacts}
        for state in new.artifacts:
            was = were.get(state.name)
            if was is not None and was.phase is Phase.COMPLETE and old.storage_location == new.storage_location:
                assert state == was or _expired(was) == state.model_copy(update={"message": None}), (
                    f"{state.name} was Complete and is {state.phase}/{state.reason} now"
                )
            assert self.world.retries_until_expiry or state.attempts <= _MOST_ATTEMPTS, "too many attempts"
            if state.phase is Phase.FAILED:
                verdict = verdict_of(Reason(state.reason or ""))
                by_quota = state.reason == Reason.QUOTA_EXCEEDED
                assert verdict is not Verdict.WAIT or by_quota, f"failed for what is not its fault: {state.reason}"
                assert state.next_retry_time is None
            if state.reason == Reason.BUDGET_EXCEEDED:
                assert (state.phase, new.started_at) == (Phase.PENDING, None), "held after it had begun"
                assert state.attempts == (was.attempts if was is not None else 0), "an attempt was spent by waiting"
            if state.next_retry_time is not None:
                assert state.phase is Phase.PENDING
                assert state.reason not in (Reason.SUSPENDED, Reason.QUEUED), "waits for a time that does not matter"

    def _looks(self, old: RecordingStatus, new: RecordingStatus) -> None:
        truths = {condition.type for condition in new.conditions if condition.status is ConditionStatus.TRUE}
        proved = "IntegrityVerified" in truths
        moves = new.phase is Phase.COMPLETE and new.move is not None
        shown = truths & {"Ready", "Reconciling", "Stalled"}
        assert len(shown) == 1 + moves, f"kstatus reads {truths}"
        assert "Ready" in shown or not moves, f"kstatus reads {truths}"
        assert proved == (new.phase in TERMINAL and _is_proved(new)), "IntegrityVerified is not what was proved"
        assert (new.progress == "100%") <= (new.phase is Phase.COMPLETE), "shows 100% before it is Complete"
        assert (new.completed_at is not None) == (new.phase in TERMINAL)
        assert new.phase not in TERMINAL or new.claim is None or moves, "a finished Recording is claimed"
        assert moves or (new.phase is Phase.UPLOADING) == (new.claim is not None), f"{new.phase} with {new.claim}"
        since = {condition.type: condition for condition in old.conditions}
        for condition in new.conditions:
            was = since.get(condition.type)
            if was is not None and was.status is condition.status:
                assert was.last_transition_time == condition.last_transition_time

    def _complete(self, recording: Recording) -> None:
        states = {state.name: state for state in recording.status.artifacts}
        for spec in recording.spec.artifacts:
            state = states.get(spec.name)
            if state is None:  # appended a moment ago
                assert recording.status.observed_generation != recording.metadata.generation
                continue
            assert spec.optional or state.phase is Phase.COMPLETE, f"Complete without {spec.name}"
            if state.phase is Phase.COMPLETE and recording.metadata.deletion_timestamp is None:
                at = Address(bucket_of(recording.status.storage_location), state.key or "")
                thing = self.world.store.objects.get(at)
                if (recording.metadata.uid, state.name) in self.world.expiries.due:
                    owned = thing if thing is not None and thing.uid == recording_uid(recording) else None
                    is_gone = owned is None or self.world.moves.may_stay(owned)
                    assert is_gone or not state.has_expired, f"expired, and something is at {at}"
                    continue
                assert thing is not None, f"Complete, and nothing is at {at}"
                assert (thing.uid, thing.version_id) == (recording_uid(recording), state.version_id)

    def status_written(self, operator: "Operator", uid: str) -> None:
        """A patch was applied: it must have led to what the engine wanted."""
        wanted = self._talk(operator, uid).status
        assert self.world.api.raw_status(uid) == wanted, f"{operator.name} wrote something else"

    def upload_may_be_written(self, uid: str, artifact: str, upload_id: str) -> None:
        """A transfer is about to send its first part."""
        history = self.world.named_uploads.get((uid, artifact), set())
        assert upload_id in history, f"{upload_id} gets parts, and no status ever named it"

    # The engine

    @contextmanager
    def observing(self, operator: "Operator", fact: Fact) -> Iterator[None]:
        """Around each fact."""
        work = self._blameless(operator, fact)
        spent = work.status.attempts if work is not None else 0
        self._hears(operator, fact)
        yield
        assert work is None or work.status.attempts <= spent, "an attempt was spent for what is not its fault"

    def _blameless(self, operator: "Operator", fact: Fact) -> ArtifactWork | None:
        """The artifact or copy whose transfer has ended by something that is not its fault."""
        if not isinstance(fact, TransferEnded):
            return None
        if isinstance(fact.outcome, TransferFailed) and verdict_of(fact.outcome.reason) in (
            Verdict.RETRY,
            Verdict.FINAL,
        ):
            return None
        tracked = operator.engine.state.recordings.get(fact.uid)
        return tracked.work_of(fact.artifact) if tracked else None

    def _hears(self, operator: "Operator", fact: Fact) -> None:
        if isinstance(fact, BudgetHoldsChanged):
            self._holds[operator.name] = fact.holds
        match fact:
            case (
                RecordingSeen(recording=recording)
                | WriteAccepted(recording=recording)
                | RecordingRead(recording=recording)
            ):
                talk = self._talk(operator, recording.metadata.uid)
                talk.newest = max(talk.newest, int(recording.metadata.resource_version))
            case ObjectsExpired(recording=recording) if recording.metadata.uid not in operator.engine.state.recordings:
                talk = self._talk(operator, recording.metadata.uid)
                talk.newest = max(talk.newest, int(recording.metadata.resource_version))
        match fact:
            case WriteAccepted(uid=uid) | RecordingRead(uid=uid) | WriteRejected(uid=uid):
                self._talk(operator, uid).waits_for = None
            case LeadershipConfirmed(uid=uid) | DeleteAccepted(uid=uid):
                self._talk(operator, uid).waits_for = None

    def acting(self, operator: "Operator", action: Action) -> None:
        """Each action, before it is carried out."""
        match action:
            case WriteStatus(ref=ref) | WriteFinalizers(ref=ref):
                talk = self._asks(operator, ref.uid, action)
                assert int(action.resource_version) == talk.newest, (
                    f"written on {action.resource_version}, and {talk.newest} is known"
                )
                if isinstance(action, WriteStatus):
                    assert MARK not in str(action.status), "a URL of a provider is in a status"
                    talk.status = action.status
                    self._may_begin(operator, action)
            case ReadRecording(ref=ref) | DeleteRecording(ref=ref):
                self._asks(operator, ref.uid, action)
            case ConfirmLeadership(uid=uid):
                self._asks(operator, uid, action)
            case StartTransfer():
                uid = action.recording.metadata.uid
                assert (uid, action.artifact) not in operator.transfers, "two transfers of one artifact"
                assert action.recording.status.claim == operator.claim, "started without a claim"
                assert _place(action) == action.location.metadata.name, "started at another location"
                held = DELETE_OBJECT_FINALIZER in action.recording.metadata.finalizers
                assert held or action.recording.spec.deletion_policy is DeletionPolicy.RETAIN, "started unheld"
                assert not operator.stopping, "started while draining"
                _may_copy(action)
            case EmitEvent(note=note) if MARK in note:
                raise AssertionError("a URL of a provider is in an Event")
            case EmitEvent(ref=ref, reason=Reason.OLD_OBJECTS_KEPT):
                self.world.moves.gave_up(ref.uid)
            case EmitEvent(ref=ref, reason=reason) if reason not in _NOT_ABOUT_STATUS:
                self.told[ref.uid, str(reason)] += 1
                # Two operators at a time may both have written the same, one of them without hearing of it.
                assert (
                    self.world.split_brain or self.told[ref.uid, str(reason)] <= self.entered[ref.uid, str(reason)]
                ), f"{reason} is told again"
            case ReportFault():
                raise AssertionError(f"the engine failed: {action.detail}")

    def _may_begin(self, operator: "Operator", write: WriteStatus) -> None:
        """A write that shows the first upload of a Recording: no budget that this operator knows of holds it."""
        tracked = operator.engine.state.recordings.get(write.ref.uid)
        if tracked is None or not write.status.get("startedAt") or write.previous.get("startedAt"):
            return
        holds, recording = self._holds.get(operator.name), tracked.recording
        if stores_nothing(recording):
            return
        assert recording.spec.priority >= _URGENT or holds is not None, "begun before the holds were known"
        location = write.status["storageLocation"]
        held = any(holds_back(hold, recording, location) for hold in holds or ())
        assert not held, f"{write.ref.uid} begins and is held"

    def _asks(self, operator: "Operator", uid: str, action: Action) -> _Conversation:
        talk, what = self._talk(operator, uid), type(action).__name__
        assert talk.waits_for is None, f"{what} while {talk.waits_for} is not answered"
        talk.waits_for = what
        return talk

    def _talk(self, operator: "Operator", uid: str) -> _Conversation:
        return self._talks.setdefault((operator.name, uid), _Conversation())

    def engine_rests(self, operator: "Operator") -> None:
        """After each turn of the loop."""
        state = operator.engine.state
        works = [((uid, work.name), work) for uid, one in state.recordings.items() for work in one.works()]
        using = [key for key, work in works if work.has_slot]
        assert sorted(using) == sorted(state.slots.running), "slots and artifacts that move differ"
        moving = {key for key, work in works if work.in_transfer}
        assert moving.issuperset(operator.transfers), "a transfer runs that the engine does not know"
        for key in using:
            assert key not in state.queue, "waits for a slot that it has"


def _place(action: StartTransfer) -> str | None:
    """The location in the status for what is started: that of the Recording, or that which its objects move to."""
    move, is_move = action.recording.status.move, action.copy is not None and action.copy.is_own
    return move.to if is_move and move is not None else action.recording.location


def _may_copy(action: StartTransfer) -> None:
    """An object is copied from the Recording's location, or from its namespace's own folder if that is open."""
    if action.copy is not None and action.copy.is_own:
        assert action.copy.location.metadata.name == action.recording.location, "moved from elsewhere"
        return
    artifact = next(one for one in action.recording.spec.artifacts if one.name == action.artifact)
    named = source_object(artifact)
    assert (named is None) == (action.copy is None), "started with another source"
    if named is not None and action.copy is not None:
        namespace = action.recording.metadata.namespace
        assert action.copy.location.metadata.name == named.storage_location == "egress", "copied from elsewhere"
        assert action.copy.key == named.key, "another key is copied"
        assert named.key.startswith(f"in/{namespace}/"), "an object of another namespace is copied"
        assert opens(action.copy.location, named.key, namespace=namespace), "a closed object is copied"


def _expired(state: ArtifactStatus) -> ArtifactStatus:
    return state.model_copy(update={"reason": Reason.EXPIRED, "message": None})


def _is_proved(status: RecordingStatus) -> bool:
    """Something is stored, all of it was proved, and nothing else was found to be wrong."""
    stored = [artifact for artifact in status.artifacts if artifact.phase is Phase.COMPLETE]
    wrong = {Reason.CHECKSUM_MISMATCH, Reason.SIZE_MISMATCH, Reason.STORE_INTEGRITY, Reason.INTEGRITY_UNVERIFIABLE}
    failed = [artifact for artifact in status.artifacts if artifact.phase is Phase.FAILED]
    return (
        bool(stored)
        and all(artifact.integrity for artifact in stored)
        and not any(artifact.reason in wrong for artifact in failed)
    )


def holds_back(hold: BudgetHold, recording: Recording, location: str | None) -> bool:
    """Whether this Recording has to wait for the hold to end before it begins at the location."""
    spec, namespace = recording.spec, recording.metadata.namespace
    return (
        recording.status.started_at is None
        and spec.priority < _URGENT
        and all(
            spec.owner.org in (scope.orgs or (spec.owner.org,))
            and namespace in (scope.namespaces or (namespace,))
            and location in (scope.storage_locations or (location,))
            for scope in hold.scopes
        )
    )
