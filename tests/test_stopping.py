"""A stop signal that is linked to another one."""

import threading

from recording_operator.stopping import LinkedStopSignal


def test_a_linked_signal_is_set_by_both() -> None:
    stop = threading.Event()
    halt = LinkedStopSignal(stop)
    assert halt.wait(0.01) is False
    halt.set()
    assert halt.is_set()
    assert not stop.is_set()
    assert halt.wait(10) is True
    other = LinkedStopSignal(stop)
    stop.set()
    assert other.wait(10) is True


def test_clear_takes_back_the_own_signal_only() -> None:
    stop = threading.Event()
    linked = LinkedStopSignal(stop)
    linked.set()
    linked.clear()
    assert not linked.is_set()
    stop.set()
    linked.clear()
    assert linked.is_set()
