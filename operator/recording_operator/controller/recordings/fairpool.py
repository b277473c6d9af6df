"""A thread pool in which tenants take turns."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor


class FairPool:
    """Runs calls in `pool`. A tenant with thousands of calls delays a call of another tenant by at most one call.

    At start, a tenant may have a large backlog of edits. In a plain queue, other tenants would wait for all of it.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, deque[Callable[[], object]]] = OrderedDict()

    def submit(self, whose: str, call: Callable[[], object]) -> None:
        """Queue `call`. Calls of one tenant start in order.

        Returns immediately. Call it from any thread. Raises RuntimeError after the pool was shut down.
        """
        with self._lock:
            self._waiting.setdefault(whose, deque()).append(call)
        self._pool.submit(self._run_next)

    def _run_next(self) -> None:
        """Run the next call. This is submitted once for each call, so there is always one."""
        with self._lock:
            whose, calls = self._waiting.popitem(last=False)
            call = calls.popleft()
            if calls:
                self._waiting[whose] = calls  # to the end of the queue of tenants
        call()
