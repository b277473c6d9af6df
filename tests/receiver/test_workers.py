"""The queue before the threads (fault W10)."""

import asyncio
import threading

import pytest

from recording_operator.receiver.workers import Overloaded, QueueLimits, Workers


async def _begun(workers: Workers, work: threading.Event, number: int) -> list[asyncio.Task[bool]]:
    """So many deliveries that wait for an event, all of which have arrived."""
    tasks = [asyncio.create_task(workers.run(lambda: work.wait(10))) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


def test_work_runs_in_threads_and_its_errors_arrive() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits())
        assert await workers.run(lambda: threading.current_thread().name.startswith("delivery"))
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        workers.close()

    asyncio.run(main())


def test_w10_more_than_the_queue_holds_are_rejected_at_once() -> None:
    async def main() -> None:
        depths: list[int] = []
        workers = Workers(QueueLimits(threads=2, waiting=3, longest_wait_s=30), on_depth=depths.append)
        work = threading.Event()
        tasks = await _begun(workers, work, 5)
        with pytest.raises(Overloaded):
            await workers.run(lambda: None)
        assert max(depths) == 3
        work.set()
        assert await asyncio.gather(*tasks) == [True] * 5
        assert depths[-1] == 0
        workers.close()

    asyncio.run(main())


def test_w10_what_has_waited_too_long_is_rejected_while_threads_are_stuck() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits(threads=1, longest_wait_s=0.05))
        work = threading.Event()
        [task] = await _begun(workers, work, 1)
        with pytest.raises(Overloaded):
            await workers.run(lambda: None)
        work.set()
        assert await task
        assert await workers.run(lambda: 1) == 1
        workers.close()

    asyncio.run(main())
