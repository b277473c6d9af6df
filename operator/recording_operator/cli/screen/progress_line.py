"""One line on the terminal that is written again and again, below which nothing else stands."""

import shutil
import sys
from types import TracebackType
from typing import Final, Self

from recording_operator.cells import clean, fitted
from recording_operator.cli.screen.text import may_draw

_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """Progress on standard error. It shows nothing if that is not a terminal, and is gone at the end."""

    def __init__(self) -> None:
        self._is_shown = may_draw(sys.stderr)
        self._text = ""

    @property
    def is_shown(self) -> bool:
        """Whether the terminal shows it."""
        return self._is_shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Write the text in place of the one before."""
        if self._is_shown and text != self._text:
            self._write(_CLEAR + fitted(clean(text), shutil.get_terminal_size().columns - 1))
            self._text = text

    def clear(self) -> None:
        """Remove the line."""
        if self._text:
            self._write(_CLEAR)
            self._text = ""

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
