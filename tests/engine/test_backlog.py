"""A namespace with more than it may take of memory: the rest is known by name, and has its turn."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus
from recording_operator.engine.actions import Action, ReadRecording, WriteStatus
from recording_operator.engine.backlog import MAKE_ROOM_EVERY, SLEEP, Backlog, Kept, weight_of
from recording_operator.engine.facts import (
    RecordingGone,
    RecordingRead,
    RecordingSeen,
    RecordingsListed,
    Ref,
    WriteRefused,
)
from tests.engine.builders import START, a_recording, an_artifact, an_artifact_status, uid_of
from tests.engine.driver import Driver, deleting, newer, none, only

LIVES_LONG = START + timedelta(hours=9)
ONE = weight_of(a_recording())


def driver(*, most_bytes: int = 1) -> Driver:
    """An engine that remembers one Recording of each namespace, or more."""
    return Driver(memory_per_namespace_bytes=most_bytes)


def read_of(actions: Sequence[Action]) -> list[str]:
    return [action.ref.name for action in actions if isinstance(action, ReadRecording)]


def gone(world: Driver, recording: Recording) -> list[Action]:
    """It was deleted: the write of its status finds nothing."""
    return world.tell(WriteRefused(uid=recording.metadata.uid, gone=True))


# One namespace's turn


def test_one_at_a_time_where_there_is_room_for_one() -> None:
    world = driver()
    first, second, third = (a_recording(number=number) for number in (1, 2, 3))
    for recording in (first, second, third):
        world.tell(RecordingSeen(recording=recording))
    assert list(world.engine.state.entries) == [first.metadata.uid]
    assert world.engine.census(world.now).left_out == 2
    assert world.engine.census(world.now).phases == {"Pending": 3}

    write = only(world.actions, WriteStatus)
    claimed = world.accept(write, first)
    write = only(world.end(first), WriteStatus)
    before = len(world.actions)
    world.accept(write, claimed)

    assert read_of(world.actions[before:]) == ["rec-2"]
    world.tell(RecordingRead(uid=second.metadata.uid, recording=second))
    assert list(world.engine.state.entries) == [second.metadata.uid]
    assert world.engine.census(world.now).left_out == 1


def test_another_namespace_has_room_of_its_own() -> None:
    world = driver()
    world.tell(RecordingSeen(recording=a_recording(number=1)))
    world.tell(RecordingSeen(recording=a_recording(number=2)))
    actions = world.tell(RecordingSeen(recording=a_recording(number=3, namespace="team-b")))
    assert only(actions, WriteStatus).ref.namespace == "team-b"


def test_what_has_begun_does_not_wait_for_room() -> None:
    world = driver()
    world.tell(RecordingSeen(recording=a_recording(number=1)))
    left = RecordingStatus(
        phase=Phase.UPLOADING,
        claim=Claim(holder="op-before", transitions=1),
        artifacts=(an_artifact_status(phase=Phase.UPLOADING, key="k", upload_id="upload-1"),),
    )
    world.tell(RecordingSeen(recording=a_recording(number=2, status=left)))
    assert set(world.engine.state.entries) == {uid_of(1), uid_of(2)}


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (a_recording(number=9, priority=1), a_recording(number=2)),
        (
            a_recording(an_artifact(expires_at=START + timedelta(hours=1)), number=9),
            a_recording(an_artifact(expires_at=LIVES_LONG), number=2),
        ),
        (
            a_recording(an_artifact(expires_at=LIVES_LONG), number=9),
            a_recording(an_artifact(expires_at=START - timedelta(hours=1)), number=2),
        ),
        (a_recording(number=9), a_recording(number=2, suspend=True)),
        (deleting(a_recording(number=9, finalizers=("recordings.dev/delete-object",))), a_recording(number=2)),
    ],
    ids=["priority", "expires first", "still lives", "not suspended", "being deleted"],
)
def test_who_is_read_first(first: Recording, other: Recording) -> None:
    world = driver()
    blocks = a_recording(number=1)
    for recording in (blocks, other, first):
        world.tell(RecordingSeen(recording=recording))
    assert read_of(gone(world, blocks))[0] == first.metadata.name


# What is seen while it is left out, or read


def waiting() -> tuple[Driver, Recording, Recording]:
    """One that is remembered, and one that waits."""
    world = driver()
    first, second = a_recording(number=1), a_recording(number=2, version=5)
    world.tell(RecordingSeen(recording=first), RecordingSeen(recording=second))
    return world, first, second


def test_a_late_word_about_one_that_waits_changes_nothing() -> None:
    world, first, second = waiting()
    late = newer(second, by=-3, priority=7)
    world.tell(RecordingSeen(recording=late))
    assert read_of(gone(world, first)) == ["rec-2"]


def test_one_that_goes_while_it_waits_is_not_read() -> None:
    world, first, second = waiting()
    world.tell(RecordingGone(uid=second.metadata.uid))
    assert none(gone(world, first), ReadRecording)
    assert world.engine.census(world.now).left_out == 0


def test_an_answer_that_is_older_than_what_the_watch_showed_is_asked_for_again() -> None:
    world, first, second = waiting()
    gone(world, first)
    edited = newer(second, suspend=True)
    assert none(world.tell(RecordingSeen(recording=edited)), ReadRecording, WriteStatus)
    again = world.tell(RecordingRead(uid=second.metadata.uid, recording=second))
    assert read_of(again) == ["rec-2"]
    write = only(world.tell(RecordingRead(uid=second.metadata.uid, recording=edited)), WriteStatus)
    assert write.status["reason"] == "Suspended"


def test_one_that_was_gone_when_it_was_read_is_forgotten() -> None:
    world, first, second = waiting()
    gone(world, first)
    world.tell(WriteRefused(uid=second.metadata.uid, gone=True))
    assert world.engine.census(world.now).left_out == 0
    assert none(world.wait(3600), ReadRecording)


def test_an_api_server_that_does_not_answer_is_asked_again_some_seconds_later() -> None:
    world, first, second = waiting()
    gone(world, first)
    assert none(world.tell(WriteRefused(uid=second.metadata.uid, detail="no answer")), ReadRecording)
    assert none(world.wait(4.9), ReadRecording)
    assert read_of(world.wait(0.2)) == ["rec-2"]


def test_one_that_a_list_does_not_show_is_read_when_there_is_room() -> None:
    """It ended, or was edited after its end: a list of unfinished ones does not say."""
    world, first, _ = waiting()
    world.tell(RecordingsListed(uids=frozenset({first.metadata.uid})))
    assert read_of(gone(world, first)) == ["rec-2"]


def test_nothing_is_read_while_the_operator_ends() -> None:
    world, first, _ = waiting()
    world.engine.drain(world.now)
    assert none(gone(world, first), ReadRecording)
    assert world.engine.next_due() is None


def test_not_all_are_read_at_once() -> None:
    world = driver(most_bytes=40 * ONE)
    many = [a_recording(number=number) for number in range(100, 140)]
    large = a_recording(an_artifact(inline="x" * 40 * ONE), number=1)
    for recording in (large, *many):
        world.tell(RecordingSeen(recording=recording))
    first = read_of(gone(world, large))
    assert len(first) == 8
    then = world.tell(RecordingRead(uid=many[0].metadata.uid, recording=many[0]))
    assert len(read_of(then)) == 1


# Room for others


def test_one_that_waits_for_something_else_than_a_slot_makes_room() -> None:
    """Ten thousand suspended Recordings must not hold up the next one."""
    world = driver()
    suspended = a_recording(number=1, suspend=True)
    told = world.accept(only(world.tell(RecordingSeen(recording=suspended)), WriteStatus), suspended)
    late = a_recording(number=2)

    assert read_of(world.tell(RecordingSeen(recording=late))) == ["rec-2"]
    only(world.tell(RecordingRead(uid=late.metadata.uid, recording=late)), WriteStatus)
    assert list(world.engine.state.entries) == [late.metadata.uid]

    # The one that sleeps is not lost: an edit of it is seen to as soon as there is room.
    world.tell(RecordingSeen(recording=newer(told, suspend=False)))
    assert read_of(gone(world, late)) == ["rec-1"]


def test_whoever_made_room_is_looked_at_again() -> None:
    world = driver()
    suspended = a_recording(number=1, suspend=True)
    world.accept(only(world.tell(RecordingSeen(recording=suspended)), WriteStatus), suspended)
    late = a_recording(number=2)
    world.tell(RecordingSeen(recording=late))
    world.tell(WriteRefused(uid=late.metadata.uid, gone=True))
    assert none(world.wait(SLEEP.total_seconds() - 1), ReadRecording)
    assert read_of(world.wait(2)) == ["rec-1"]


def test_room_is_made_once_a_minute_at_most() -> None:
    world = driver()
    running = a_recording(number=1)
    world.tell(RecordingSeen(recording=running), RecordingSeen(recording=a_recording(number=2)))
    backlog = world.engine.state.backlog
    assert backlog.next_due() == world.now + MAKE_ROOM_EVERY
    assert backlog.crowded(world.now) == []
    assert backlog.crowded(world.now + MAKE_ROOM_EVERY) == ["team-a"]


def test_recordings_that_grow_by_edits_make_room_too() -> None:
    world = driver(most_bytes=3 * ONE)
    moves, suspended = a_recording(number=1), a_recording(number=2, suspend=True)
    world.tell(RecordingSeen(recording=moves))
    told = world.accept(only(world.tell(RecordingSeen(recording=suspended)), WriteStatus), suspended)
    assert len(world.engine.state.entries) == 2

    grown = newer(told, artifacts=(an_artifact(url="https://media.example.com/" + "x" * 2 * ONE),))
    world.tell(RecordingSeen(recording=grown))
    world.accept(only(world.wait(60), WriteStatus), grown)

    assert list(world.engine.state.entries) == [moves.metadata.uid]
    assert world.engine.census(world.now).left_out == 1


def test_what_no_status_tells_is_kept() -> None:
    """An operator died while it moved the artifact: that is known from its claim, which is gone by now."""
    world = driver()
    claimed = RecordingStatus(
        phase=Phase.UPLOADING,
        observed_generation=1,
        claim=Claim(holder="op-before", transitions=1),
        artifacts=(an_artifact_status(phase=Phase.UPLOADING, key="k"),),
    )
    left = a_recording(number=1, status=claimed, suspend=True)
    told = world.accept(only(world.tell(RecordingSeen(recording=left)), WriteStatus), left)
    assert told.status.claim is None
    late = a_recording(number=2)
    world.tell(RecordingSeen(recording=late))
    assert uid_of(1) not in world.engine.state.entries
    world.tell(RecordingRead(uid=late.metadata.uid, recording=late))
    gone(world, late)

    cancelled = newer(told, suspend=False, cancel=True)
    world.tell(RecordingSeen(recording=cancelled))
    assert world.engine.state.entries[uid_of(1)].unseen == {"video"}
    assert only(world.actions[-1:], WriteStatus).status["reason"] == Reason.UPLOADING  # it looks before it says so


# The bookkeeping


def test_weights_are_taken_back() -> None:
    backlog = Backlog(most_bytes=3 * ONE)
    some = [a_recording(number=number) for number in range(1, 4)]
    for recording in some:
        assert backlog.takes(recording)
        backlog.weigh(recording)
        backlog.weigh(recording)
    assert not backlog.takes(a_recording(number=4))
    backlog.release(some[0].metadata.uid)
    backlog.release(some[0].metadata.uid)
    assert backlog.takes(a_recording(number=4))


def test_edits_again_and_again_do_not_grow_the_queue() -> None:
    backlog = Backlog(most_bytes=1)
    backlog.weigh(a_recording(number=1))
    for number in range(1000):
        backlog.leave_out(a_recording(number=2, priority=number % 7, version=number + 1), START, kept=Kept())
    assert len(backlog) == 1
    assert sum(len(heap) for heap in backlog._ready.values()) < 200
    backlog.release(uid_of(1))
    assert backlog.next_reads(START) == [Ref(namespace="team-a", name="rec-2", uid=uid_of(2))]
    assert backlog.next_reads(START) == []


def test_a_larger_recording_weighs_more() -> None:
    url = "https://media.example.com/" + "x" * 7000
    large = a_recording(*(an_artifact(f"a{number}", url=url) for number in range(64)))
    assert weight_of(large) > 64 * 7000
    assert 8 * 2**10 < ONE < 16 * 2**10
