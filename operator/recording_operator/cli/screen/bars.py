"""Progress bars of text."""

import sys
from decimal import Decimal
from typing import Final

_FULL: Final = 100.0


def stored_share(progress: str) -> float | None:
    """The share in a progress such as `45.1%`, from 0 to 1; None for one in bytes."""
    if not progress.endswith("%"):
        return None
    try:
        return min(max(float(progress[:-1]) / _FULL, 0.0), 1.0)
    except ValueError:
        return None


def bar(share: float | Decimal, *, room: int, later: float | Decimal = 0, unicode: bool | None = None) -> str:
    """A share from 0 to 1 as a bar of `room` columns, full above 1; the part up to `later` is lighter.

    Without `unicode`, of the characters that standard output can show.
    """
    if unicode is None:
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    full, upto = (int(max(min(one, 1), 0) * room) for one in (share, later))
    filled, lighter, empty = "█▒░" if unicode else "#=-"
    return filled * full + lighter * max(upto - full, 0) + empty * (room - max(full, upto))
