"""A page of labelled lines and sections, for one object."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from recording_operator.cells import clean, width
from recording_operator.cli.screen.text import may_draw

_LABEL_COLUMNS: Final = 12
_FEWEST_COLUMNS: Final = 40
_MOST_COLUMNS: Final = 120
_FEWEST_TEXT_COLUMNS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStyle:
    """How a page is written: how wide, and what may be drawn."""

    columns: int | None
    """Longer texts are wrapped. None: they are not."""
    has_bars: bool
    has_colour: bool

    @classmethod
    def of_output(cls) -> Self:
        """As standard output can show it."""
        if not sys.stdout.isatty():
            return cls(columns=None, has_bars=False, has_colour=False)
        columns = shutil.get_terminal_size().columns
        can_draw = may_draw(sys.stdout)
        return cls(columns=min(max(columns, _FEWEST_COLUMNS), _MOST_COLUMNS), has_bars=can_draw, has_colour=can_draw)


@dataclass(slots=True, kw_only=True)
class Page:
    """Collects lines. Texts may come from the cluster: nothing in them reaches the terminal but what can be read."""

    style: PageStyle
    lines: list[str] = field(default_factory=list)

    def row(self, label: str, text: object, *, paint: Callable[[str], str] | None = None) -> None:
        """A label and its text. Nothing is written for an empty text. `paint` colours the text."""
        if text not in {None, ""}:
            shown = [paint(line) if paint else line for line in self._wrapped(text, indent=_LABEL_COLUMNS)]
            self.lines.append(f"{label:<{_LABEL_COLUMNS}}{shown[0]}")
            self.lines += [" " * _LABEL_COLUMNS + line for line in shown[1:]]

    def section(self, title: str) -> None:
        """An empty line, and the title of what follows."""
        self.lines += ["", title]

    def text(self, text: object, *, indent: int = 2) -> None:
        """A line, or several if it is long. Nothing is written for an empty text."""
        if text not in {None, ""}:
            self.lines += [" " * indent + line for line in self._wrapped(text, indent=indent)]

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Columns below each other. The last one is wrapped within its column."""
        heads = [[clean(cell) for cell in row[:-1]] for row in rows]
        rooms = [max(map(width, column)) for column in zip(*heads, strict=True)]
        indent = 2 + sum(room + 2 for room in rooms)
        for head, row in zip(heads, rows, strict=True):
            first, *others = self._wrapped(row[-1], indent=indent)
            padded = [cell + " " * (room - width(cell)) for cell, room in zip(head, rooms, strict=True)]
            self.lines.append(f"  {'  '.join([*padded, first])}".rstrip())
            self.lines += [" " * indent + line for line in others]

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def _wrapped(self, text: object, *, indent: int) -> list[str]:
        shown = clean(text)
        if self.style.columns is None:
            return [shown]
        room = max(self.style.columns - indent, _FEWEST_TEXT_COLUMNS)
        return textwrap.wrap(shown, room, break_long_words=False, break_on_hyphens=False) or [""]
