"""Moves of Recordings in the simulation: where their objects may be, and that they can always be read."""

from typing import TYPE_CHECKING

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.api.storagelocation_moves import MovedFrom
from recording_operator.engine.identity import recording_uid
from recording_operator.engine.status import TERMINAL
from tests.engine.simulation.store import Address, StoredThing, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.world import World


def has_failed_to_move(recording: Recording) -> bool:
    """Whether copies have failed for good. The sweep aborts what is open of them; what is stored is kept."""
    return recording.status.reason == Reason.MOVE_FAILED


class MoveWatch:
    """Watches that the objects which a status names exist, and knows which old objects may stay."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._kept: set[tuple[str, str]] = set()
        """Uid in the store, and bucket."""
        self._left: set[StoredThing] = set()
        """What was there when a move ended, and may stay."""
        self._buckets: dict[str, str] = {}
        """By uid in the store: where the newest status says that the objects are."""

    def noted(self, recording: Recording) -> None:
        """The API server has a new version of a Recording."""
        if recording.location is not None:
            self._buckets[recording_uid(recording)] = bucket_of(recording.location)

    # What must hold at every step

    def changed(self, before: Recording, after: Recording) -> None:
        """The status has changed, and says that the objects are at another location."""
        old, new = before.status, after.status
        assert old.phase is Phase.COMPLETE, f"moved while it was {old.phase}"
        assert old.move is not None, "moved, and no status ever named the new location"
        assert old.move.to == new.storage_location == after.spec.storage_location, "moved to another location"
        assert old.storage_location is not None
        objects, uid = self._world.store.objects, recording_uid(after)
        places = {one.name: Address(bucket_of(old.storage_location), one.key or "") for one in old.artifacts}
        for state in new.artifacts:
            if state.is_stored:
                copy = objects.get(Address(bucket_of(new.storage_location), state.key or ""))
                source = objects.get(places[state.name])
                if copy is None or source is None:
                    assert (uid, state.name) in self._world.expiries.due, f"{state.name} was moved, and is missing"
                else:
                    assert copy.content == source.content, f"the copy of {state.name} has other bytes"
        if self._world.moves_from[old.storage_location] is MovedFrom.KEEP:
            self._keep(uid, bucket_of(old.storage_location))

    def deleted(self, thing: StoredThing) -> None:
        """An object was deleted. Somebody asked for that, or it was at another place, and no Recording names it."""
        if thing.data and thing.artifact != MANIFEST_FILE:
            return  # it was written to find out whether two locations are one place
        asked = thing.uid in self._world.checker.asked_for_deletion
        assert asked or self._buckets.get(thing.uid or "") != thing.at.bucket, f"nobody asked to delete {thing.at}"
        for recording in self._world.api.recordings.values():
            if recording_uid(recording) != thing.uid or recording.metadata.deletion_timestamp is not None:
                continue
            status = recording.status
            named = {Address(bucket_of(status.storage_location), one.key or "") for one in status.artifacts}
            named = named if status.phase in TERMINAL else set()
            assert thing.at not in named, f"{thing.at} was deleted, and {recording.metadata.name} names it"

    def gave_up(self, uid: str) -> None:
        """An Event says that old objects stay."""
        recording = self._world.api.recordings.get(uid)
        move = recording.status.move if recording is not None else None
        if recording is not None and move is not None:
            self._keep(recording_uid(recording), bucket_of(move.from_ or move.to))

    def _keep(self, uid: str, bucket: str) -> None:
        self._kept.add((uid, bucket))
        self._left |= {thing for thing in self._world.store.of(uid) if thing.at.bucket == bucket}

    # What must hold at the end

    def left(self, recording: Recording) -> list[Address]:
        """What is stored for a Recording, and should not be."""
        uid, move = recording_uid(recording), recording.status.move
        places = {recording.location, *((move.to, move.from_) if move is not None else ())}
        buckets = {bucket_of(place) for place in places}
        return [one.at for one in self._world.store.of(uid) if one.at.bucket not in buckets and not self.may_stay(one)]

    def may_stay(self, thing: StoredThing) -> bool:
        """Whether it was moved away, and its location keeps what was moved away."""
        return (thing.uid, thing.at.bucket) in self._kept

    def was_left(self, thing: StoredThing | None) -> bool:
        """Whether a move left exactly this version, perhaps before the Recording came back."""
        return thing in self._left

    def check_arrived(self, recording: Recording) -> None:
        """It is at the newest location that was asked for, unless its move waits or failed."""
        wanted, status = recording.spec.storage_location or recording.location, recording.status
        if wanted == recording.location and status.move is None:
            return
        if status.phase is not Phase.COMPLETE or has_failed_to_move(recording) or self.waits(recording):
            return
        where = f"is at {recording.location}, and should be at {wanted}: {status.move}"
        raise AssertionError(f"{recording.metadata.name} {where}")

    def waits(self, recording: Recording) -> bool:
        """Whether its move waits for something that only a person changes."""
        status, world = recording.status, self._world
        if status.phase is not Phase.COMPLETE or status.move is None or status.move.to is None:
            return False
        reasons = {one.reason for one in status.move.artifacts}
        return (
            (Reason.SUSPENDED in reasons and recording.spec.suspend)
            or (Reason.QUOTA_EXCEEDED in reasons and status.move.to in world.quotas.quotas)
            or (Reason.BUDGET_EXCEEDED in reasons and bool(world.holds))
        )
