"""Calls for many tenants in a few threads, the tenants in turn."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor


class FairPool:
    """Runs calls in `pool`. A tenant with thousands of calls delays a single call of another tenant by one call only.

    At start a tenant's backlog of edits is written at once; first come, first served, others would wait for the last.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, deque[Callable[[], object]]] = OrderedDict()

    def submit(self, whose: str, call: Callable[[], object]) -> None:
        """Run `call` when it is its tenant's turn; calls of one tenant begin in order.

        Returns at once, from any thread. Raises RuntimeError after the pool was shut down.
        """
        with self._lock:
            self._waiting.setdefault(whose, deque()).append(call)
        self._pool.submit(self._run_next)

    def _run_next(self) -> None:
        """One of these is submitted with each call, so there is one to run."""
        with self._lock:
            whose, calls = self._waiting.popitem(last=False)
            call = calls.popleft()
            if calls:
                self._waiting[whose] = calls  # behind the others
        call()
