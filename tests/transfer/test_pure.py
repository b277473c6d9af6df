"""The pure parts of the data path: plans, sums, who sends what, how often to try again."""

import hashlib
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.checksums import (
    ExpectedChecksum,
    InOrderDigest,
    combine_parts,
    crc64nvme,
    from_base64,
    to_base64,
)
from recording_operator.errors import TransferError
from recording_operator.stopping import LinkedStopSignal, Stopped
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.upload.part_assignment import PartAssignment
from recording_operator.transfer.upload.part_plan import LARGEST_PART_BYTES, MIB, MOST_PARTS, PartPlan, plan_parts

LARGEST_OBJECT = 48 * 2**40


def product_plan(size_bytes: int | None, workers: int = 4) -> PartPlan:
    """A plan with the product's own bounds."""
    return plan_parts(size_bytes, workers=workers, smallest_bytes=8 * MIB, largest_bytes=64 * MIB)


@given(size=st.integers(1, LARGEST_OBJECT), workers=st.integers(1, 64))
def test_t18_parts_tile_the_object_and_all_are_legal(size: int, workers: int) -> None:
    plan = product_plan(size, workers)
    count = plan.count or 0
    assert 1 <= count <= MOST_PARTS
    assert 5 * MIB <= plan.part_size_bytes <= LARGEST_PART_BYTES
    assert plan.part_size_bytes % MIB == 0
    assert plan.offset(1) == 0
    assert plan.offset(count) + plan.length(count) == size
    assert 0 < plan.length(count) <= plan.part_size_bytes
    middle = max(1, count // 2)
    if middle < count:
        assert plan.offset(middle) + plan.length(middle) == plan.offset(middle + 1)
    assert plan.is_legal(smallest_bytes=5 * MIB)


@given(part_number=st.integers(1, MOST_PARTS - 1))
def test_t18_parts_of_unknown_length_tile_and_all_are_legal(part_number: int) -> None:
    plan = product_plan(None)
    assert plan.offset(part_number) + plan.length(part_number) == plan.offset(part_number + 1)
    assert plan.length(part_number) <= plan.length(part_number + 1) <= LARGEST_PART_BYTES
    assert plan.is_legal(smallest_bytes=5 * MIB)


def test_t18_unknown_length_reaches_seven_tebibytes() -> None:
    plan = product_plan(None)
    assert plan.offset(MOST_PARTS) + plan.length(MOST_PARTS) > 7 * 2**40
    assert plan.length(1000) == 8 * MIB
    assert plan.length(1001) == 16 * MIB


@given(
    part_size=st.integers(-5, 2**62), size=st.one_of(st.none(), st.integers(0, 2**62)), number=st.integers(-3, 20_000)
)
def test_c3_forged_plans_are_never_legal_and_out_of_bounds(part_size: int, size: int | None, number: int) -> None:
    plan = PartPlan(part_size_bytes=part_size, size_bytes=size)
    if part_size > 0 and plan.is_legal(smallest_bytes=5 * MIB):
        assert (plan.count or 1) <= MOST_PARTS
        if plan.fits(number, part_size):
            assert 1 <= number <= MOST_PARTS


@given(pieces=st.lists(st.binary(max_size=300), max_size=12))
def test_sums_of_parts_combine_to_the_sum_of_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert combine_parts((crc64nvme(piece), len(piece)) for piece in pieces) == crc64nvme(whole)
    running = 0
    for piece in pieces:
        running = crc64nvme(piece, running)
    assert running == crc64nvme(whole)


def test_crc64nvme_is_the_published_one() -> None:
    # Check value of CRC-64/NVME: https://reveng.sourceforge.io/crc-catalogue/all.htm
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888


@given(crc=st.integers(0, 2**64 - 1))
def test_base64_of_a_sum_reads_back(crc: int) -> None:
    assert from_base64(to_base64(crc)) == crc


@pytest.mark.parametrize("text", [None, "", "AAAA", "not base64!", "AAAAAAAAAAA=-3"])
def test_other_sums_are_no_sum(text: str | None) -> None:
    assert from_base64(text) is None


@given(body=st.binary(min_size=1, max_size=500), starts=st.lists(st.integers(0, 499), max_size=10))
def test_a_digest_in_order_survives_reading_again(body: bytes, starts: list[int]) -> None:
    digest = InOrderDigest(ExpectedChecksum(f"sha256:{hashlib.sha256(body).hexdigest()}"))
    reached = 0
    for start in starts:
        if start <= reached:
            end = min(len(body), start + 100)
            digest.feed(start, body[start:end])
            reached = max(reached, end)
    digest.feed(reached, body[reached:])
    assert digest.complete(len(body))
    assert digest.matches(len(body))
    assert not digest.matches(len(body) + 1)


def test_a_digest_refuses_a_gap_and_other_bytes() -> None:
    digest = InOrderDigest(ExpectedChecksum(f"crc32:{zlib.crc32(b'abc'):08x}"))
    with pytest.raises(ValueError, match="in order"):
        digest.feed(1, b"b")
    digest.feed(0, b"abd")
    assert not digest.matches(3)


@given(missing=st.sets(st.integers(1, 60)), workers=st.integers(1, 8), seed=st.randoms())
def test_every_missing_part_is_handed_out_once_whoever_is_fast(missing: set[int], workers: int, seed: object) -> None:
    assignment = PartAssignment(sorted(missing), workers=workers)
    held = [assignment.take() for _ in range(workers)]
    sent: list[int] = []
    while any(segment is not None for segment in held):
        index = seed.randrange(workers)  # type: ignore[attr-defined]
        segment = held[index]
        if segment is None:
            continue
        begun = assignment.next_part(segment)
        if begun is None:
            held[index] = assignment.take()
        else:
            assert begun[1] >= begun[0]
            sent.append(begun[0])
    assert sorted(sent) == sorted(missing)


def test_a_worker_that_is_done_takes_half_of_the_largest_rest() -> None:
    assignment = PartAssignment(range(1, 21), workers=2)
    first, second = assignment.take(), assignment.take()
    assert first is not None
    assert second is not None
    assert [(segment.first, segment.last) for segment in (first, second)] == [(1, 10), (11, 20)]
    assert assignment.next_part(first) == (1, 10)
    while assignment.next_part(second):
        pass
    stolen = assignment.take()
    assert stolen is not None
    assert (stolen.first, stolen.last) == (6, 10)
    assert first.last == 5


def test_a_closed_assignment_lets_begun_segments_end() -> None:
    assignment = PartAssignment(range(1, 5), workers=1)
    segment = assignment.take()
    assert segment is not None
    assignment.close()
    assert assignment.take() is None
    assert [begun[0] for begun in iter(lambda: assignment.next_part(segment), None)] == [1, 2, 3, 4]


class Clock:
    """A stop signal whose waits move the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.now += timeout or 0.0
        return False


def a_budget(clock: Clock, **more: float) -> RetryBudget:
    """RetryBudget that always waits the longest."""
    options = TransferOptions(**more)  # type: ignore[arg-type]
    return RetryBudget(options, clock, monotonic=lambda: clock.now, uniform=lambda _, longest: longest)


def transient(retry_after_s: float | None = None) -> TransferError:
    return TransferError(Reason.SOURCE_UNAVAILABLE, "busy", retry_after_s=retry_after_s)


def test_waits_double_up_to_the_cap_and_end_after_the_tries() -> None:
    clock = Clock()
    waiting = a_budget(clock, tries_without_progress=6, unavailable_s=1000, backoff_base_s=1, backoff_cap_s=6)
    for _ in range(5):
        waiting.spend(transient())
    with pytest.raises(TransferError, match="busy"):
        waiting.spend(transient())
    assert clock.waits == [1, 2, 4, 6, 6]


def test_progress_begins_the_count_anew() -> None:
    clock = Clock()
    waiting = a_budget(clock, tries_without_progress=2, unavailable_s=1000)
    for _ in range(10):
        waiting.spend(transient())
        waiting.progressed()


def test_nobody_waits_longer_than_the_attempt_allows() -> None:
    clock = Clock()
    waiting = a_budget(clock, unavailable_s=60)
    waiting.spend(transient(retry_after_s=40))
    with pytest.raises(TransferError) as caught:
        waiting.spend(transient(retry_after_s=40))
    assert caught.value.retry_after_s == 40
    assert clock.waits == [40]


@pytest.mark.parametrize("reason", [Reason.SOURCE_NOT_FOUND, Reason.STORE_DENIED, Reason.STORE_KEY_CONFLICT])
def test_what_cannot_get_better_is_not_waited_for(reason: Reason) -> None:
    clock = Clock()
    with pytest.raises(TransferError):
        a_budget(clock).spend(TransferError(reason, "no"))
    assert clock.waits == []


def test_a_stop_ends_a_wait() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        RetryBudget(TransferOptions(), stop).spend(transient())


def test_halt_hears_both_signals() -> None:
    stop = threading.Event()
    halt = LinkedStopSignal(stop)
    assert halt.wait(0.01) is False
    halt.set()
    assert halt.is_set()
    assert not stop.is_set()
    assert halt.wait(10) is True
    other = LinkedStopSignal(stop)
    stop.set()
    assert other.wait(10) is True


def test_i6_a_source_shows_neither_url_nor_headers() -> None:
    source = SourceSpec(url="https://h/x?secret", headers={"Authorization": "secret"})
    assert "secret" not in repr(source)
