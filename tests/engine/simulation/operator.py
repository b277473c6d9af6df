"""One operator process of the simulation: a real engine, and a shell around it that the world can kill."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Recording
from recording_operator.controller.clock import Clock
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    CleanUp,
    ConfirmLeadership,
    CountOutcome,
    DeleteRecording,
    ProbeLocation,
    ReadNamespace,
    ReadRecording,
    ResolveSource,
    StartTransfer,
    StopTransfer,
    UploadPersisted,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import (
    AbortEnded,
    CleanupEnded,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    NamespaceSeen,
    RecordingRead,
    RecordingSeen,
    SourceResolved,
    TransferFailed,
    WriteAccepted,
    WriteRefused,
)
from recording_operator.engine.source_revision import resolved_revision, spec_revision
from recording_operator.kube.status import merge_patch_between
from tests.engine.simulation.apiserver import ConflictError, NotFoundError
from tests.engine.simulation.store import UnavailableError
from tests.engine.simulation.transfers import Transfer

if TYPE_CHECKING:
    from tests.engine.simulation.world import World

_LONGEST_SLEEP = timedelta(seconds=30)
_TICKS_AT_ONE_INSTANT = 10


class Operator:
    """Carries out what its engine asks for, with delays, losses and refusals as the world draws them."""

    def __init__(self, world: "World", *, epoch: int) -> None:
        self.world = world
        self.name = f"op-{epoch}"
        self.claim = Claim(holder=self.name, transitions=epoch)
        self.engine = Engine(claim=self.claim, options=world.options)
        self.clock = Clock(
            wall_s=lambda: world.clock().timestamp(), steady_s=lambda: world.schedule.elapsed_s - self._booted_s
        )
        self._booted_s = world.rng.random() * -1e6  # a machine that runs for some days
        self.alive = True
        self.stopping = False
        self.transfers: dict[tuple[str, str], Transfer] = {}
        self._wake_at: datetime | None = None

    def die(self) -> None:
        """kill -9."""
        self.alive = False
        self.transfers.clear()

    # The control loop

    def post(self, fact: Fact) -> None:
        """Tell the engine."""
        if not self.alive:
            return
        self.world.trace(self.name, fact)
        with self.world.checker.observing(self, fact):
            now = self._time()
            actions = self.engine.observe(fact, now)
        self._carry_out(actions)

    def post_in_order(self, fact: Fact) -> None:
        """Tell the engine after what was posted before."""
        self.world.schedule.after(0, lambda: self.post(fact))

    def drain(self) -> None:
        """SIGTERM."""
        self.stopping = True
        self._carry_out(self.engine.drain(self._time()))

    def stop_all(self) -> None:
        """The grace period is over."""
        self._carry_out(self.engine.stop_all())

    def _carry_out(self, actions: list[Action]) -> None:
        self._act(actions)
        ticks = 0
        while (due := self.engine.next_due()) is not None and due <= self._time():
            ticks += 1
            assert ticks < _TICKS_AT_ONE_INSTANT, f"busy loop: due at {due}, and a tick does not change that"
            self._act(self.engine.tick(self._time()))
        self.world.checker.engine_rests(self)
        self._sleep()

    def _sleep(self) -> None:
        due = self.engine.next_due()
        if due is None:
            return
        schedule = self.world.schedule
        # As the control loop, which looks at the clock every few seconds, and so sees that it was set.
        at = schedule.true_now + min(max(due - self.clock.now(), timedelta(0)), _LONGEST_SLEEP)
        if self._wake_at is None or at < self._wake_at or self._wake_at <= schedule.true_now:
            self._wake_at = at
            schedule.at(at, self.wake)

    def wake(self) -> None:
        """What the loop does when nothing was posted for a while: it looks at the clock, and what is due by it."""
        if self.alive:
            self._time()
            self._carry_out([])

    def _time(self) -> datetime:
        """The clock, and what follows where it was set."""
        now = self.clock.now()
        if step := self.clock.take_step():
            self.world.trace(self.name, f"the clock steps by {step}")
            self._act(self.engine.clock_stepped(step, now))
        return now

    # Actions

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if not isinstance(action, CountOutcome):
                self.world.trace(self.name, action)
            self.world.checker.acting(self, action)
            self._dispatch(action)

    def _dispatch(self, action: Action) -> None:
        match action:
            case StartTransfer():
                transfer = Transfer(self, action)
                self.transfers[transfer.uid, transfer.artifact] = transfer
            case StopTransfer(uid=uid, artifact=artifact):
                if (running := self.transfers.get((uid, artifact))) is not None:
                    running.ask_to_stop()
            case UploadPersisted(uid=uid, artifact=artifact):
                if (running := self.transfers.get((uid, artifact))) is not None:
                    running.persisted()
            case ProbeLocation(name=name):
                self.world.probe(self, name)
            case AbortUpload():
                self._later(lambda: self.post(self._abort(action)))
            case CleanUp():
                self._later(lambda: self.post(self._clean_up(action)))
            case _:
                self._ask(action)

    def _ask(self, action: Action) -> None:
        """What goes to the API server."""
        match action:
            case WriteStatus() | WriteFinalizers():
                self._call(lambda: self._write(action), WriteRefused(uid=action.ref.uid, detail="no answer"))
            case ReadRecording(ref=ref):
                self._call(lambda: self._read(action), WriteRefused(uid=ref.uid, detail="no answer"))
            case DeleteRecording(ref=ref):
                self._call(lambda: self._delete(action), WriteRefused(uid=ref.uid, detail="no answer"))
            case ConfirmLeadership():
                self._call(lambda: self._confirm(action), None, again=action)
            case ReadNamespace(namespace=namespace):
                self._call(lambda: self._labels(namespace), None, again=action)
            case ResolveSource():
                self._call(lambda: self._resolve(action), self._unresolved(action))

    def _later(self, step: Callable[[], None]) -> None:
        self.world.schedule.after(self.world.latency_s(), lambda: step() if self.alive else None)

    def _call(
        self, execute: Callable[[], Fact | None], unanswered: Fact | None, *, again: Action | None = None
    ) -> None:
        """A request to the API server: it may never arrive, and its answer may be lost."""
        world = self.world
        lost, answer_lost = world.loses_request(), world.loses_request()

        def answer(fact: Fact | None) -> None:
            if fact is not None:
                self.post(fact)

        def failed() -> None:
            if unanswered is not None:
                self.post(unanswered)
            elif again is not None and self.alive:
                self._dispatch(again)

        def arrive() -> None:
            refused = lost or world.api_is_down()
            fact = None if refused else execute()
            if not (refused or answer_lost) and world.api_tells_time:
                self.clock.heard(world.schedule.true_now.replace(microsecond=0))
            if refused or answer_lost:
                world.schedule.after(world.latency_s() + 2.0, failed)
            else:
                world.schedule.after(world.latency_s(), lambda: answer(fact))

        world.schedule.after(world.latency_s(), arrive)

    def _write(self, action: WriteStatus | WriteFinalizers) -> Fact:
        uid, api = action.ref.uid, self.world.api
        if self.world.floods():
            return WriteRefused(uid=uid, retry_after_s=3.0, detail="TooManyRequests")
        try:
            return WriteAccepted(uid=uid, recording=self._patch(action))
        except ConflictError:
            return WriteRefused(uid=uid, conflict=True)
        except NotFoundError:
            return WriteRefused(uid=uid, gone=True)
        finally:
            self.world.trace("api", f"{action.ref.name} is at {api.version_of(uid)}")

    def _patch(self, action: WriteStatus | WriteFinalizers) -> Recording:
        api, version = self.world.api, action.resource_version
        if isinstance(action, WriteFinalizers):
            return api.patch_finalizers(action.ref, version=version, finalizers=action.finalizers)
        patch = merge_patch_between(action.previous, action.status)
        written = api.patch_status(action.ref, version=version, patch=patch)
        self.world.checker.status_written(self, action)
        return written

    def _read(self, action: ReadRecording) -> Fact:
        uid = action.ref.uid
        try:
            recording = self.world.api.get(action.ref)
        except NotFoundError:
            return WriteRefused(uid=uid, gone=True)
        if recording.metadata.uid == uid:
            return RecordingRead(uid=uid, recording=recording)
        seen = RecordingSeen(recording=recording)
        self.world.schedule.after(self.world.latency_s(), lambda: self.post(seen))
        return WriteRefused(uid=uid, gone=True)

    def _delete(self, action: DeleteRecording) -> Fact:
        uid = action.ref.uid
        try:
            self.world.api.delete_exactly(action.ref, version=action.resource_version)
        except NotFoundError:
            return WriteRefused(uid=uid, gone=True)
        except ConflictError:
            return WriteRefused(uid=uid, conflict=True)
        return DeleteAccepted(uid=uid)

    def _confirm(self, action: ConfirmLeadership) -> Fact | None:
        if self.world.leader is self:
            return LeadershipConfirmed(uid=action.uid)
        self.die()
        return None

    def _labels(self, namespace: str) -> Fact:
        return NamespaceSeen(namespace=namespace, labels=dict(self.world.labels.get(namespace, {})))

    def _resolve(self, action: ResolveSource) -> Fact:
        recording = action.recording
        uid, spec = recording.metadata.uid, next(s for s in recording.spec.artifacts if s.name == action.artifact)
        assert spec.source is not None
        url = self.world.url_of(recording.metadata.namespace, spec.source)
        if url is None:
            failure = TransferFailed(reason=Reason.SECRET_NOT_FOUND, message="no such Secret")
            return SourceResolved(uid=uid, artifact=action.artifact, revision=None, failure=failure)
        revision = resolved_revision(uid, spec_revision(uid, spec), url=url, headers={})
        return SourceResolved(uid=uid, artifact=action.artifact, revision=revision)

    def _unresolved(self, action: ResolveSource) -> Fact:
        failure = TransferFailed(reason=Reason.INTERRUPTED, message="the API server did not answer")
        uid = action.recording.metadata.uid
        return SourceResolved(uid=uid, artifact=action.artifact, revision=None, failure=failure)

    # The store

    def _abort(self, action: AbortUpload) -> Fact:
        ok = action.location.metadata.name in self.world.locations
        try:
            if ok:
                self.world.store.abort(action.key)
        except UnavailableError:
            ok = False
        return AbortEnded(uid=action.uid, artifact=action.artifact, ok=ok)

    def _clean_up(self, action: CleanUp) -> Fact:
        ok = action.location.metadata.name in self.world.locations
        try:
            for artifact in action.artifacts if ok else ():
                self.world.store.abort(artifact.key)
                if artifact.delete_object:
                    self.world.store.delete(artifact.key, uid=action.ref.uid, version_id=artifact.version_id)
        except UnavailableError:
            ok = False
        return CleanupEnded(uid=action.ref.uid, ok=ok)
