"""Text in cells of tables: without control characters, its width on a terminal, and no formula for a spreadsheet."""

import unicodedata
from typing import Final

_WIDE: Final = ("W", "F")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width signs count too
"""A spreadsheet may run a cell that begins with one of these as a formula. Source: OWASP, CSV Injection."""


def clean(text: object) -> str:
    """Text from a cluster without control characters: a title must not move the cursor or change colours."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(" " if char in "\t\n\r" else char for char in shown if char in "\t\n\r" or _is_shown(char))


def _is_shown(char: str) -> bool:
    return not unicodedata.category(char).startswith("C")


def width(text: str) -> int:
    """How many columns a clean text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def fitted(text: str, room: int) -> str:
    """A clean text, shortened with an ellipsis if it takes more than `room` columns."""
    if width(text) <= room:
        return text
    kept, used = [], 1
    for char in text:
        used += _columns(char)
        if used > room:
            break
        kept.append(char)
    return "".join([*kept, "…"])


def no_formula(cell: str) -> str:
    """A name as a cell, with an apostrophe if a spreadsheet might run it. A number may begin with a minus."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell
