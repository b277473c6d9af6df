"""How the changes of Recordings reach an operator: late, twice, or only in a new list."""

from typing import TYPE_CHECKING

from recording_operator.api.recording import Recording
from recording_operator.engine.facts import Fact, RecordingGone, RecordingSeen, RecordingsListed
from recording_operator.engine.status import TERMINAL
from tests.engine.simulation.apiserver import Change

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator


class Watch:
    """A LIST of the unfinished Recordings, then every change in order; the order holds over all objects."""

    def __init__(self, operator: "Operator") -> None:
        self.operator = operator
        self._world = operator.world
        self._front_s = 0.0
        self._broken = False
        self._world.api.listeners.append(self._changed)
        self.list()

    def close(self) -> None:
        """Stop listening."""
        self._world.api.listeners.remove(self._changed)

    def break_off(self, *, for_s: float) -> None:
        """Miss everything for a while; then list again."""
        self._broken = True
        self._world.schedule.after(for_s, self.mend)

    def mend(self) -> None:
        """List again after a break."""
        if self._broken and self.operator.alive:
            self.list()
            self._world.sweep_finished_soon(self.operator)

    def list(self) -> None:
        """Hand over what is unfinished now, then say that this was all."""
        self._broken = False
        unfinished = [one for one in self._world.api.recordings.values() if is_unfinished(one)]
        for recording in unfinished:
            self._hand_over(RecordingSeen(recording=recording))
        self._hand_over(RecordingsListed(uids=frozenset(one.metadata.uid for one in unfinished)))

    def _changed(self, change: Change) -> None:
        if self._broken or not self.operator.alive:
            return
        if change.after is None:
            self._hand_over(RecordingGone(uid=change.recording.metadata.uid))
            return
        seen = RecordingSeen(recording=change.after)
        self._hand_over(seen)
        if self._world.repeats():
            late_s = self._front_s - self._world.schedule.elapsed_s + self._world.latency_s() * 3
            self._world.schedule.after(late_s, lambda: self.operator.post(seen))

    def _hand_over(self, fact: Fact) -> None:
        schedule = self._world.schedule
        self._front_s = max(self._front_s, schedule.elapsed_s + self._world.watch_latency_s())
        schedule.after(self._front_s - schedule.elapsed_s, lambda: self.operator.post(fact))


def is_unfinished(recording: Recording) -> bool:
    """What the LIST's field selector lets through."""
    return recording.status.phase not in TERMINAL


def is_unsettled(recording: Recording) -> bool:
    """What the LIST of the sweep of unsettled Recordings lets through."""
    return recording.status.settled is False
