"""Objects that expire in the simulation, and the sweep that finds or deletes them."""

from functools import partial
from typing import TYPE_CHECKING, Final

from recording_operator.api.recording import Recording
from recording_operator.engine.facts import ObjectsExpired
from recording_operator.engine.manifest import manifest_key
from recording_operator.engine.settled import is_finished
from tests.engine.simulation.store import Address, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

_MESSAGE: Final = "It has expired."


class Expiries:
    """What has expired by a rule. A sweep takes it out of the store, and tells its operator."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.due: set[tuple[str, str]] = set()
        """Uid and artifact."""

    def expire(self) -> None:
        """A rule applies to some artifacts of a finished Recording."""
        world = self._world
        finished = [one for one in world.api.recordings.values() if is_finished(one)]
        if not finished:
            return
        recording = world.rng.choice(finished)
        stored = [state.name for state in recording.status.artifacts if state.is_stored]
        taken = stored if world.rng.random() < 0.7 else stored[:1]
        world.trace("world", f"{taken} of {recording.metadata.name} expire")
        self.due |= {(recording.metadata.uid, name) for name in taken}
        for operator in world.living():
            world.schedule.after(world.latency_s(), partial(self.look, operator))

    def look(self, operator: "Operator") -> None:
        """What a sweep of finished Recordings does."""
        if not operator.alive or self._world.store.down:
            return
        for recording in list(self._world.api.recordings.values()):
            uid = recording.metadata.uid
            names = {one.name for one in recording.status.artifacts if one.is_stored and (uid, one.name) in self.due}
            if names and is_finished(recording) and recording.metadata.deletion_timestamp is None and stays(recording):
                self._take_out(recording, names)
                operator.post_in_order(
                    ObjectsExpired(recording=recording, artifacts=frozenset(names), message=_MESSAGE)
                )

    def _take_out(self, recording: Recording, names: set[str]) -> None:
        objects, location = self._world.store.objects, self._world.locations.get(recording.location or "")
        bucket = bucket_of(recording.location)
        for state in recording.status.artifacts:
            if state.name in names:
                objects.pop(Address(bucket, state.key or ""), None)
        if location is not None and not {one.name for one in recording.status.artifacts if one.is_stored} - names:
            objects.pop(Address(bucket, manifest_key(recording, location)), None)


def stays(recording: Recording) -> bool:
    """Whether it is not to be moved: then nothing is looked for."""
    return recording.spec.storage_location in (None, recording.location)
