"""Drives an engine: facts in, actions out. The test advances the time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Recording, RecordingStatus
from recording_operator.engine.actions import Action, StartTransfer, WriteFinalizers, WriteStatus
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import (
    BudgetHoldsChanged,
    Fact,
    LocationSeen,
    LocationsListed,
    RecordingSeen,
    TransferEnded,
    TransferFailed,
    TransferSucceeded,
    WriteAccepted,
)
from recording_operator.engine.notification_facts import Sink, SinksChanged
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_location, engine_options

A = TypeVar("A", bound=Action)
CLAIM = Claim(holder="op-a", transitions=5)
STORED = TransferSucceeded(
    size_bytes=10,
    etag="e",
    version_id="v1",
    checksum="crc64nvme:00",
    content_type="video/mp4",
    uri="s3://b/k",
    integrity=Reason.FULL_OBJECT_CRC64NVME,
)


class Driver:
    """The engine, its clock, and an API server that accepts writes when the test calls it."""

    def __init__(
        self,
        *recordings: Recording,
        capacity: Capacity | None = None,
        claim: Claim = CLAIM,
        gives_up_after: timedelta | None = None,
        sinks: tuple[Sink, ...] | None = (),
    ) -> None:
        options = engine_options(capacity=capacity, gives_up_after=gives_up_after)
        self.engine = Engine(claim=claim, options=options)
        self.now = START
        self.actions: list[Action] = []
        self.tell(LocationSeen(location=a_location(), ready=True), LocationsListed(), BudgetHoldsChanged(holds=()))
        if sinks is not None:
            self.tell(SinksChanged(sinks=sinks))
        for recording in recordings:
            self.tell(RecordingSeen(recording=recording))

    def tell(self, *facts: Fact) -> list[Action]:
        """Facts, one after the other; the actions that follow from them."""
        new = [action for fact in facts for action in self.engine.observe(fact, self.now)]
        self.actions += new
        return new

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass, ticking whenever something is due; the actions that follow."""
        end, new = self.now + timedelta(seconds=seconds), list[Action]()
        while (due := self.engine.next_due()) is not None and due <= end:
            before = (due, len(new))
            self.now = max(self.now, due)
            new += self.engine.tick(self.now)
            assert (self.engine.next_due(), len(new)) != before, "due, and nothing happens"
        self.now = end
        self.actions += new
        return new

    def accept(self, write: WriteStatus | WriteFinalizers, based_on: Recording) -> Recording:
        """The API server takes a write; its response, which the engine receives."""
        answer = applied(write, based_on)
        self.tell(WriteAccepted(uid=write.ref.uid, recording=answer))
        return answer

    def claimed(self, recording: Recording) -> Recording:
        """See a Recording, have the claim accepted: its first transfers run."""
        write = only(self.tell(RecordingSeen(recording=recording)), WriteStatus)
        return self.accept(write, recording)

    def end(
        self, recording: Recording, outcome: TransferSucceeded | TransferFailed = STORED, artifact: str = "video"
    ) -> list[Action]:
        """A transfer is over."""
        return self.tell(TransferEnded(uid=recording.metadata.uid, artifact=artifact, outcome=outcome))

    @property
    def started(self) -> list[str]:
        """The artifacts started so far."""
        return [action.artifact for action in self.actions if isinstance(action, StartTransfer)]


def only(actions: Sequence[Action], kind: type[A]) -> A:
    """The one action of this kind."""
    found = [action for action in actions if isinstance(action, kind)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__} in {[type(action).__name__ for action in actions]}"
    return found[0]


def none(actions: Sequence[Action], *kinds: type[Action]) -> bool:
    """Whether there is no action of these kinds."""
    return not any(isinstance(action, kinds) for action in actions)


def newer(recording: Recording, *, by: int = 1, generation: int = 0, **spec: object) -> Recording:
    """A later version; with `spec`, an edit of it."""
    meta = recording.metadata
    changed = {
        "resource_version": str(int(meta.resource_version) + by),
        "generation": meta.generation + (1 if spec else 0) + generation,
    }
    return recording.model_copy(
        update={"metadata": meta.model_copy(update=changed), "spec": recording.spec.model_copy(update=spec)}
    )


def deleting(recording: Recording, at: datetime = START) -> Recording:
    """A later version that is being deleted."""
    later = newer(recording, generation=1)
    return later.model_copy(update={"metadata": later.metadata.model_copy(update={"deletion_timestamp": at})})


def applied(write: WriteStatus | WriteFinalizers, based_on: Recording) -> Recording:
    """What the API server makes of a write."""
    assert write.resource_version == based_on.metadata.resource_version
    later = newer(based_on)
    if isinstance(write, WriteFinalizers):
        meta = later.metadata.model_copy(update={"finalizers": write.finalizers})
        return later.model_copy(update={"metadata": meta})
    return later.model_copy(update={"status": RecordingStatus.model_validate(write.status)})
