"""Bandwidth limits and how transfers share them. In virtual time, except for the tests of threads."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.limits.bandwidth import Flow, RateLimiter
from recording_operator.transfer.limits.fair_bucket import FairBucket, grant_bytes
from tests.support.lying_source import Behaviour, Serve
from tests.support.no_threads import no_more_threads
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, MIB, Observed, check_stored, fast_options, pattern, run_transfer
from tests.support.virtual_link import Mover, Simulation
from tests.support.waiting import eventually

RATES = st.integers(64 * KIB, 200 * MIB)
BUSY_S = 5.0


def a_bucket(rate: int | None) -> FairBucket:
    return FairBucket(rate, now=0.0)


@settings(max_examples=20)
@given(rate=RATES, transfers=st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_the_rate_reaches_the_limit_and_never_exceeds_it(rate: int, transfers: list[int]) -> None:
    bucket = a_bucket(rate)
    movers = [Mover(buckets=[bucket], workers=workers, speed=4e9) for workers in transfers]
    Simulation(movers).run(BUSY_S)
    total = sum(mover.bytes_between(0, BUSY_S) for mover in movers)
    assert total <= rate * BUSY_S + grant_bytes(rate)
    assert total >= 0.98 * rate * BUSY_S - grant_bytes(rate)
    second = sum(mover.bytes_between(3, 4) for mover in movers)
    assert second <= rate * 1.25 + 2 * grant_bytes(rate), "a burst"


@settings(max_examples=20)
@given(rate=RATES, workers=st.lists(st.integers(1, 8), min_size=2, max_size=8))
def test_each_transfer_gets_the_same_however_many_workers_it_has(rate: int, workers: list[int]) -> None:
    bucket = a_bucket(rate)
    # Each worker alone could fill a share.
    movers = [Mover(buckets=[bucket], workers=count, speed=4e9) for count in workers]
    Simulation(movers).run(BUSY_S)
    shares = [mover.bytes_between(0, BUSY_S) for mover in movers]
    # Two grants of slack: in five seconds at the lowest limit a transfer may have had only ten.
    assert max(shares) <= 1.1 * min(shares) + 2 * grant_bytes(rate), shares


def test_bytes_count_not_turns() -> None:
    bucket = a_bucket(10 * MIB)
    careful = Mover(buckets=[bucket], workers=2, window_bytes=16 * KIB)
    quick = Mover(buckets=[bucket], workers=8)
    Simulation([careful, quick]).run(BUSY_S)
    assert careful.bytes_between(0, BUSY_S) == pytest.approx(quick.bytes_between(0, BUSY_S), rel=0.1)


def test_a_pause_is_made_up_for_by_a_quarter_of_a_second_at_most() -> None:
    rate = 10 * MIB
    bucket = a_bucket(rate)
    late = Mover(buckets=[bucket], begin_s=5)
    Simulation([late]).run(7)
    assert late.bytes_between(5, 6) <= 1.25 * rate + grant_bytes(rate)
    assert late.bytes_between(5, 5.1) >= 0.25 * rate, "a busy process could not make up for its delays"


def test_a_newcomer_has_its_share_within_half_a_second() -> None:
    rate = 100 * MIB
    bucket = a_bucket(rate)
    old = [Mover(buckets=[bucket], workers=8) for _ in range(3)]
    new = Mover(buckets=[bucket], workers=1, begin_s=5)
    Simulation([*old, new]).run(10)
    fair = rate / 4
    assert new.bytes_between(5, 5.5) >= 0.8 * fair * 0.5
    assert new.bytes_between(6, 10) == pytest.approx(fair * 4, rel=0.1)
    assert min(mover.bytes_between(5, 5.5) for mover in old) >= 0.8 * fair * 0.5, "the newcomer starves the others"


def test_bandwidth_that_a_slow_transfer_does_not_use_is_used_by_others() -> None:
    rate = 100 * MIB
    bucket = a_bucket(rate)
    slow = Mover(buckets=[bucket], workers=2, speed=2 * MIB)
    quick = Mover(buckets=[bucket])
    Simulation([slow, quick]).run(BUSY_S)
    assert slow.bytes_between(0, BUSY_S) == pytest.approx(4 * MIB * BUSY_S, rel=0.1)
    assert quick.bytes_between(0, BUSY_S) == pytest.approx(96 * MIB * BUSY_S, rel=0.05)


def test_a_transfer_that_was_slow_for_long_does_not_starve_others_later() -> None:
    rate = 100 * MIB
    bucket = a_bucket(rate)
    slow = Mover(buckets=[bucket], speed=MIB)
    quick = Mover(buckets=[bucket])

    def no_longer_slow(_now: float) -> None:
        slow.speed = 1e9

    Simulation([slow, quick], edits=[(4.0, no_longer_slow)]).run(5.5)
    assert quick.bytes_between(4.5, 5.5) == pytest.approx(50 * MIB, rel=0.1)


@settings(max_examples=15)
@given(own=RATES, other=RATES, whole=RATES)
def test_both_limits_hold_and_nothing_is_wasted(own: int, other: int, whole: int) -> None:
    operator, first, second = a_bucket(whole), a_bucket(own), a_bucket(other)
    movers = [Mover(buckets=[first, operator], speed=4e9) for _ in range(2)]
    others = [Mover(buckets=[second, operator], speed=4e9) for _ in range(3)]
    Simulation([*movers, *others]).run(BUSY_S)
    into_first = sum(mover.bytes_between(0, BUSY_S) for mover in movers)
    into_second = sum(mover.bytes_between(0, BUSY_S) for mover in others)
    assert into_first <= own * BUSY_S + grant_bytes(own)
    assert into_second <= other * BUSY_S + grant_bytes(other)
    assert into_first + into_second <= whole * BUSY_S + grant_bytes(whole)
    slack = sum(grant_bytes(rate) for rate in (own, other, whole)) * len(movers + others) * 4
    assert into_first + into_second >= 0.95 * min(own + other, whole) * BUSY_S - slack


@pytest.mark.parametrize(("before", "after"), [(10, 100), (100, 10), (None, 10), (10, None)])
def test_a_new_limit_holds_at_once_for_who_is_under_way(before: int | None, after: int | None) -> None:
    bucket = a_bucket(before and before * MIB)
    mover = Mover(buckets=[bucket], workers=2, speed=200 * MIB)
    rate = after and after * MIB
    Simulation([mover], edits=[(5.0, lambda now: bucket.set_rate(rate, now=now))]).run(10)
    for begin, limit in ((0, before), (5, after)):
        wanted = (limit or 400) * MIB * 4.5
        assert mover.bytes_between(begin + 0.5, begin + 5) == pytest.approx(wanted, rel=0.05)


def test_unused_grants_are_returned() -> None:
    bucket = a_bucket(100 * KIB)
    mover = Mover(buckets=[bucket])
    Simulation([mover]).run(1.0)
    share = mover.shares[0]
    ticket = bucket.request(share, 4 * KIB)
    bucket.deal(2.0)
    waits = [bucket.request(share, 4 * KIB) for _ in range(100)]
    bucket.deal(2.0)
    assert not waits[-1].granted.is_set()
    before_s = bucket.next_grant_s(2.0) or 0.0
    bucket.give_back(share, ticket.granted_bytes)
    after_s = bucket.next_grant_s(2.0) or 0.0
    assert after_s < before_s


# Threads and real time: coarse, for any machine


class Moving(threading.Thread):
    """A connection that moves what it may, as quickly as it may."""

    def __init__(self, flow: Flow, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.flow, self.stop, self.moved, self.stopped = flow, stop, 0, False

    def run(self) -> None:
        try:
            while True:
                self.moved += self.flow.take(256 * KIB, self.stop)
        except Stopped:
            self.stopped = True


def test_threads_keep_to_the_limit_and_share_it() -> None:
    link, stop = RateLimiter(32 * MIB), threading.Event()
    one, many = Flow([RateLimiter(None), link]), Flow([RateLimiter(None), link])
    alone = Moving(one, stop)
    crowd = [Moving(many, stop) for _ in range(8)]
    begun = time.monotonic()
    for thread in (alone, *crowd):
        thread.start()
    eventually(lambda: alone.moved + sum(thread.moved for thread in crowd) >= 48 * MIB, within_s=20)
    took_s = time.monotonic() - begun
    shares = alone.moved, sum(thread.moved for thread in crowd)
    stop.set()
    assert sum(shares) <= 32 * MIB * (took_s + 0.3)
    assert took_s <= 3.0, "1.5 s are enough"
    assert max(shares) <= 1.5 * min(shares), shares
    for thread in (alone, *crowd):
        thread.join(5)
        assert thread.stopped


def test_a_stop_ends_the_wait_and_takes_nothing() -> None:
    link, stop = RateLimiter(64 * KIB), threading.Event()
    flow = Flow([link])
    flow.take_all(8 * KIB, threading.Event())
    waiting = [Moving(flow, stop) for _ in range(20)]
    for thread in waiting:
        thread.start()
    stop.set()
    for thread in waiting:
        thread.join(5)
        assert thread.stopped
    link.set_limit(100 * MIB)
    begun = time.monotonic()
    Flow([link]).take_all(MIB, threading.Event())
    assert time.monotonic() - begun < 2, "the stopped ones are still in the queue"


def test_the_limit_holds_on_after_a_thread_could_not_be_started() -> None:
    flow, stop = Flow([RateLimiter(10 * MIB)]), threading.Event()
    with no_more_threads(), pytest.raises(RuntimeError):
        flow.take_all(10 * MIB, stop)
    taking = threading.Thread(target=flow.take_all, args=(MIB, stop), daemon=True)
    taking.start()
    taking.join(5)
    assert not taking.is_alive()


def test_lifting_the_limit_lets_everyone_go() -> None:
    link = RateLimiter(64 * KIB)
    flow = Flow([link])
    ended = threading.Event()

    def much() -> None:
        flow.take_all(200 * MIB, threading.Event())
        ended.set()

    threading.Thread(target=much, daemon=True).start()
    assert not ended.wait(0.05)
    link.set_limit(None)
    assert ended.wait(5)


def test_the_waiting_time_is_reported() -> None:
    waits: list[float] = []
    link = RateLimiter(256 * KIB, on_wait=waits.append)
    begun = time.monotonic()
    Flow([link]).take_all(64 * KIB, threading.Event())
    assert 0.5 * (time.monotonic() - begun) <= sum(waits) <= time.monotonic() - begun


def test_without_a_limit_no_lock_is_taken() -> None:
    link = RateLimiter(None)
    link._changed = None  # type: ignore[assignment]  # noqa: SLF001 - any use of the lock fails now
    assert Flow([link, link]).take(256 * KIB, threading.Event()) == 256 * KIB


# The data path


@pytest.mark.parametrize("way", [Behaviour(), Behaviour(ranges=False, framing="chunked")], ids=["ranges", "in order"])
def test_a_transfer_keeps_to_the_limit(serve: Serve, strict: StrictStore, store: S3Store, way: Behaviour) -> None:
    body = pattern(MIB)
    source = serve(body)
    source.behave = lambda _: way
    begun = time.monotonic()
    stored = run_transfer(source.url, store, flow=Flow([RateLimiter(2 * MIB)]))
    took_s = time.monotonic() - begun
    check_stored(stored, body, strict)
    assert took_s >= 0.45, "quicker than the limit"
    assert took_s <= 5


def test_small_artifacts_keep_to_the_limit(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    body = pattern(60 * KIB)  # the probe has brought it already
    source = serve(body)
    flow = Flow([RateLimiter(128 * KIB)])
    begun = time.monotonic()
    check_stored(run_transfer(source.url, store, flow=flow), body, strict)
    assert time.monotonic() - begun >= 0.4


def test_a_transfer_that_waits_for_its_turn_stops_at_once(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(pattern(4 * MIB))
    observed = Observed()
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(Stopped):
            run_transfer(
                source.url, store, observed=observed, options=fast_options(), flow=Flow([RateLimiter(64 * KIB)])
            )
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    eventually(lambda: bool(observed.states))
    observed.stop.set()
    assert ended.wait(10)
    assert len(strict.open_uploads()) == 1, "it can go on later"
