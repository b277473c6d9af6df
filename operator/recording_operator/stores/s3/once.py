"""A value that is created once and shared between threads."""

import functools
import threading
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


def once(make: Callable[[], Made]) -> Callable[[], Made]:
    """The first caller runs `make`; the others wait. `functools.cache` would let each of them run it."""
    making = threading.Lock()
    made: list[Made] = []

    @functools.wraps(make)
    def get() -> Made:
        with making:
            if not made:
                made.append(make())
            return made[0]

    return get
