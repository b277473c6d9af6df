"""Threads that write deliveries, with a bounded queue before them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Overloaded(Exception):  # noqa: N818 - the field's word
    """There are more deliveries than can be written in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How many deliveries are written at the same time, and how many wait, for how long."""

    threads: int = 16
    waiting: int = 256
    longest_wait_s: float = 0.15
    """A delivery that has waited longer is not written: the provider repeats it when there is less to do."""


class Workers:
    """Runs work in threads. `run` is called by one event loop only."""

    def __init__(self, limits: QueueLimits, *, on_depth: Callable[[int], None] = lambda _: None) -> None:
        """`on_depth` is called with the number of deliveries that wait."""
        self._limits = limits
        self._pool = ThreadPoolExecutor(max_workers=limits.threads, thread_name_prefix="delivery")
        self._free = asyncio.Semaphore(limits.threads)
        self._on_depth = on_depth
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread. Raises Overloaded, and what `work` raises."""
        await self._wait()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._free.release()

    def close(self) -> None:
        """End the threads when their work is done."""
        self._pool.shutdown(wait=True)

    async def _wait(self) -> None:
        """Wait for a free thread, in the order of arrival. Raises Overloaded."""
        if self._free.locked() and self._waiting >= self._limits.waiting:
            raise Overloaded
        self._count(1)
        try:
            async with asyncio.timeout(self._limits.longest_wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded from None
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._waiting += change
        self._on_depth(self._waiting)
