"""Threads that write deliveries, with a bounded queue before them. No namespace can take all of them."""

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

    threads: int = 8
    waiting: int = 256
    longest_wait_s: float = 0.25
    """A delivery that has waited longer is not written: the provider repeats it when there is less to do."""
    shortest_wait_s: float = 0.02
    """The limit while deliveries have been waiting for longer than `longest_wait_s` without a break. A burst may wait,
    but in a lasting overload each delivery that is accepted would have waited for the whole time otherwise."""

    @property
    def share(self) -> int:
        """The most deliveries of one namespace that are written at the same time: others find a free thread."""
        return max(1, self.threads * 3 // 4)


@dataclass(slots=True)
class _Share:
    """The threads that one namespace may use."""

    places: asyncio.Semaphore
    users: int = 0


class Workers:
    """Runs work in threads. `run` is called by one event loop only."""

    def __init__(self, limits: QueueLimits, *, on_depth: Callable[[int], None] = lambda _: None) -> None:
        """`on_depth` is called with the number of deliveries that wait."""
        self._limits = limits
        self._pool = ThreadPoolExecutor(max_workers=limits.threads, thread_name_prefix="delivery")
        self._free = asyncio.Semaphore(limits.threads)
        self._shares: dict[str, _Share] = {}
        """Of the namespaces that have deliveries now."""
        self._on_depth = on_depth
        self._waiting = 0
        self._queued_since_s = 0.0

    async def run(self, work: Callable[[], T], *, namespace: str) -> T:
        """Run `work` in a thread. Raises Overloaded, and what `work` raises."""
        share = self._shares.setdefault(namespace, _Share(asyncio.Semaphore(self._limits.share)))
        share.users += 1
        try:
            await self._wait(share.places)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
            finally:
                self._free.release()
                share.places.release()
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[namespace]

    def close(self) -> None:
        """End the threads when their work is done."""
        self._pool.shutdown(wait=True)

    async def _wait(self, places: asyncio.Semaphore) -> None:
        """Wait for one of the places and a free thread, in the order of arrival. Raises Overloaded."""
        if (self._free.locked() or places.locked()) and self._waiting >= self._limits.waiting:
            raise Overloaded
        self._count(1)
        try:
            async with asyncio.timeout(self._longest_wait_s()):
                await places.acquire()
                try:
                    await self._free.acquire()
                except asyncio.CancelledError:
                    places.release()
                    raise
        except TimeoutError:
            raise Overloaded from None
        finally:
            self._count(-1)

    def _longest_wait_s(self) -> float:
        queued_s = asyncio.get_running_loop().time() - self._queued_since_s
        return self._limits.longest_wait_s if queued_s < self._limits.longest_wait_s else self._limits.shortest_wait_s

    def _count(self, change: int) -> None:
        if self._waiting == 0:
            self._queued_since_s = asyncio.get_running_loop().time()
        self._waiting += change
        self._on_depth(self._waiting)
