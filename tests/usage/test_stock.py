"""Amounts of stored objects, and the billed bytes that follow from them."""

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.usage.stock import NOTHING, SMALL, Stock, stock_of, total
from tests.usage.sampling import PATIENT, objects_of

sizes = st.lists(st.integers(0, 200_000), max_size=20)


@PATIENT
@given(sizes=sizes, least=st.sampled_from([0, *SMALL]), overhead=st.sampled_from([0, 32_768]))
def test_billed_bytes_follow_from_the_sums_for_every_minimum_size(sizes: list[int], least: int, overhead: int) -> None:
    expected = sum(max(size, least) + overhead for size in sizes)
    assert objects_of(*sizes).billable_bytes(least_bytes=least, overhead_bytes=overhead) == expected


@PATIENT
@given(first=sizes, second=sizes)
def test_sums_are_sums_of_the_objects(first: list[int], second: list[int]) -> None:
    assert objects_of(*first).plus(objects_of(*second)) == objects_of(*first, *second)
    assert objects_of(*first, *second).less(objects_of(*second)) == objects_of(*first)
    assert objects_of(*first).plus_times(objects_of(*second), 3) == objects_of(*first, *second, *second, *second)


def test_a_size_at_a_limit_is_not_below_it() -> None:
    assert stock_of(4_096) == Stock(1, 4_096, 0, 0, 1, 4_096, 1, 4_096)
    assert stock_of(131_072) == Stock(1, 131_072)


def test_nothing_is_the_sum_of_nothing() -> None:
    assert total([]) == NOTHING == objects_of()
    assert Stock(3, -5).at_least_zero() == Stock(3)
    assert Stock(3, 5).mean_times(Stock(0, 2), 7) == Stock(10, 24)
