"""Progress bars of text."""

import sys
from typing import Final

_FULL: Final = 100.0


def percentage(progress: str) -> float | None:
    """The number in a progress such as `45.1%`; None for one in bytes."""
    if not progress.endswith("%"):
        return None
    try:
        return min(max(float(progress[:-1]), 0.0), _FULL)
    except ValueError:
        return None


def bar(percent: float, *, room: int, unicode: bool | None = None) -> str:
    """A bar of `room` columns. Without `unicode`, of the characters that standard output can show."""
    if unicode is None:
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    full = int(percent * room / _FULL)
    return ("█" if unicode else "#") * full + ("░" if unicode else "-") * (room - full)
