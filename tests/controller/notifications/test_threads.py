"""A slow or dead sink delays no other."""

from collections import deque
from collections.abc import Callable

from recording_operator.controller.notifications.circuit import FAILURES, Circuit
from recording_operator.controller.notifications.threads import (
    MOST_FOR_UNPROVEN,
    MOST_THREADS,
    PER_SINK,
    UNPROVEN_PER_NAMESPACE,
    SinkThreads,
)


class Threads:
    """Threads that run when the test says so; a call that is `stuck` never returns."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waiting: deque[Callable[[], None]] = deque()
        self.stuck = 0
        self.done: list[str] = []
        self.threads = SinkThreads(start=self.waiting.append, clock=lambda: self.now_s)

    def submit(self, sink: str, *, seconds: float = 0.0, accepted: bool = True) -> None:
        def call() -> bool:
            self.now_s += seconds
            self.done.append(sink)
            return accepted

        self.threads.submit(("team-a", sink), call)

    def run(self) -> None:
        while self.waiting:
            self.waiting.popleft()()


def test_calls_of_sinks_take_turns() -> None:
    world = Threads()
    for sink in ("a", "a", "a", "b"):
        world.submit(sink)

    world.run()

    assert world.done.index("b") <= 1
    assert sorted(world.done) == ["a", "a", "a", "b"]


def test_a_call_that_raises_ends_neither_the_thread_nor_the_queue() -> None:
    world = Threads()

    def broken() -> bool:
        raise RuntimeError("a bug")

    world.threads.submit(("team-a", "a"), broken)
    world.submit("a")

    world.run()

    assert world.done == ["a"]


def nested(world: Threads, sinks: list[str], *, namespaces: str = "a") -> int:
    """Start calls that never return, one inside the other, as busy threads do. Returns how many run at once."""
    running = 0
    most = 0

    def stuck() -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        while world.waiting:
            world.waiting.popleft()()
        running -= 1
        return False

    for sink in sinks:
        for namespace in namespaces:
            world.threads.submit((f"team-{namespace}", sink), stuck)
    world.run()
    return most


def test_a_sink_has_two_threads_at_most() -> None:
    assert nested(Threads(), ["a"] * 10) == PER_SINK


def test_sinks_that_never_responded_share_half_of_the_threads() -> None:
    assert nested(Threads(), [f"dead-{one}" for one in range(40)], namespaces="abc") == MOST_FOR_UNPROVEN


def test_those_of_one_namespace_leave_room_for_the_new_sinks_of_others() -> None:
    assert nested(Threads(), [f"dead-{one}" for one in range(40)]) == UNPROVEN_PER_NAMESPACE < MOST_FOR_UNPROVEN


def test_sinks_that_respond_have_the_other_half() -> None:
    world = Threads()
    for one in range(40):
        world.submit(f"good-{one}")
    world.run()

    assert nested(world, [f"good-{one}" for one in range(40)]) == MOST_THREADS


def test_a_sink_that_becomes_slow_is_no_longer_preferred() -> None:
    world = Threads()
    for one in range(40):
        world.submit(f"sink-{one}")
    world.run()
    for one in range(40):
        world.submit(f"sink-{one}", seconds=10.0)
    world.run()

    assert nested(world, [f"sink-{one}" for one in range(40)]) == UNPROVEN_PER_NAMESPACE


class TestCircuit:
    """Nothing is sent for a while after several failures in a row."""

    def test_it_opens_after_three_failures_and_longer_each_time(self) -> None:
        circuit, opened = Circuit(), list[float]()
        for attempt in range(FAILURES + 6):
            now_s = attempt * 1000.0
            circuit.failed(now_s, retry_after_s=0.0)
            opened.append(circuit.open_s(now_s))

        assert opened == [0, 0, 10, 20, 40, 80, 160, 300, 300]

    def test_a_success_closes_it(self) -> None:
        circuit = Circuit()
        for _ in range(FAILURES):
            circuit.failed(0.0, retry_after_s=0.0)

        circuit.succeeded()
        assert not circuit.open_s(0.0)

    def test_retry_after_makes_it_longer_up_to_five_minutes(self) -> None:
        circuit = Circuit()
        for _ in range(FAILURES):
            circuit.failed(0.0, retry_after_s=10_000.0)

        assert circuit.open_s(0.0) == 300.0
