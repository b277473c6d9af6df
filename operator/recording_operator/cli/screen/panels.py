"""Panels, bars and sparklines, drawn with characters. Where nothing is to be drawn, a panel is plain lines."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import click

from recording_operator.cells import clean, width
from recording_operator.cli.screen.text import wants_colour

PLAIN_COLUMNS: Final = 80
_GAP: Final = 1
_FRAME: Final = 4
_WIDEST_ROW: Final = 132
_FLAT: Final = 100
_LEVELS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to show things: how many columns there are, and whether shapes and colours are wanted."""

    columns: int = PLAIN_COLUMNS
    drawn: bool = False
    colour: bool = False

    def styled(self, text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
        """The text in a style, or as it is."""
        if not self.colour or not (fg or bold or dim):
            return text
        return click.style(text, fg=fg, bold=bold or None, dim=dim or None)


def look_of_stdout() -> Look:
    """Shapes on a terminal that shows them, plain text elsewhere."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Look()
    drawn = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Look(columns=shutil.get_terminal_size().columns, drawn=drawn, colour=wants_colour())


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A title, one number that matters most, and further ones below it by name."""

    title: str
    value: str
    details: Sequence[tuple[str, str]] = ()
    fg: str | None = None
    """The colour of the number."""

    @property
    def columns(self) -> int:
        """How wide it is at least, with its frame."""
        names = (width(name) + 2 + width(value) for name, value in self.details)
        return max(width(self.title) + 2, width(self.value), *names, 0) + _FRAME


def panels(found: Sequence[Panel], look: Look) -> str:
    """The panels side by side, as many as there is room for; or as plain lines."""
    widest = max(panel.columns for panel in found)
    if not look.drawn or widest > look.columns:
        return "".join(_plain(found, look))
    columns = max(min(look.columns, _WIDEST_ROW), widest)
    fitting = (columns + _GAP) // (widest + _GAP)
    in_row = next(count for count in range(min(fitting, len(found)), 0, -1) if len(found) % count == 0)
    room = (columns - _GAP * (in_row - 1)) // in_row - _FRAME
    rows = (found[first : first + in_row] for first in range(0, len(found), in_row))
    return "".join(_row(row, room, look) for row in rows)


def _plain(found: Sequence[Panel], look: Look) -> Iterator[str]:
    lines = [
        line
        for panel in found
        for line in ((panel.title, panel.value), *((f"  {name}", value) for name, value in panel.details))
    ]
    longest = max(width(name) for name, _ in lines)
    for name, value in lines:
        text = name + " " * (longest - width(name) + 3) + value
        yield (text if name.startswith(" ") else look.styled(text, bold=True)) + "\n"


def _row(row: Sequence[Panel], room: int, look: Look) -> str:
    height = max(len(panel.details) for panel in row)
    drawn = [list(_drawn(panel, room, height, look)) for panel in row]
    return "".join((" " * _GAP).join(parts) + "\n" for parts in zip(*drawn, strict=True))


def _drawn(panel: Panel, room: int, height: int, look: Look) -> Iterator[str]:
    side = look.styled("│", dim=True)
    name = look.styled(panel.title, bold=True)
    rest = look.styled("─" * (room - width(panel.title) - 1) + "╮", dim=True)
    yield f"{look.styled('╭─', dim=True)} {name} {rest}"
    value = look.styled(panel.value, fg=panel.fg, bold=True) + " " * (room - width(panel.value))
    yield f"{side} {value} {side}"
    for label, amount in [*panel.details, *[("", "")] * (height - len(panel.details))]:
        yield f"{side} {label}{' ' * (room - width(label) - width(amount))}{amount} {side}"
    yield look.styled(f"╰{'─' * (room + 2)}╯", dim=True)


def sparkline(values: Sequence[Decimal | None]) -> str:
    """One character for each value, from the lowest to the highest; a blank where there is none.

    Values that differ by less than a hundredth are a flat line.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return "".join(" " if value is None else _LEVELS[_level(value, low, high)] for value in values)


def _level(value: Decimal, low: Decimal, high: Decimal) -> int:
    if high - low <= abs(high) / _FLAT:
        return 0 if not value else len(_LEVELS) // 2
    return int((value - low) * (len(_LEVELS) - 1) / (high - low) + Decimal("0.5"))


def paragraphs(texts: Iterable[str], look: Look) -> str:
    """A list of sentences. On a terminal, lines are broken between words."""
    return "".join(_broken(clean(text), look.columns if look.drawn else 0) for text in texts)


def _broken(text: str, columns: int) -> str:
    lines, line = [], "-"
    for word in text.split():
        if columns and line.strip(" -") and width(line) + 1 + width(word) > columns:
            lines.append(line)
            line = " "
        line += f" {word}"
    return "".join(f"{one}\n" for one in [*lines, line])
