"""A problem that affects many objects at the same time is logged once a minute."""

import logging

from recording_operator.log_throttle import LogThrottle


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_each_kind_is_logged_once_a_period() -> None:
    clock = Clock()
    throttle = LogThrottle(clock=clock)
    assert [throttle.level(kind) for kind in "aba"] == [logging.WARNING, logging.WARNING, logging.DEBUG]
    clock.now_s += 60
    assert throttle.level("a", logging.ERROR) == logging.ERROR


def test_debug_lines_do_not_count() -> None:
    throttle = LogThrottle(clock=Clock())
    assert throttle.level("a", logging.DEBUG) == logging.DEBUG
    assert throttle.level("a") == logging.WARNING
