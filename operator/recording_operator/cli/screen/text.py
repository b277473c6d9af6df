"""Text for a terminal: tables, and colours where they are wanted."""

import os
import sys
from collections.abc import Sequence
from typing import IO, Final

import click

from recording_operator.cells import clean, width

__all__ = ["clean", "phase_style", "table", "wants_colour", "width"]
_COLOURS: Final = {"Complete": "green", "Uploading": "blue", "Pending": "yellow", "Failed": "red"}


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colours, and NO_COLOR is not set."""
    return may_draw(sys.stdout)


def may_draw(stream: IO[str]) -> bool:
    """Whether colours and what moves may be written: to a terminal that shows them, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def phase_style(text: str, phase: str) -> str:
    """A text in the colour of a phase."""
    return click.style(text, fg=_COLOURS.get(phase))


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, phase_column: int | None = None, colour: bool = False
) -> str:
    """Columns below each other, three blanks apart, as kubectl's. With `colour`, `phase_column` has that of its phase.

    Without `headers` there is no first line.
    """
    lines = [*([list(headers)] if headers else []), *([clean(cell) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "".join(
        _line(line, widths, phase_column if colour and not (headers and number == 0) else None)
        for number, line in enumerate(lines)
    )


def _line(cells: Sequence[str], widths: Sequence[int], phase_column: int | None) -> str:
    padded = [cell + " " * (room - width(cell)) for cell, room in zip(cells, widths, strict=True)]
    if phase_column is not None:
        padded[phase_column] = phase_style(padded[phase_column], cells[phase_column])
    return "   ".join(padded).rstrip() + "\n"
