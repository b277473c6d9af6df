"""Times as people read them: ages as kubectl prints them, and times to come."""

from datetime import UTC, datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY


def parse_time(text: str | None) -> datetime | None:
    """A time of an object, such as 2026-11-30T09:00:00Z or with fractions of a second."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """A duration in at most two units, as the AGE of kubectl: 45s, 5m30s, 3h20m, 4d2h, 3y20d."""
    whole = max(0, int(seconds))
    for limit, unit, name, smaller, smaller_name in (
        (2 * _MINUTE, 1, "s", 0, ""),
        (10 * _MINUTE, _MINUTE, "m", 1, "s"),
        (3 * _HOUR, _MINUTE, "m", 0, ""),
        (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
        (2 * _DAY, _HOUR, "h", 0, ""),
        (8 * _DAY, _DAY, "d", _HOUR, "h"),
        (2 * _YEAR, _DAY, "d", 0, ""),
        (8 * _YEAR, _YEAR, "y", _DAY, "d"),
    ):
        if whole < limit:
            return _two(whole, unit, name, smaller, smaller_name)
    return f"{whole // _YEAR}y"


def _two(seconds: int, unit: int, name: str, smaller: int, smaller_name: str) -> str:
    rest = seconds % unit // smaller if smaller else 0
    return f"{seconds // unit}{name}" + (f"{rest}{smaller_name}" if rest else "")


def age(text: str | None, *, now: datetime) -> str:
    """Time since then; empty if there is no time."""
    then = parse_time(text)
    return "" if then is None else span((now - then).total_seconds())


def relative(text: str | None, *, now: datetime) -> str:
    """`in 20m`, or `20m ago`; empty if there is no time."""
    then = parse_time(text)
    if then is None:
        return ""
    seconds = (then - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 0 else f"{span(-seconds)} ago"
