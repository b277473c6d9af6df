"""The days in forms."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Query


def day_of(text: str) -> date | None:
    """The day that was written; None if there is no such day, or none that follows it."""
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return None if day == date.max else day


def ignored_days(
    *,
    begin: Annotated[str, Query(alias="from", max_length=10)] = "",
    end: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> tuple[str, ...]:
    """A sentence about each day of the form that does not exist."""
    wrong = [text for text in (begin, end) if text and day_of(text) is None]
    return tuple(f"{text} is not a day, and is ignored. Write days as 2026-11-21." for text in wrong)


IgnoredDays = Annotated[tuple[str, ...], Depends(ignored_days)]
