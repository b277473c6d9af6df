"""The number of connections of a transfer: few if they would wait for each other, more if they wait for the network."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.limits.headroom import Headroom, busy_s, machine_idle_s
from recording_operator.transfer.upload import ranged
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, Observed, check_stored, fast_options, pattern, run_transfer
from tests.support.waiting import eventually

BODY = pattern(16 * 256 * KIB)


class Machine:
    """Time and idle time, set by the test."""

    def __init__(self) -> None:
        self.now_s = self.idle_s = 100.0

    def headroom(self) -> Headroom:
        return Headroom(idle_s=lambda: self.idle_s, monotonic=lambda: self.now_s)

    def passes(self, seconds: float, *, idle: float) -> None:
        """So many seconds, in which so many processors had nothing to do."""
        self.now_s += seconds
        self.idle_s += idle * seconds


def test_connections_that_wait_for_the_network_leave_room() -> None:
    machine = Machine()
    room = machine.headroom()
    machine.passes(0.05, idle=0.0)
    assert room.is_there(busy_s=0.01, connections=2), "a tenth of a processor each"
    machine.passes(0.05, idle=0.0)
    assert not room.is_there(busy_s=0.01 + 0.05, connections=2), "half a processor each"


def test_an_idle_processor_is_room_once_it_was_idle_for_a_while() -> None:
    machine = Machine()
    room = machine.headroom()
    found = []
    for look in range(1, 6):
        machine.passes(0.05, idle=3.0)
        found.append(room.is_there(busy_s=0.05 * look, connections=2))
    assert found.index(True) in (3, 4), found


def test_a_machine_that_is_used_up_leaves_none() -> None:
    machine = Machine()
    room = machine.headroom()
    for look in range(1, 100):
        machine.passes(0.05, idle=0.3)
        assert not room.is_there(busy_s=0.05 * look, connections=2)


def test_idle_time_long_ago_does_not_count() -> None:
    machine = Machine()
    room = machine.headroom()
    machine.passes(10, idle=2.0)
    assert room.is_there(busy_s=10.0, connections=2)
    machine.passes(0.3, idle=0.0)
    assert not room.is_there(busy_s=10.3, connections=2)


def test_the_machine_tells_its_idle_time_and_a_thread_what_it_used() -> None:
    assert machine_idle_s() > 0
    before_s, here = time.thread_time(), threading.get_ident()
    assert before_s <= busy_s([here]) <= time.thread_time()


@pytest.fixture
def source() -> Iterator[LyingSource]:
    with ExitStack() as stack:
        yield stack.enter_context(LyingSource(Content(body=BODY)))


def asked(source: LyingSource) -> int:
    """How many connections wait in the middle of a body."""
    return sum(request.sent_bytes >= 64 * KIB for request in source.served if request.number > 1)


def start(source: LyingSource, store: S3Store, done: list[StoredObject]) -> threading.Thread:
    """A transfer with at most four workers, two at first, whose source stops sending after a while."""
    source.behave = lambda request: Behaviour(hold_after=None if request.number == 1 else 64 * KIB)
    options = fast_options(first_workers=2, workers=4)
    thread = threading.Thread(target=lambda: done.append(run_transfer(source.url, store, options=options)))
    thread.start()
    return thread


def test_a_slow_source_gets_all_connections(source: LyingSource, strict: StrictStore, store: S3Store) -> None:
    done: list[StoredObject] = []
    thread = start(source, store, done)
    eventually(lambda: asked(source) == 4, within_s=30, what="four connections")
    source.release.set()
    thread.join(30)
    [stored] = done
    check_stored(stored, BODY, strict)


def test_without_room_it_stays_with_few(
    source: LyingSource, strict: StrictStore, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    class Full(Headroom):
        def is_there(self, *, busy_s: float, connections: int) -> bool:  # noqa: ARG002 - the method that it replaces has them
            looks.append(connections)
            return False

    monkeypatch.setattr(ranged, "Headroom", Full)
    done: list[StoredObject] = []
    thread = start(source, store, done)
    eventually(lambda: len(looks) > 5 and asked(source) >= 2, within_s=30, what="looks, and two connections")
    assert asked(source) <= 2
    # An open GET outlives the expiry of its URL: together they ask for all that is missing.
    begun = [request for request in source.served if request.number > 1]
    assert sum((request.last_byte or 0) + 1 - (request.first_byte or 0) for request in begun) == len(BODY)
    source.release.set()
    thread.join(30)
    [stored] = done
    check_stored(stored, BODY, strict)
    assert set(looks) == {2}


def test_a_stop_ends_a_transfer_that_may_still_grow(
    source: LyingSource, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Headroom):
        def is_there(self, *, busy_s: float, connections: int) -> bool:  # noqa: ARG002 - the method that it replaces has them
            return False

    monkeypatch.setattr(ranged, "Headroom", Full)
    source.behave = lambda request: Behaviour(hold_after=None if request.number == 1 else 64 * KIB)
    observed, ended = Observed(), threading.Event()

    def run() -> None:
        try:
            run_transfer(source.url, store, observed=observed, options=fast_options(first_workers=2, workers=4))
        except BaseException:  # noqa: BLE001 - the test waits for any end
            ended.set()

    threading.Thread(target=run, daemon=True).start()
    eventually(lambda: asked(source) == 2, within_s=30, what="two connections")
    observed.stop.set()
    assert ended.wait(10)
