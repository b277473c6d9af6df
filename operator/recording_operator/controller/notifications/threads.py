"""Threads that send events, so that a slow or dead sink delays no other.

A sink has at most two calls at a time. A sink whose last call was not quick and successful, or that is new, shares half
of the threads with the others like it; the other half is for sinks that respond. Those of one namespace have at most
half of that share. Sinks take turns.
"""

import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final

MOST_THREADS: Final = 16
MOST_FOR_UNPROVEN: Final = 8
UNPROVEN_PER_NAMESPACE: Final = 4
PER_SINK: Final = 2
QUICK_S: Final = 2.0
SinkKey = tuple[str, str]
"""Namespace and name of an EventSink."""
Call = Callable[[], bool]
"""Returns whether the sink has accepted the event."""
_logger = logging.getLogger(__name__)


def start_thread(run: Callable[[], None]) -> None:
    """Run something in a thread of its own."""
    threading.Thread(target=run, name="notify", daemon=True).start()


class SinkThreads:
    """Runs calls for sinks. Threads exist only while there are calls."""

    def __init__(
        self, *, start: Callable[[Callable[[], None]], None] = start_thread, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._start = start
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[SinkKey, deque[Call]] = OrderedDict()
        self._running: Counter[SinkKey] = Counter()
        self._proven: set[SinkKey] = set()
        self._threads = 0

    def submit(self, sink: SinkKey, call: Call) -> None:
        """Queue a call. Returns immediately."""
        with self._lock:
            self._waiting.setdefault(sink, deque()).append(call)
            if not self._may_start():
                return
            self._threads += 1
        self._start(self._work)

    def _may_start(self) -> bool:
        return self._threads < MOST_THREADS and self._next_sink() is not None

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            sink, call = taken
            begun_s, accepted = self._clock(), False
            try:
                accepted = call()
            except Exception:
                _logger.exception("Sending an event failed with an unexpected error")
            self._ended(sink, proven=accepted and self._clock() - begun_s < QUICK_S)

    def _take(self) -> tuple[SinkKey, Call] | None:
        """The next call; None ends the thread."""
        with self._lock:
            sink = self._next_sink()
            if sink is None:
                self._threads -= 1
                return None
            calls = self._waiting.pop(sink)
            call = calls.popleft()
            if calls:
                self._waiting[sink] = calls  # to the end: the others have their turn
            self._running[sink] += 1
            return sink, call

    def _ended(self, sink: SinkKey, *, proven: bool) -> None:
        with self._lock:
            self._running[sink] -= 1
            if not self._running[sink]:
                del self._running[sink]
            if proven:
                self._proven.add(sink)
            else:
                self._proven.discard(sink)

    def _next_sink(self) -> SinkKey | None:
        unproven: Counter[str] = Counter()
        for sink, count in self._running.items():
            if sink not in self._proven:
                unproven[sink[0]] += count
        has_room = unproven.total() < MOST_FOR_UNPROVEN
        for sink in self._waiting:
            may_try = has_room and unproven[sink[0]] < UNPROVEN_PER_NAMESPACE
            if self._running[sink] < PER_SINK and (sink in self._proven or may_try):
                return sink
        return None
