"""The progress that an observer receives from several workers."""

import threading

import pytest

from recording_operator.transfer import progress
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.progress import ProgressMeter


class Slow:
    """Handles the first update slowly: until another arrives, or a moment has passed."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.first, self.overtaken = threading.Event(), threading.Event()

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:  # noqa: ARG002 - the observer's signature
        """Note it."""
        if not self.first.is_set():
            self.first.set()
            self.overtaken.wait(0.5)
        self.told.append(sent_bytes)
        self.overtaken.set()

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Nobody says that here."""

    def upload_created(self, state: UploadState) -> None:
        """Nobody says that here."""


def test_reported_progress_never_decreases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_REPORT_EVERY_S", 0.0)
    observer = Slow()
    counted = ProgressMeter(observer)
    first = threading.Thread(target=counted.moved, args=(1,))
    first.start()
    assert observer.first.wait(30)
    counted.moved(1)
    first.join()
    assert observer.told == [1, 2]
