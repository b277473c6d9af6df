"""How long to wait before a retry. All packages use this formula.

Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

import random
from collections.abc import Callable
from typing import Final

# The largest exponent, because larger ones would overflow a float.
_LARGEST_EXPONENT: Final = 60


def exponential_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """Seconds to wait after consecutive failures: `first_s`, then twice as long each time, up to `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(max(failures - 1, 0), _LARGEST_EXPONENT))


def jittered_s(
    wait_s: float,
    *,
    least_share: float = 0.0,
    uniform: Callable[[float, float], float] = random.uniform,  # noqa: S311 - a wait, not a secret
) -> float:
    """A random time between `least_share` of the wait and all of it, so that clients do not retry at the same time."""
    return uniform(least_share * wait_s, wait_s)
