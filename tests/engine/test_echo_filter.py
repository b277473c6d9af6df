"""Late echoes of Recordings that were finished and forgotten."""

from recording_operator.engine.echo_filter import REMEMBERED, EchoFilter
from tests.engine.builders import a_finished_recording


def test_an_older_version_is_an_echo_and_the_same_one_is_not() -> None:
    echoes = EchoFilter()
    echoes.note(a_finished_recording(version=7))

    assert echoes.is_echo(a_finished_recording(version=6))
    assert not echoes.is_echo(a_finished_recording(version=7))
    assert not echoes.is_echo(a_finished_recording(version=8))
    assert not echoes.is_echo(a_finished_recording(version=6, number=2))
    echoes.note(a_finished_recording(version=5))
    assert echoes.is_echo(a_finished_recording(version=6))


def test_an_event_of_a_deleted_recording_is_an_echo() -> None:
    echoes = EchoFilter()
    echoes.note_gone(a_finished_recording().metadata.uid)

    assert echoes.is_echo(a_finished_recording(version=10**9))


def test_the_memory_of_versions_is_bounded() -> None:
    echoes = EchoFilter()
    for number in range(REMEMBERED + 1):
        echoes.note(a_finished_recording(number=number, version=9))

    assert not echoes.is_echo(a_finished_recording(number=0, version=1))
    assert echoes.is_echo(a_finished_recording(number=REMEMBERED, version=1))
