"""The statuses of a queue of any length are written gradually."""

from datetime import timedelta

from recording_operator.engine.actions import WriteStatus
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import RecordingSeen
from recording_operator.engine.pacing import QueuedStatusPacer
from recording_operator.engine.queue import Capacity
from tests.engine.builders import START, a_recording, engine_options
from tests.engine.driver import CLAIM, Driver


def written(driver: Driver) -> int:
    return sum(isinstance(action, WriteStatus) for action in driver.actions)


def test_a_long_queue_is_written_down_bit_by_bit() -> None:
    driver = Driver(capacity=Capacity(total=0, per_namespace=0))
    driver.tell(*(RecordingSeen(recording=a_recording(number=number)) for number in range(100)))

    driver.wait(19)
    assert written(driver) == 0
    driver.wait(11)
    assert 45 <= written(driver) <= 55
    driver.wait(12)
    assert written(driver) == 100


def test_statuses_of_recordings_known_before_any_location_are_paced_too() -> None:
    engine = Engine(claim=CLAIM, options=engine_options())
    for number in range(100):
        assert engine.observe(RecordingSeen(recording=a_recording(number=number)), START) == []

    told = engine.tick(START + timedelta(seconds=30))

    assert 45 <= sum(isinstance(action, WriteStatus) for action in told) <= 55


def test_a_long_queue_that_has_emptied_delays_no_later_one() -> None:
    pace = QueuedStatusPacer()
    for waiting in range(10_000):
        pace.next(START, unfinished=waiting)
    later = START + timedelta(minutes=5)

    assert pace.next(later, unfinished=1) <= later + timedelta(seconds=21)


def test_a_clock_that_was_set_back_extends_no_wait() -> None:
    pace = QueuedStatusPacer()
    pace.next(START + timedelta(days=1), unfinished=1)

    assert pace.next(START, unfinished=1) <= START + timedelta(seconds=21)
