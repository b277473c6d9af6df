"""The queue before the threads (fault W10)."""

import asyncio
import threading

import pytest

from recording_operator.receiver.workers import Overloaded, QueueLimits, Workers


async def _begun(workers: Workers, work: threading.Event, namespaces: str) -> list[asyncio.Task[bool]]:
    """Deliveries of these namespaces (a letter each) that wait for an event, all of which have arrived."""
    tasks = [asyncio.create_task(workers.run(lambda: work.wait(10), namespace=one)) for one in namespaces]
    await asyncio.sleep(0)
    return tasks


def test_work_runs_in_threads_and_its_errors_arrive() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits())
        assert await workers.run(lambda: threading.current_thread().name.startswith("delivery"), namespace="a")
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0, namespace="a")
        workers.close()

    asyncio.run(main())


def test_w10_more_than_the_queue_holds_are_rejected_at_once() -> None:
    async def main() -> None:
        depths: list[int] = []
        workers = Workers(QueueLimits(threads=2, waiting=3, longest_wait_s=30), on_depth=depths.append)
        work = threading.Event()
        tasks = await _begun(workers, work, "ababa")
        with pytest.raises(Overloaded):
            await workers.run(lambda: None, namespace="a")
        assert max(depths) == 3
        work.set()
        assert await asyncio.gather(*tasks) == [True] * 5
        assert depths[-1] == 0
        workers.close()

    asyncio.run(main())


def test_w10_a_burst_may_wait_and_what_comes_in_a_lasting_overload_may_not() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits(threads=1, longest_wait_s=0.3, shortest_wait_s=0.01))
        work, loop = threading.Event(), asyncio.get_running_loop()

        async def waited_s(*, after_s: float = 0.0) -> float:
            await asyncio.sleep(after_s)
            began_s = loop.time()
            with pytest.raises(Overloaded):
                await workers.run(lambda: None, namespace="a")
            return loop.time() - began_s

        [task] = await _begun(workers, work, "a")
        burst, bridge, late = await asyncio.gather(waited_s(), waited_s(after_s=0.2), waited_s(after_s=0.4))
        assert min(burst, bridge) > 0.25
        assert late < 0.2
        assert await waited_s() > 0.25, "nothing had waited any more"
        work.set()
        assert await task
        workers.close()

    asyncio.run(main())


def test_w10_what_has_waited_too_long_is_rejected_while_threads_are_stuck() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits(threads=1, longest_wait_s=0.05))
        work = threading.Event()
        [task] = await _begun(workers, work, "a")
        with pytest.raises(Overloaded):
            await workers.run(lambda: None, namespace="a")
        work.set()
        assert await task
        assert await workers.run(lambda: 1, namespace="a") == 1
        workers.close()

    asyncio.run(main())


def test_one_namespace_leaves_a_quarter_of_the_threads_to_the_others() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits(threads=4, longest_wait_s=0.05))
        work = threading.Event()
        tasks = await _begun(workers, work, "aaa")
        with pytest.raises(Overloaded):
            await workers.run(lambda: None, namespace="a")
        assert await workers.run(lambda: 1, namespace="b") == 1
        work.set()
        assert await asyncio.gather(*tasks) == [True] * 3
        assert await workers.run(lambda: 1, namespace="a") == 1
        workers.close()

    asyncio.run(main())


def test_a_place_is_given_back_if_no_thread_becomes_free() -> None:
    async def main() -> None:
        workers = Workers(QueueLimits(threads=4, longest_wait_s=0.05))
        work = threading.Event()
        tasks = await _begun(workers, work, "aaab")
        for _ in range(4):
            with pytest.raises(Overloaded):
                await workers.run(lambda: None, namespace="c")
        work.set()
        assert await asyncio.gather(*tasks) == [True] * 4
        assert await workers.run(lambda: 1, namespace="c") == 1
        workers.close()

    asyncio.run(main())
