"""Parts of money sum to their total."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.costs.money import CENT, share
from tests.usage.sampling import PATIENT

weights = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 10**18), min_size=1, max_size=40)
totals = st.integers(0, 10**12).map(lambda cents: Decimal(cents) / 100)


@PATIENT
@given(total=totals, of=weights)
def test_parts_sum_to_the_total_to_the_cent(total: Decimal, of: dict[str, int]) -> None:
    parts = share(total, of, quantum=CENT)
    assert sum(parts.values()) == total
    assert all(part >= 0 for part in parts.values())
    assert parts.keys() == of.keys()


@PATIENT
@given(total=totals, of=weights)
def test_no_part_is_more_than_a_cent_off(total: Decimal, of: dict[str, int]) -> None:
    parts, whole = share(total, of, quantum=CENT), sum(of.values())
    if whole:
        assert all(abs(parts[key] - total * weight / whole) < CENT for key, weight in of.items())


@PATIENT
@given(total=totals, of=weights)
def test_a_larger_share_never_costs_less(total: Decimal, of: dict[str, int]) -> None:
    parts = share(total, of, quantum=CENT)
    ordered = sorted(of, key=lambda key: of[key])
    assert all(parts[small] <= parts[large] + CENT for small, large in pairwise(ordered))


def test_a_cent_among_three() -> None:
    assert sorted(share(CENT, {"a": 1, "b": 1, "c": 1}, quantum=CENT).values()) == [0, 0, CENT]
