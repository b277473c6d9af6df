"""Wait for a fact, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(fact: Callable[[], T | None], *, within_s: float = 30.0, what: str = "", poll_s: float = 0.05) -> T:
    """Return the result of `fact` as soon as it is true. Raises AssertionError after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not (value := fact()):
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        time.sleep(poll_s)
    return value
