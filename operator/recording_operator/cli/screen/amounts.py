"""Amounts as people read them."""

from typing import Final

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB", "EB")
_STEP: Final = 1000


def size(count: int) -> str:
    """A number of bytes in decimal units, such as 480.0 MB, as `status.size` has it."""
    if count < _STEP:
        return f"{count} B"
    value, unit = count / _STEP, 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


def recordings(count: int) -> str:
    """`1 Recording`, or `3 Recordings`."""
    return f"{count} Recording{'' if count == 1 else 's'}"
