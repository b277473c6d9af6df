"""How an object is divided into parts, and which worker sends which."""

from hypothesis import given
from hypothesis import strategies as st

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


@given(missing=st.sets(st.integers(1, 60)), workers=st.integers(1, 8), seed=st.randoms())
def test_every_missing_part_is_handed_out_once_at_any_speed(missing: set[int], workers: int, seed: object) -> None:
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
