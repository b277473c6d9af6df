"""How long to wait before another try: the one formula of the package.

Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

import random
from collections.abc import Callable
from typing import Final

# Two to this power is longer than any wait; a float cannot hold every power.
_LARGEST_EXPONENT: Final = 60


def exponential_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """Seconds to wait after so many failures in a row: `first_s`, then twice as long each time, up to `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(max(failures - 1, 0), _LARGEST_EXPONENT))


def jittered_s(
    wait_s: float,
    *,
    least_share: float = 0.0,
    uniform: Callable[[float, float], float] = random.uniform,  # noqa: S311 - a wait, not a secret
) -> float:
    """From `least_share` of the wait to all of it, at random: clients that failed together return at several times."""
    return uniform(least_share * wait_s, wait_s)
