"""What must hold at the end of a simulation: everything is finished, and nothing is left behind."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Phase, Recording
from recording_operator.engine.identity import recording_uid
from recording_operator.engine.imports import source_object
from recording_operator.engine.manifest import decode, encode, manifest_key, manifest_of
from recording_operator.engine.status import TERMINAL
from recording_operator.engine.ttl_schedule import TtlSchedule
from tests.engine.simulation.checker import holds_back
from tests.engine.simulation.expiry import stays
from tests.engine.simulation.store import Address, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.world import World

_TTL_SLACK: Final = timedelta(minutes=5)


class Ending:
    """Checks a world in which there was peace for long. `faults` are those that there were before."""

    def __init__(self, world: "World", faults: frozenset[str]) -> None:
        self._world = world
        self._faults = faults

    def check(self) -> None:
        """Raises AssertionError where something does not hold."""
        world = self._world
        leader = world.leader
        assert leader is not None
        assert leader.alive
        assert not leader.transfers
        state = leader.engine.state
        assert not state.slots.running, "slots are not given back"
        assert not len(state.queue), "something waits for a slot, and nothing runs"
        world.quotas.check_end(leader)
        for recording in world.api.recordings.values():
            self._check_ended(recording)
            if stays(recording):
                self._check_expired(recording)
        legitimate = {uid for uid, recording in world.api.recordings.items() if self._may_wait(recording)}
        assert set(state.recordings) <= legitimate, f"remembers {set(state.recordings) - legitimate}"
        self._check_store(legitimate)

    def _check_ended(self, recording: Recording) -> None:
        meta, spec, status = recording.metadata, recording.spec, recording.status
        who = f"{meta.name}({meta.uid[:8]})"
        assert meta.deletion_timestamp is None, f"{who} is not let go"
        wanted = spec.deletion_policy is DeletionPolicy.DELETE
        ends_at = TtlSchedule(default_ttl=self._world.options.default_ttl).ends_at(recording)
        waits = self._world.moves.waits(recording)
        if ends_at is not None and not waits:
            assert ends_at > self._world.certain_time() - _TTL_SLACK, f"{who} should be gone since {ends_at}"
        assert (DELETE_OBJECT_FINALIZER in meta.finalizers) == wanted, f"{who} has finalizers {meta.finalizers}"
        assert status.observed_generation == meta.generation, f"{who}: the last edit was not looked at"
        if status.phase in TERMINAL:
            self._world.moves.check_arrived(recording)
            assert status.settled is True or waits, f"{who} is {status.phase} and not settled"
            self._check_manifest(recording)
            self._world.applications.check_end(recording)
        assert status.claim is None, f"{who} is claimed by {status.claim}"
        assert status.started_at is None or recording.location is not None, f"{who} is stored at no location"
        assert status.phase in TERMINAL or self._may_wait(recording), f"{who} stands at {status.phase}/{status.reason}"

    def _check_expired(self, recording: Recording) -> None:
        for one in recording.status.artifacts:
            due = (recording.metadata.uid, one.name) in self._world.expiries.due
            assert due == one.has_expired, f"{one.name} is {one.reason}, and its object has expired: {due}"

    def _check_manifest(self, recording: Recording) -> None:
        if recording.location is None:
            return  # it ended before it was placed
        location = self._world.locations[recording.location]
        key, states = manifest_key(recording, location), recording.status.artifacts
        thing = self._world.store.objects.get(Address(bucket_of(recording.location), key))
        if all(one.has_expired for one in states):
            # It may have expired elsewhere, and been moved to a location that kept what it had before.
            is_gone = thing is None or self._world.moves.was_left(thing)
            assert is_gone, "the manifest of expired objects is left"
            assert recording.status.manifest_uri is None, "the status names a manifest of expired objects"
        if not location.spec.manifest.enabled or not any(one.is_stored for one in states):
            return
        if thing is None and recording.status.manifest_uri is None and "locations" in self._faults:
            return  # its location did not exist when it settled
        assert thing is not None, f"there is no manifest at {key}"
        assert thing.uid == recording_uid(recording)
        # The clock may have been set between the manifest and the status.
        untimed: dict[str, None] = {"started_at": None, "completed_at": None}
        whole = decode(encode(manifest_of(recording)))
        wanted, found = (one.model_copy(update=untimed) for one in (whole, decode(thing.data)))
        assert found == wanted, f"the manifest says {found}, not {wanted}"

    def _may_wait(self, recording: Recording) -> bool:
        """Whether a person has to do something first, or a budget holds it."""
        if _is_suspended(recording) or self._world.moves.waits(recording):
            return True
        if recording.status.reason == Reason.QUOTA_EXCEEDED:
            return bool(self._world.quotas.quotas)
        if recording.status.reason == Reason.IMPORT_NOT_ALLOWED:
            return any(_is_closed(artifact, recording.metadata.namespace) for artifact in recording.spec.artifacts)
        # One that is not placed yet may be held at the location that was chosen for it.
        places = [recording.location] if recording.location else list(self._world.locations)
        held = any(holds_back(hold, recording, place) for hold in self._world.holds for place in places)
        return held and recording.status.reason == Reason.BUDGET_EXCEEDED

    def _check_store(self, legitimate: set[str]) -> None:
        world = self._world
        waiting = {recording_uid(world.api.recordings[uid]) for uid in legitimate}
        for upload in world.store.uploads.values():
            assert upload.uid in waiting, f"{upload.upload_id} of {upload.uid[:8]} is still open"
        if not world.died and "clock" not in self._faults:
            assert not world.swept, "an upload was left to the sweep although no operator died"
        assert world.foreign <= world.store.objects.keys(), "somebody else's object was deleted"
        if world.split_brain:
            return  # the old operator may store an object after the new one has cleaned up
        owned = {(thing.uid, thing.artifact) for thing in world.store.objects.values()}
        for recording in world.api.recordings.values():
            uid = recording_uid(recording)
            assert not world.moves.left(recording), f"{recording.metadata.name} left {world.moves.left(recording)}"
            for state in recording.status.artifacts:
                if state.reason == Reason.QUOTA_EXCEEDED and world.died:
                    continue  # a small object of an operator that died: nothing looks for it before there is room
                if state.phase is Phase.FAILED and not (state.reason == Reason.CANCELLED and self._could_not_look()):
                    assert (uid, state.name) not in owned, f"{state.name} of {uid[:8]} is {state.reason}, and stored"
        for uid in world.checker.objects_to_delete - set(map(recording_uid, world.api.recordings.values())):
            left = [thing.at for thing in world.store.of(uid) if not world.moves.may_stay(thing)]
            assert not left, f"{left} should have gone with its Recording"

    def _could_not_look(self) -> bool:
        """Cancelled after a crash, without a location that serves the namespace: there is no check and no wait."""
        return self._world.died and not self._faults.isdisjoint({"locations", "labels"})


def _is_closed(artifact: ArtifactSpec, namespace: str) -> bool:
    """Whether it names an object of another namespace."""
    named = source_object(artifact)
    return named is not None and not named.key.startswith(f"in/{namespace}/")


def _is_suspended(recording: Recording) -> bool:
    return (
        recording.spec.suspend
        and recording.status.phase is Phase.PENDING
        and any(state.reason == Reason.SUSPENDED for state in recording.status.artifacts)
    )
