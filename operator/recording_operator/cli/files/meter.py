"""A progress bar on a terminal, and the uploads that an interrupted copy must abort."""

import time
from dataclasses import dataclass, field
from typing import Final

import click

from recording_operator.api.units import format_bytes
from recording_operator.engine.status import format_progress
from recording_operator.transfer.observer import UploadState

_BAR_CELLS: Final = 30
_BAR_EVERY_S: Final = 0.2


@dataclass(slots=True)
class Meter:
    """Observes one transfer. No other process can resume it, so no state is kept."""

    show: bool
    started_s: float
    shown_s: float = 0.0
    upload_ids: list[str] = field(default_factory=list)

    def upload_created(self, state: UploadState) -> None:
        """Part of TransferObserver."""
        self.upload_ids.append(state.upload_id)

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Part of TransferObserver."""
        now_s = time.monotonic()
        if not self.show or now_s - self.shown_s < _BAR_EVERY_S:
            return
        self.shown_s = now_s
        rate = format_bytes(int(sent_bytes / max(now_s - self.started_s, 0.001)))
        share = sent_bytes / total_bytes if total_bytes else 0.0
        bar = "█" * int(share * _BAR_CELLS)
        text = f"{bar:<{_BAR_CELLS}} {format_progress(done=sent_bytes, total=total_bytes):>8}  {rate}/s"
        click.echo(f"\r{text:<{_BAR_CELLS + 28}}", nl=False, err=True)

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Part of TransferObserver; the bar shows the progress of the object."""

    def clear(self) -> None:
        """Remove the bar from the terminal."""
        if self.show and self.shown_s:
            click.echo(f"\r{'':<{_BAR_CELLS + 28}}\r", nl=False, err=True)
