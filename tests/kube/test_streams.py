"""When a LIST is complete, and when a WATCH is considered dead."""

from dataclasses import dataclass

from recording_operator.kube.watch.streams import Stream, WatchHealth


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class OpenWatch:
    total_bytes: int = 0
    is_open: bool = True


def a_stream(clock: Clock | None = None) -> tuple[Stream, list[frozenset[str]]]:
    listed: list[frozenset[str]] = []
    return Stream(on_listed=listed.append, clock=clock or Clock()), listed


def test_an_empty_list_is_complete_when_it_ends() -> None:
    stream, listed = a_stream()
    stream.list_begins()
    stream.page_arrived(set())
    assert listed == []
    stream.list_ends()
    assert listed == [frozenset()]


def test_a_list_is_complete_when_its_last_object_went_through_its_handler() -> None:
    stream, listed = a_stream()
    stream.list_begins()
    stream.page_arrived({"a"})
    stream.event_arrived("a", from_list=True)
    stream.page_arrived({"b", "c"})
    stream.event_arrived("c", from_list=True)
    stream.list_ends()
    stream.event_arrived("new", from_list=False)  # the watch is open already
    assert listed == []
    stream.event_arrived("b", from_list=True)
    assert listed == [frozenset({"a", "b", "c", "new"})]
    stream.list_ends()  # each watch that is opened again calls it
    stream.event_arrived("later", from_list=False)
    assert len(listed) == 1


def test_a_record_is_kept_from_the_list_to_the_next_event() -> None:
    stream, _ = a_stream()
    stream.list_begins()
    stream.page_arrived({"a", "b"})
    stream.event_arrived("a", from_list=True)
    assert stream.kept == {"a", "b"}
    stream.event_arrived("a", from_list=False)
    assert stream.kept == {"b"}
    stream.restart()
    assert not stream.kept


def test_a_list_that_broke_off_does_not_count() -> None:
    stream, listed = a_stream()
    stream.list_begins()
    stream.page_arrived({"gone"})
    stream.list_begins()
    stream.page_arrived({"a"})
    stream.event_arrived("a", from_list=True)
    stream.list_ends()
    assert listed == [frozenset({"a"})]


def test_k4_an_open_but_silent_watch_is_a_problem_and_a_closed_one_is_not() -> None:
    clock = Clock()
    stream, _ = a_stream(clock)
    health = WatchHealth({"recordings": stream}, clock=clock)
    watch = OpenWatch()
    stream.watch_opens(watch)

    for _ in range(100):
        clock.now_s += 3
        health.beat()
    assert health.seconds_since_last_byte("recordings") == 300
    assert health.problem(limit_s=120) == "the watch of recordings is open, but has been silent for more than 120 s"

    watch.total_bytes += 1
    health.beat()
    assert health.problem(limit_s=120) is None

    watch.is_open = False
    for _ in range(100):
        clock.now_s += 3
        health.beat()
    assert not health.connected("recordings")
    assert health.problem(limit_s=120) is None, "an API server that is away is no reason to restart"


def test_an_event_loop_that_stands_still_is_a_problem() -> None:
    clock = Clock()
    stream, _ = a_stream(clock)
    health = WatchHealth({"recordings": stream}, clock=clock)
    clock.now_s += 121
    assert health.problem(limit_s=120) == "the watcher's event loop has been stuck for more than 120 s"
    health.beat()
    assert health.problem(limit_s=120) is None
