"""Lines on the terminal that show which step takes long."""

import sys
import threading
import time
from types import TracebackType
from typing import Final, Self, TextIO

_TTY_INTERVAL_S: Final = 1.0
_LOG_INTERVAL_S: Final = 20.0
_CLEAR_LINE: Final = "\r\033[K"


def say(text: str) -> None:
    """Print one line at once (standard error, so that standard output stays free for results)."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Shows a step and its elapsed time: a line that counts up on a terminal, else a line now and then.

    A step shorter than one interval prints nothing.
    """

    def __init__(self, step: str, *, stream: TextIO | None = None) -> None:
        self._step = step
        self._stream = stream or sys.stderr
        self._detail = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._started_s = time.monotonic()
        self._shown = False

    def detail(self, text: str) -> None:
        """Set what is shown behind the elapsed time."""
        self._detail = text

    @property
    def elapsed_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started_s

    def __enter__(self) -> Self:
        self._started_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._shown:
            how = "done" if error is None else "stopped"
            self._write(f"{self._step}: {how} after {_clock(self.elapsed_s)}", last=True)

    def _tick(self) -> None:
        interval_s = _TTY_INTERVAL_S if self._stream.isatty() else _LOG_INTERVAL_S
        while not self._ended.wait(interval_s):
            self._shown = True
            detail = f", {self._detail}" if self._detail else ""
            self._write(f"{self._step}: {_clock(self.elapsed_s)}{detail}", last=False)

    def _write(self, text: str, *, last: bool) -> None:
        if self._stream.isatty():
            self._stream.write(f"{_CLEAR_LINE}{text}" + ("\n" if last else ""))
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()


def _clock(elapsed_s: float) -> str:
    minutes, seconds = divmod(int(elapsed_s), 60)
    return f"{minutes}:{seconds:02d}"
