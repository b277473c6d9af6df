"""When nothing is left to do, and when a finished Recording's time in Kubernetes is over."""

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus
from recording_operator.engine.finished import HORIZON, Finished, is_settled
from recording_operator.engine.forgotten import REMEMBERED, Forgotten
from tests.engine.builders import START, a_recording, an_artifact_status

DAY = timedelta(days=1)


def finished(phase: Phase = Phase.COMPLETE, *, status: dict[str, Any] | None = None, **fields: Any) -> Recording:
    artifact = an_artifact_status(phase=phase)
    whole = {"phase": phase, "observedGeneration": 1, "completedAt": START, "artifacts": [artifact], **(status or {})}
    return a_recording(status=RecordingStatus.model_validate(whole), **fields)


def test_finished_and_answered_is_settled() -> None:
    assert is_settled(finished())
    assert is_settled(finished(Phase.FAILED))


@pytest.mark.parametrize(
    "unsettled",
    [
        a_recording(),
        finished(status={"phase": Phase.UPLOADING}),
        finished(generation=2),
        finished(status={"claim": Claim(holder="a", transitions=1)}),
        finished(Phase.FAILED, status={"artifacts": [an_artifact_status(phase=Phase.FAILED, uploadId="u")]}),
        finished(deletion_policy=DeletionPolicy.DELETE),
        finished(finalizers=[DELETE_OBJECT_FINALIZER]),
        finished(deleted_at=START, finalizers=[DELETE_OBJECT_FINALIZER]),
        a_recording(deleted_at=START, status=RecordingStatus(artifacts=(an_artifact_status(uploadId="u"),))),
    ],
)
def test_what_still_needs_something(unsettled: Recording) -> None:
    assert not is_settled(unsettled)


def test_the_finalizer_belongs_to_the_policy() -> None:
    held = finished(deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER, "other/one"])

    assert is_settled(held)
    assert is_settled(finished(deletion_policy=DeletionPolicy.DELETE), ignore_finalizer=True)


def test_the_spec_goes_before_the_default_and_zero_is_for_ever() -> None:
    memory = Finished(default_ttl=DAY)

    assert memory.ends_at(finished()) == START + DAY
    assert memory.ends_at(finished(ttl=timedelta(hours=1))) == START + timedelta(hours=1)
    assert memory.ends_at(finished(ttl=timedelta(0))) is None
    assert Finished(default_ttl=timedelta(0)).ends_at(finished()) is None
    assert memory.ends_at(finished(deleted_at=START)) is None
    assert memory.ends_at(a_recording()) is None


def test_only_what_ends_soon_is_remembered() -> None:
    memory = Finished(default_ttl=DAY)

    memory.note(finished(), START)
    assert memory.next() is None
    memory.note(finished(ttl=HORIZON), START)

    assert memory.next() == START + HORIZON
    assert memory.due(START + HORIZON - timedelta(seconds=1)) == []
    assert [one.metadata.name for one in memory.due(START + HORIZON)] == ["rec-1"]
    assert memory.due(START + DAY) == []


def test_what_was_remembered_comes_back_whole() -> None:
    memory = Finished(default_ttl=DAY)
    whole = finished(
        ttl=timedelta(hours=1, milliseconds=500),
        finalizers=[DELETE_OBJECT_FINALIZER, "other/one"],
        deletion_policy=DeletionPolicy.DELETE,
        version=41,
        retry_token="again",
        status={"message": "All 1 artifacts are stored.", "lastRetryToken": "again"},
    )
    memory.note(whole, START)

    assert memory.due(START + DAY) == [whole]


def test_a_remembered_one_takes_less_than_two_kilobytes() -> None:
    memory = Finished(default_ttl=timedelta(hours=1))
    count = 500
    tracemalloc.start()
    for number in range(count):
        memory.note(finished(number=number), START)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(memory.due(START + DAY)) == count
    assert taken / count < 2000


def test_a_longer_ttl_and_a_new_run_are_not_cut_short() -> None:
    memory = Finished(default_ttl=DAY)
    hour = timedelta(hours=1)
    for ttl in (hour, hour, 2 * hour):
        memory.note(finished(ttl=ttl), START)

    assert memory.due(START + hour) == []
    memory.note(finished(ttl=DAY), START)
    assert memory.next() is None
    memory.note(finished(ttl=hour), START)
    memory.forget(finished().metadata.uid)
    assert memory.due(START + DAY) == []


def test_an_older_version_is_an_echo_and_the_same_one_is_not() -> None:
    forgotten = Forgotten()
    forgotten.note(finished(version=7))

    assert forgotten.is_echo(finished(version=6))
    assert not forgotten.is_echo(finished(version=7))
    assert not forgotten.is_echo(finished(version=8))
    assert not forgotten.is_echo(finished(version=6, number=2))
    forgotten.note(finished(version=5))
    assert forgotten.is_echo(finished(version=6))


def test_what_is_gone_never_comes_again() -> None:
    forgotten = Forgotten()
    forgotten.note_gone(finished().metadata.uid)

    assert forgotten.is_echo(finished(version=10**9))


def test_the_memory_of_versions_is_bounded() -> None:
    forgotten = Forgotten()
    for number in range(REMEMBERED + 1):
        forgotten.note(finished(number=number, version=9))

    assert not forgotten.is_echo(finished(number=0, version=1))
    assert forgotten.is_echo(finished(number=REMEMBERED, version=1))
