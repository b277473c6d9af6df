"""What the C library's allocator gives back to the system.

glibc keeps an own heap for about every thread that ever allocates, and learns from freed buffers to put larger ones
there instead of mapping them. An operator with dozens of threads that come and go, each moving buffers of a quarter
MiB, then holds half again of its memory as holes, and more every hour. Source: mallopt(3).
"""

import ctypes
from contextlib import suppress
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_ARENAS: Final = 2
_KEPT_BYTES: Final = 128 * 2**10


def bound_arenas() -> bool:
    """Have few heaps, and return large buffers when they are freed. To be called before threads are started.

    Returns whether the C library took it; another than glibc has no such habit.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    wanted = {_ARENA_MAX: _ARENAS, _MMAP_THRESHOLD: _KEPT_BYTES, _TRIM_THRESHOLD: _KEPT_BYTES}
    taken = [mallopt(name, value) for name, value in wanted.items()]
    return all(taken)


def give_back() -> None:
    """Return what is free inside the heaps to the system. Takes milliseconds."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
