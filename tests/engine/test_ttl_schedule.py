"""The time at which a finished Recording is deleted from Kubernetes."""

import tracemalloc
from datetime import timedelta

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.engine.ttl_schedule import HORIZON, TtlSchedule
from tests.engine.builders import START, a_finished_recording, a_recording

DAY = timedelta(days=1)


def test_the_spec_overrides_the_default_and_zero_is_forever() -> None:
    memory = TtlSchedule(default_ttl=DAY)

    assert memory.ends_at(a_finished_recording()) == START + DAY
    assert memory.ends_at(a_finished_recording(ttl=timedelta(hours=1))) == START + timedelta(hours=1)
    assert memory.ends_at(a_finished_recording(ttl=timedelta(0))) is None
    assert TtlSchedule(default_ttl=timedelta(0)).ends_at(a_finished_recording()) is None
    assert memory.ends_at(a_finished_recording(deleted_at=START)) is None
    assert memory.ends_at(a_recording()) is None


def test_only_what_ends_soon_is_remembered() -> None:
    memory = TtlSchedule(default_ttl=DAY)

    memory.note(a_finished_recording(), START)
    assert memory.next() is None
    memory.note(a_finished_recording(ttl=HORIZON), START)

    assert memory.next() == START + HORIZON
    assert memory.due(START + HORIZON - timedelta(seconds=1)) == []
    assert [one.metadata.name for one in memory.due(START + HORIZON)] == ["rec-1"]
    assert memory.due(START + DAY) == []


def test_a_remembered_recording_is_returned_complete() -> None:
    memory = TtlSchedule(default_ttl=DAY)
    whole = a_finished_recording(
        ttl=timedelta(hours=1, milliseconds=500),
        finalizers=[DELETE_OBJECT_FINALIZER, "other/one"],
        deletion_policy=DeletionPolicy.DELETE,
        version=41,
        retry_token="again",
        status={"message": "1 of 1 artifacts are stored.", "lastRetryToken": "again"},
    )
    memory.note(whole, START)

    assert memory.due(START + DAY) == [whole]


def test_a_remembered_one_takes_less_than_two_kilobytes() -> None:
    memory = TtlSchedule(default_ttl=timedelta(hours=1))
    count = 500
    tracemalloc.start()
    for number in range(count):
        memory.note(a_finished_recording(number=number), START)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(memory.due(START + DAY)) == count
    assert taken / count < 2000


def test_a_longer_ttl_and_a_new_run_are_not_cut_short() -> None:
    memory = TtlSchedule(default_ttl=DAY)
    hour = timedelta(hours=1)
    for ttl in (hour, hour, 2 * hour):
        memory.note(a_finished_recording(ttl=ttl), START)

    assert memory.due(START + hour) == []
    memory.note(a_finished_recording(ttl=DAY), START)
    assert memory.next() is None
    memory.note(a_finished_recording(ttl=hour), START)
    memory.forget(a_finished_recording().metadata.uid)
    assert memory.due(START + DAY) == []
