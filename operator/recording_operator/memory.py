"""What is free inside the C library's heaps goes back to the system.

How many heaps there are and what they keep, the image's environment says (MALLOC_ARENA_MAX and others).
"""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return what is free to the system. Takes milliseconds."""
    with suppress(AttributeError):  # only glibc has it, and only glibc needs it
        ctypes.CDLL(None).malloc_trim(0)
