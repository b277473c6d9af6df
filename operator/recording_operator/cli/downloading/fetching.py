"""Reads the missing ranges of one object with several threads. Each holds one window of 256 KiB in memory."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.checksums import crc64nvme
from recording_operator.cli.downloading.journal import RangeJournal
from recording_operator.cli.downloading.part_file import PartFile
from recording_operator.cli.downloading.ranges import FinishedRange
from recording_operator.stopping import Stopped
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Span, Store

_MOST_FAILURES: Final = 6
"""Of one range, beside the retries of the store's client."""
FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 20.0
_POLL_S: Final = 0.1
_END_S: Final = 2.0
"""How long an interrupted download waits for its threads to note what they have. A stalled one is not waited for."""
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_REMOVED: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404"})


class ObjectChangedError(Exception):
    """Another object is at the key now, or none."""


@dataclass(slots=True)
class RangeFetcher:
    """One run over the missing ranges."""

    store: Store
    stored: StoredObject
    part: PartFile
    journal: RangeJournal
    threads: int
    on_progress: Callable[[int], None]
    """Called by the thread of `run` with the number of bytes that this run has received."""
    _spans: deque[Span] = field(default_factory=deque)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _received: int = 0
    _failure: Exception | None = None

    @property
    def received_bytes(self) -> int:
        """How many bytes this run has received."""
        return self._received

    def run(self, spans: Iterable[Span]) -> None:
        """Read all spans. What was read is in the journal, even after a failure.

        Raises StoreError, ObjectChangedError, OSError, and KeyboardInterrupt.
        """
        self._spans.extend(spans)
        count = min(self.threads, len(self._spans))
        # Daemons: a connection that hangs does not keep the program from ending.
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        try:
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                self._wait_for(workers, _POLL_S)
                self.on_progress(self._received)
        finally:
            self._stop.set()
            self._wait_for([worker for worker in workers if worker.ident is not None], _END_S)
        if self._failure is not None:
            raise self._failure

    def _wait_for(self, workers: list[threading.Thread], seconds: float) -> None:
        until = time.monotonic() + seconds
        for worker in workers:
            worker.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                span = self._spans.popleft()
            except IndexError:
                return
            try:
                self._fetch(*span)
            except Stopped:
                return
            except Exception as failure:  # noqa: BLE001 - `run` raises it
                with self._lock:
                    self._failure = self._failure or failure
                self._stop.set()
                return

    def _fetch(self, start: int, end: int) -> None:
        """Read one span, and note in the journal how far that went."""
        position, crc, failures = start, 0, 0
        try:
            while position < end:
                try:
                    for data in self.store.read(self.stored, span=(position, end)):
                        self._check(position + len(data) <= end)
                        self.part.write(position, data)
                        crc = crc64nvme(data, crc)
                        position += len(data)
                        self._count(len(data))
                    if position < end:
                        raise StoreError(Reason.STORE_UNAVAILABLE, "The store ended its response early (GetObject).")
                except StoreError as error:
                    failures += 1
                    self._wait_after(error, failures)
        finally:
            self.journal.add(FinishedRange(start, position, crc))

    def _count(self, size_bytes: int) -> None:
        with self._lock:
            self._received += size_bytes

    def _check(self, fits: bool) -> None:
        if self._stop.is_set():
            raise Stopped
        if not fits:
            message = "The store, or a proxy in front of it, sends more than the requested range (GetObject)."
            raise StoreError(Reason.STORE_UNSUPPORTED, message)

    def _wait_after(self, error: StoreError, failures: int) -> None:
        """Wait before a range is requested again. Raises the error if that is useless."""
        if error.code in _CHANGED or error.code in _REMOVED:
            raise ObjectChangedError from None
        if Trait.TRANSIENT not in error.reason.traits or failures > _MOST_FAILURES:
            raise error
        wait_s = exponential_s(failures, first_s=FIRST_WAIT_S, longest_s=_LONGEST_WAIT_S)
        if self._stop.wait(max(jittered_s(wait_s, least_share=0.5), error.retry_after_s or 0.0)):
            raise Stopped
