"""The formula of the delays between retries."""

import pytest

from recording_operator.backoff import exponential_s, jittered_s


def test_waits_double_up_to_the_longest() -> None:
    waits = [exponential_s(failures, first_s=5, longest_s=60) for failures in range(1, 7)]
    assert waits == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize("failures", [0, 1])
def test_the_first_wait_is_the_shortest(failures: int) -> None:
    assert exponential_s(failures, first_s=0.5, longest_s=60) == 0.5


def test_a_million_failures_wait_the_longest() -> None:
    """No power overflows."""
    assert exponential_s(10**6, first_s=1, longest_s=20) == 20


def test_jitter_keeps_the_least_share() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    assert jittered_s(8, least_share=0.75, uniform=uniform) == 6
    assert jittered_s(8, uniform=uniform) == 0
    assert asked == [(6, 8), (0, 8)]
