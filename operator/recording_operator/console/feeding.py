"""Fills the catalog with what a watch of Recordings reports."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.recording import Recording
from recording_operator.catalog.entries import CatalogEntry, entry_of
from recording_operator.catalog.writing import CatalogWriter

RECORDINGS_FEED: Final = "recordings"
_MOST_AT_ONCE: Final = 500
_PAUSE_S: Final = 1.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A complete list. Everything in Kubernetes that is not in it is gone."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Deleted:
    uid: str


class RecordingFeed:
    """Queues what the watch reports, and writes it in order in a thread of its own."""

    def __init__(self, writer: CatalogWriter, *, now: Callable[[], datetime]) -> None:
        self._writer = writer
        self._now = now
        self._queue: queue.SimpleQueue[CatalogEntry | _Listed | _Deleted | None] = queue.SimpleQueue()
        self.complete = threading.Event()
        """Set when the first complete list is in the catalog."""

    def on_change(self, kind: str, stored: Mapping[str, Any]) -> None:
        """The watch reports an object."""
        if kind == "DELETED":
            self._queue.put(_Deleted(stored["metadata"]["uid"]))
            return
        try:
            self._queue.put(entry_of(Recording.model_validate(stored)))
        except (ValidationError, ValueError):
            _logger.warning("A Recording cannot be read and is left out of the catalog")

    def on_listed(self, _resource: str, uids: frozenset[str]) -> None:
        """The watch has reported all objects."""
        self._queue.put(_Listed(uids))

    def run(self, stop: threading.Event) -> None:
        """Write until `stop` is set. Blocks."""
        while not stop.is_set():
            try:
                self._write([self._queue.get(timeout=_PAUSE_S)])
            except queue.Empty:
                continue

    def _write(self, changes: list[CatalogEntry | _Listed | _Deleted | None]) -> None:
        while len(changes) < _MOST_AT_ONCE:
            try:
                changes.append(self._queue.get_nowait())
            except queue.Empty:
                break
        entries = [one for one in changes if isinstance(one, CatalogEntry)]
        self._writer.put({one.uid: one for one in entries}.values())
        self._writer.gone([one.uid for one in changes if isinstance(one, _Deleted)])
        for one in changes:
            if isinstance(one, _Listed):
                self._writer.fed(RECORDINGS_FEED, complete=self._now())
                self.complete.set()
