"""The sweep of finished Recordings that are not settled."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from recording_operator.api.recording import Phase
from recording_operator.controller.recordings.unsettled import EARLIER, FINISHED, LEFT, PER_TURN, UnsettledSweep
from recording_operator.engine.facts import Fact, RecordingSeen
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import ApiUnavailable
from tests.engine.builders import START, a_finished_recording, uid_of

EVERY = timedelta(hours=6)


class Kube:
    """Recordings by field selector."""

    def __init__(self) -> None:
        self.stored: dict[str, list[dict[str, Any]]] = {}
        self.lists: list[str] = []
        self.fails = False

    def list_recordings(self, *, field_selector: str, page_size: int) -> Iterator[dict[str, Any]]:
        self.lists.append(field_selector)
        if self.fails:
            raise ApiUnavailable("no answer")
        assert page_size
        yield from self.stored.get(field_selector, [])


class Sweep:
    """The sweep and its clock."""

    def __init__(self) -> None:
        self.kube = Kube()
        self.now: datetime = START
        self.seen: list[Fact] = []
        self.undescribed: set[str] = set()
        self.sweep = UnsettledSweep(
            kube=cast("KubeApi", self.kube),
            post=self.seen.append,
            uptime=lambda: self.now,
            earlier_every=EVERY,
            lacks_manifest=lambda recording: recording.metadata.uid in self.undescribed,
        )

    def turn(self, *, after: timedelta = timedelta(seconds=1)) -> list[str]:
        """The uids that are posted in the next turn."""
        self.now += after
        self.seen.clear()
        self.sweep.turn()
        return [one.recording.metadata.uid for one in self.seen if isinstance(one, RecordingSeen)]


def raw(number: int, *, settled: bool | None = None, phase: Phase = Phase.COMPLETE) -> dict[str, Any]:
    """A finished Recording as the API server returns it."""
    recording = a_finished_recording(phase, number=number, status={"settled": settled})
    return recording.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_those_with_something_left_come_at_once_and_every_ten_minutes() -> None:
    sweep = Sweep()
    sweep.kube.stored[LEFT] = [raw(1, settled=False)]
    assert sweep.turn() == [uid_of(1)]
    assert sweep.turn(after=timedelta(minutes=9)) == []
    assert sweep.turn(after=timedelta(minutes=1)) == [uid_of(1)]


def test_those_of_an_earlier_version_come_a_few_in_each_turn() -> None:
    sweep = Sweep()
    sweep.kube.stored[EARLIER[0]] = [raw(number) for number in range(1, 2 * PER_TURN + 2)]
    sweep.kube.stored[EARLIER[1]] = [raw(100, phase=Phase.FAILED)]
    assert [len(sweep.turn()) for _ in range(4)] == [PER_TURN, PER_TURN, 2, 0]
    assert sweep.kube.lists == [LEFT, *EARLIER]
    sweep.turn(after=EVERY)
    assert [len(sweep.turn()) for _ in range(2)] == [PER_TURN, 2]
    assert sweep.kube.lists[3:] == [LEFT, *EARLIER]


def test_those_with_something_left_are_not_posted_twice() -> None:
    sweep = Sweep()
    sweep.kube.stored[LEFT] = sweep.kube.stored[EARLIER[0]] = [raw(1, settled=False)]
    assert sweep.turn() == [uid_of(1)]


def test_after_a_failure_it_starts_again() -> None:
    sweep = Sweep()
    sweep.kube.stored[LEFT] = [raw(1, settled=False)]
    sweep.kube.fails = True
    assert sweep.turn() == []
    sweep.kube.fails = False
    assert sweep.turn() == []
    assert sweep.turn(after=timedelta(seconds=30)) == [uid_of(1)]


def test_a_recording_that_cannot_be_read_is_left_out() -> None:
    sweep = Sweep()
    sweep.kube.stored[LEFT] = [{**raw(1, settled=False), "spec": {}}, raw(2, settled=False)]
    assert sweep.turn() == [uid_of(2)]


def test_those_without_a_manifest_are_looked_for_when_there_is_one() -> None:
    sweep = Sweep()
    sweep.kube.stored[FINISHED[0]] = [raw(number, settled=True) for number in range(1, 20)]
    sweep.undescribed = {uid_of(number) for number in range(1, 20, 2)}
    assert sweep.turn() == []
    assert FINISHED[0] not in sweep.kube.lists
    sweep.sweep.find_undescribed()
    first = sweep.turn()
    sweep.sweep.find_undescribed()
    second = sweep.turn()
    assert (len(first), len(second)) == (PER_TURN, PER_TURN)
    assert {*first, *second} == sweep.undescribed
    assert sweep.turn() == []
    assert sweep.turn(after=2 * EVERY) == []
    assert sweep.kube.lists.count(FINISHED[0]) == 1
