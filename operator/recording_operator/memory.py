"""Return free memory of the C library's heaps to the operating system.

The image's environment limits the heaps (MALLOC_ARENA_MAX and others).
"""

import ctypes
from contextlib import suppress


def trim_heap() -> None:
    """Call malloc_trim(3). Takes milliseconds."""
    with suppress(AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)
