"""How far a download is: a bar on a terminal, otherwise a line now and then. Always on standard error."""

import sys
import time
from typing import Any, Final, Protocol

import click

from recording_operator.api.units import format_bytes
from recording_operator.cli.screen.text import may_draw
from recording_operator.engine.status import format_progress

_EVERY_S: Final = 10.0


class DownloadProgress(Protocol):
    """Shows the progress of one file."""

    def show(self, done_bytes: int) -> None:
        """Show that so many bytes of the file are there."""

    def close(self) -> None:
        """Remove the bar."""


def progress_of(name: str, *, total_bytes: int, done_bytes: int) -> DownloadProgress:
    """A bar if standard error is a terminal that shows one, and rich is installed."""
    if may_draw(sys.stderr):
        try:
            return _bar(name, total_bytes=total_bytes, done_bytes=done_bytes)
        except ImportError:
            pass
    return DownloadLines(name, total_bytes=total_bytes, done_bytes=done_bytes)


class DownloadLines:
    """A line every 10 s."""

    def __init__(self, name: str, *, total_bytes: int, done_bytes: int) -> None:
        self._name = name
        self._total_bytes = total_bytes
        self._seen = (time.monotonic(), done_bytes)

    def show(self, done_bytes: int) -> None:
        """See `DownloadProgress`."""
        now_s, (then_s, before) = time.monotonic(), self._seen
        if now_s - then_s >= _EVERY_S:
            self._seen = now_s, done_bytes
            rate = format_bytes(int((done_bytes - before) / (now_s - then_s)))
            share = format_progress(done=done_bytes, total=self._total_bytes)
            click.echo(f"{self._name}: {share} of {format_bytes(self._total_bytes)}, {rate}/s", err=True)

    def close(self) -> None:
        """Nothing to remove."""


def _bar(name: str, *, total_bytes: int, done_bytes: int) -> "DownloadBar":
    from rich import progress  # noqa: PLC0415 - the same
    from rich.console import Console  # noqa: PLC0415 - only where it draws

    bar = progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    return DownloadBar(bar, bar.add_task(name, total=total_bytes, completed=done_bytes))


class DownloadBar:
    """A bar of rich, in one line as wide as the terminal."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar = bar
        self._task = task
        bar.start()

    def show(self, done_bytes: int) -> None:
        """See `DownloadProgress`."""
        self._bar.update(self._task, completed=done_bytes)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()
