"""Moves: a Recording that is Complete goes to another location, whatever happens on the way."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.api.meta import ConditionStatus, DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import MoveStatus, Recording
from recording_operator.api.storagelocation_moves import MovedFrom
from recording_operator.engine.actions import CleanUp, EmitEvent, StartTransfer, StopTransfer, WriteManifest
from recording_operator.engine.facts import (
    BudgetHoldsChanged,
    CleanupEnded,
    LocationGone,
    LocationSeen,
    ObjectsExpired,
    RecordingSeen,
)
from recording_operator.engine.move_work import MoveWork
from recording_operator.engine.moves import MoveStep, next_move
from recording_operator.engine.settled import is_settled
from tests.engine.builders import a_budget_hold, a_location
from tests.engine.driver import deleting, newer, none
from tests.engine.move_world import NAMES, PLACES, MoveWorld
from tests.engine.scenes import UID


def condition(recording: Recording, kind: str) -> tuple[ConditionStatus, Reason, str]:
    """A condition of the Recording."""
    found = next(one for one in recording.status.conditions if one.type == kind)
    return found.status, Reason(found.reason), found.message


def moved_half(world: MoveWorld) -> None:
    """Begin a move to b, of which one of two objects is copied."""
    world.run()
    world.edit("b")
    while not world.running:
        assert world.step() or world.wait()
    while world.step():
        pass
    assert world.end_one()
    while world.step():
        pass


def test_a_move_copies_switches_and_removes() -> None:
    world = MoveWorld()
    world.run()
    assert is_settled(world.recording)
    world.edit("b")
    world.run()
    status = world.recording.status
    assert (status.storage_location, status.bucket, status.move) == ("b", "bucket-b", None)
    assert {state.uri for state in status.artifacts} == {
        f"s3://bucket-b/{world.key(name)}" for name in ("video", "audio")
    }
    assert world.places() == {"b"}
    assert (world.manifests, world.uploads) == ({"b"}, {})
    assert (status.reason, status.progress) == (Reason.STORED, "100%")
    assert is_settled(world.recording)
    assert condition(world.recording, "Reconciling")[0] is ConditionStatus.FALSE
    events = [(action.reason, action.note) for action in world.seen if isinstance(action, EmitEvent)]
    assert [reason for reason, _ in events][-2:] == [Reason.MOVING, Reason.STORED]
    assert "under s3://bucket-b/" in events[-1][1]


def test_old_objects_stay_if_the_location_keeps_them() -> None:
    world = MoveWorld(old=MovedFrom.KEEP)
    world.run()
    world.edit("b")
    world.run()
    assert world.places() == {"archive", "b"}
    assert world.recording.status.move is None
    assert is_settled(world.recording)


def test_a_moving_recording_shows_its_progress() -> None:
    world = MoveWorld()
    moved_half(world)
    status = world.recording.status
    truth, reason, message = condition(world.recording, "Reconciling")
    assert (truth, reason) == (ConditionStatus.TRUE, Reason.MOVING)
    assert message == "Moving from archive to b: 1 of 2 objects are copied (10 B of 20 B)."
    assert (status.reason, status.progress, status.settled) == (Reason.MOVING, "50.0%", False)
    assert condition(world.recording, "Ready")[0] is ConditionStatus.TRUE
    assert not is_settled(world.recording)


def test_going_back_removes_what_was_copied() -> None:
    world = MoveWorld()
    moved_half(world)
    assert world.places() == {"archive", "b"}
    world.edit("archive")
    world.run()
    assert world.places() == {"archive"}
    assert (world.uploads, world.recording.status.move) == ({}, None)
    assert is_settled(world.recording)


def test_going_back_removes_the_copy_of_what_has_expired_since() -> None:
    world = MoveWorld()
    moved_half(world)
    gone = frozenset(name for name in NAMES if ("b", world.key(name)) in world.objects)
    assert len(gone) == 1
    world.tell(ObjectsExpired(recording=world.recording, artifacts=gone, message="It has expired."))
    world.edit("archive")
    world.run()
    assert world.places() == {"archive"}


def test_no_longer_naming_a_location_goes_back_too() -> None:
    world = MoveWorld()
    moved_half(world)
    world.edit(None)
    world.run()
    assert (world.places(), world.recording.status.storage_location) == ({"archive"}, "archive")


def test_another_target_during_the_move() -> None:
    world = MoveWorld()
    moved_half(world)
    world.edit("c")
    world.run()
    assert (world.places(), world.recording.status.storage_location) == ({"c"}, "c")


def test_a_budget_holds_a_move_that_has_not_begun() -> None:
    world = MoveWorld()
    world.run()
    world.tell(BudgetHoldsChanged(holds=(a_budget_hold(locations=["b"]),)))
    world.edit("b")
    while world.step() or (world.engine.next_due() and world.wait()):
        pass
    assert world.places() == {"archive"}
    assert "StorageReport all" in condition(world.recording, "Reconciling")[2]
    world.tell(BudgetHoldsChanged(holds=()))
    while not world.running:
        assert world.step() or world.wait()
    world.tell(BudgetHoldsChanged(holds=(a_budget_hold(),)))
    world.run()
    assert world.places() == {"b"}


def test_a_cancelled_recording_is_moved_too() -> None:
    world = MoveWorld()
    moved_half(world)
    world.recording = newer(world.recording, cancel=True)
    world.tell(RecordingSeen(recording=world.recording))
    assert none(world.actions, StopTransfer)
    world.run()
    assert world.places() == {"b"}


def test_a_failure_keeps_the_old_place_and_says_why() -> None:
    world = MoveWorld()
    world.run()
    world.edit("b")
    for _ in range(100):
        while world.step() or world.end_one(ok=False):
            pass
        world.wait(300)
    status = world.recording.status
    assert (status.storage_location, status.reason) == ("archive", Reason.MOVE_FAILED)
    assert status.message == (
        "The objects could not be moved to b, and stay at archive. video: It broke. Change spec.retryToken to try "
        "again, or set spec.storageLocation to archive."
    )
    assert condition(world.recording, "Stalled")[:2] == (ConditionStatus.TRUE, Reason.MOVE_FAILED)
    assert is_settled(world.recording)
    world.recording = newer(world.recording, retry_token="again")
    world.tell(RecordingSeen(recording=world.recording))
    world.run()
    assert (world.places(), world.uploads) == ({"b"}, {})


def test_a_location_that_does_not_admit_the_namespace_gets_nothing() -> None:
    world = MoveWorld()
    world.run()
    closed = a_location("b", namespaces=())
    world.tell(LocationSeen(location=closed, ready=True))
    world.edit("b")
    while world.step():
        pass
    assert not world.running
    assert "does not admit namespace" in (world.recording.status.message or "")
    assert world.recording.status.storage_location == "archive"
    assert world.recording.status.move is not None
    assert (world.recording.status.move.to, world.recording.status.move.bucket) == ("b", None)
    assert condition(world.recording, "Stalled")[:2] == (ConditionStatus.TRUE, Reason.LOCATION_NOT_ALLOWED)
    assert condition(world.recording, "Reconciling")[0] is ConditionStatus.FALSE
    assert world.recording.status.reason is Reason.MOVING


def test_a_recording_without_objects_is_not_moved_there_either() -> None:
    world = MoveWorld()
    world.run()
    world.tell(ObjectsExpired(recording=world.recording, artifacts=frozenset(NAMES), message="They have expired."))
    world.run()
    world.tell(LocationSeen(location=a_location("b", namespaces=()), ready=True))
    world.edit("b")
    for _ in range(5):
        while world.step():
            pass
        world.wait()
    assert world.recording.status.storage_location == "archive"
    assert "bucket-b" not in world.recording.status.model_dump_json()

    world.tell(LocationSeen(location=a_location("b"), ready=True))
    world.run()
    assert world.recording.status.storage_location == "b"


def test_nothing_is_removed_at_a_location_that_does_not_admit_the_namespace() -> None:
    world = MoveWorld()
    world.run()
    world.tell(LocationSeen(location=a_location("b", namespaces=()), ready=True))
    world.edit("b")
    while world.step():
        pass
    world.edit("archive")
    world.run()
    assert not [one for one in world.seen if isinstance(one, CleanUp)]
    assert (world.recording.status.move, world.recording.status.reason) == (None, Reason.STORED)

    world.edit("b")
    while world.step():
        pass
    world.tell(RecordingSeen(recording=deleting(newer(world.recording))))
    assert not [one for one in world.seen if isinstance(one, CleanUp)]
    assert UID not in world.engine.state.recordings, "nothing is left to do"


def test_objects_under_retention_stay() -> None:
    world = MoveWorld()
    world.run()
    world.edit("b")
    while not any(isinstance(action, CleanUp) for action in world.actions):
        assert world.step() or world.end_one() or world.wait()
    world.drop(CleanUp)
    detail = "The object is protected by Object Lock until 2027-01-01 00:00 UTC, so the store does not delete it."
    world.tell(
        CleanupEnded(uid=world.recording.metadata.uid, ok=False, reason=Reason.RETENTION_IN_FORCE, detail=detail)
    )
    world.run()
    assert world.places() == {"archive", "b"}
    assert is_settled(world.recording)
    event = next(one for one in world.seen if isinstance(one, EmitEvent) and one.reason is Reason.OLD_OBJECTS_KEPT)
    assert event.note == f"The objects at archive are not removed: {detail} The Recording uses those at b."

    def said() -> list[tuple[str, str, str]]:
        conditions = world.recording.status.conditions
        return [(one.status, one.reason, one.message) for one in conditions if one.type == "OldObjectsRemoved"]

    assert said() == [("False", "OldObjectsKept", event.note)]
    world.start()
    world.tell(RecordingSeen(recording=newer(world.recording, title="another")))
    world.recording = newer(world.recording, title="another")
    world.run()
    assert said() == [("False", "OldObjectsKept", event.note)]
    world.edit("archive")
    world.run()
    assert said() == []


def test_the_manifest_is_beside_the_new_objects_before_the_old_ones_go() -> None:
    world = MoveWorld()
    world.run()
    world.edit("b")
    world.run()
    last = [type(action) for action in world.seen if isinstance(action, CleanUp | WriteManifest)]
    assert last[-2:] == [WriteManifest, CleanUp]


def test_a_rebuilt_recording_has_its_manifest_at_the_new_location_before_the_switch() -> None:
    world = MoveWorld(manifest=False, rebuilt=True)
    moved_half(world)
    assert world.manifests == {"archive"}
    assert world.end_one()
    while world.manifests == {"archive"}:
        assert world.step() or world.wait()
    assert world.recording.status.storage_location == "archive"
    world.run()
    assert world.recording.status.storage_location == "b"
    assert (world.manifests, world.places()) == ({"b"}, {"b"})
    assert is_settled(world.recording)


def test_of_a_rebuilt_recording_that_has_expired_there_is_no_manifest_to_take_along() -> None:
    recording = newer(MoveWorld(rebuilt=True).recording, storage_location="b")
    move = MoveStatus(to="b", bucket="bucket-b")
    states = tuple(one.model_copy(update={"reason": Reason.EXPIRED}) for one in recording.status.artifacts)
    status = recording.status.model_copy(update={"artifacts": states, "move": move})
    assert next_move(recording.model_copy(update={"status": status}), MoveWork(shown=move)) is MoveStep.SWITCH


def test_an_old_location_that_was_deleted_ends_the_move() -> None:
    world = MoveWorld()
    world.run()
    world.edit("b")
    while world.recording.status.storage_location != "b":
        assert world.step() or world.end_one() or world.wait()
    world.drop(CleanUp)
    world.start()
    world.drop(CleanUp)
    world.engine.state.recordings.clear()
    world.tell(LocationGone(name="archive"))
    world.tell(RecordingSeen(recording=newer(world.recording)))
    world.recording = newer(world.recording)
    world.run()
    assert world.recording.status.move is None
    assert is_settled(world.recording)


@pytest.mark.parametrize("policy", list(DeletionPolicy))
def test_a_deletion_during_the_move_removes_the_copies(policy: DeletionPolicy) -> None:
    world = MoveWorld()
    moved_half(world)
    world.tell(RecordingSeen(recording=deleting(newer(world.recording, deletion_policy=policy))))
    cleaned = []
    for _ in range(20):
        while world.actions:
            cleaned += [action for action in world.actions if isinstance(action, CleanUp)]
            world.step()
        world.wait()
    assert cleaned[0].location.metadata.name == "b"
    assert world.places() == {"archive"}
    assert world.uploads == {}


STEPS = st.sampled_from(["step"] * 8 + ["end"] * 4 + ["fail", "kill", "wait", "archive", "b", "c", "none"])


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(STEPS, max_size=120), old=st.sampled_from(MovedFrom), manifest=st.booleans(), rebuilt=st.booleans()
)
def test_killed_anywhere_it_is_readable_and_ends_where_it_belongs(
    steps: list[str], old: MovedFrom, manifest: bool, rebuilt: bool
) -> None:
    world = MoveWorld(old=old, manifest=manifest, rebuilt=rebuilt)
    for step in steps:
        match step:
            case "step":
                world.step()
            case "end" | "fail":
                world.end_one(ok=step == "end")
            case "kill":
                world.start()
            case "wait":
                world.wait(30)
            case _:
                world.edit(None if step == "none" else step)
        world.check()
    world.recording = newer(world.recording, retry_token="end")
    world.tell(RecordingSeen(recording=world.recording))
    world.run()
    status = world.recording.status
    assert status.storage_location == (world.recording.spec.storage_location or status.storage_location)
    assert status.move is None
    assert world.uploads == {}
    assert is_settled(world.recording)
    if old is MovedFrom.DELETE:
        assert world.places() == {status.storage_location}
        assert world.manifests == ({status.storage_location} if manifest or rebuilt else set())


def test_time_may_jump_during_a_move() -> None:
    world = MoveWorld()
    moved_half(world)
    world.now += timedelta(hours=3)
    world.actions += world.engine.clock_stepped(timedelta(hours=3), world.now)
    world.run()
    assert world.places() == {"b"}
    assert set(PLACES) >= world.places()
    assert [one.artifact for one in world.seen if isinstance(one, StartTransfer)]


def test_a_move_waits_for_a_location_that_is_being_checked() -> None:
    world = MoveWorld()
    world.run()
    world.tell(LocationSeen(location=world.locations["b"], ready=False, checked=False))
    world.edit("b")
    while world.step() or (world.engine.next_due() and world.wait()):
        pass
    assert not world.running
    world.tell(LocationSeen(location=world.locations["b"], ready=True))
    world.run()
    assert world.places() == {"b"}
