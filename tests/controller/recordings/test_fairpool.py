"""Calls to the API server take turns between namespaces, regardless of their number."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.controller.recordings.fairpool import FairPool


class ManualExecutor(Executor):
    """Runs submitted jobs when the test calls it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Keep it."""
        self.waiting.append(lambda: fn(*args, **kwargs))
        return Future()

    def run(self, count: int) -> None:
        """Run the first ones."""
        for _ in range(count):
            self.waiting.pop(0)()


def test_a_single_call_waits_for_one_of_a_thousand() -> None:
    threads, ran = ManualExecutor(), list[str]()
    pool = FairPool(threads)
    for number in range(1000):
        pool.submit("many", partial(ran.append, f"many-{number}"))
    threads.run(3)
    pool.submit("single", lambda: ran.append("single"))
    threads.run(2)
    assert ran == ["many-0", "many-1", "many-2", "many-3", "single"]
    threads.run(len(threads.waiting))
    assert ran[5:] == [f"many-{number}" for number in range(4, 1000)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_each_call_runs_once_in_its_tenants_order_and_tenants_take_turns(
    steps: list[tuple[str, bool]],
) -> None:
    threads, ran = ManualExecutor(), list[tuple[str, int]]()
    pool, asked = FairPool(threads), Counter[str]()
    for whose, run_one in steps:
        number = asked[whose]
        asked[whose] += 1
        pool.submit(whose, partial(ran.append, (whose, number)))
        if run_one:
            threads.run(1)
    began = len(ran)
    left = Counter(asked)
    left.subtract(whose for whose, _ in ran)
    threads.run(len(threads.waiting))

    for whose in asked:
        assert [number for name, number in ran if name == whose] == list(range(asked[whose]))
    for position in range(began, len(ran) - 1):
        if ran[position][0] == ran[position + 1][0]:
            others = {whose for whose in left if whose != ran[position][0] and left[whose]}
            done = Counter(whose for whose, _ in ran[began : position + 1])
            assert all(done[whose] >= left[whose] for whose in others), "somebody else waited"


def test_a_failed_call_delays_no_other() -> None:
    ran = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        pool = FairPool(threads)
        pool.submit("a", lambda: 1 / 0)
        pool.submit("a", ran.set)
    assert ran.is_set()


def test_many_threads_run_each_call_once() -> None:
    lock, ran = threading.Lock(), Counter[int]()

    def note(number: int) -> None:
        with lock:
            ran[number] += 1

    with ThreadPoolExecutor(8) as threads:
        pool = FairPool(threads)
        for number in range(2000):
            pool.submit(str(number % 7), partial(note, number))
    assert set(ran.values()) == {1}
    assert len(ran) == 2000
