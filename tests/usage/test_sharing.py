"""Parts of whole amounts add up."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.usage.sharing import share_whole
from tests.usage.sampling import PATIENT

weights = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 10**18), min_size=1, max_size=40)
totals = st.integers(-(10**12), 10**12)


@PATIENT
@given(total=totals, of=weights)
def test_parts_add_up_to_the_total(total: int, of: dict[str, int]) -> None:
    parts = share_whole(total, of)
    assert sum(parts.values()) == total
    assert parts.keys() == of.keys()
    assert all(part >= 0 for part in parts.values()) if total >= 0 else all(part <= 0 for part in parts.values())


@PATIENT
@given(total=totals, of=weights)
def test_no_part_is_more_than_one_off(total: int, of: dict[str, int]) -> None:
    parts, whole = share_whole(total, of), sum(of.values())
    if whole:
        assert all(abs(parts[key] * whole - total * weight) < whole for key, weight in of.items())


@PATIENT
@given(total=st.integers(0, 10**12), of=weights)
def test_who_has_more_gets_no_less(total: int, of: dict[str, int]) -> None:
    parts = share_whole(total, of)
    ordered = sorted(of, key=lambda key: of[key])
    assert all(parts[small] <= parts[large] + 1 for small, large in pairwise(ordered))


@PATIENT
@given(total=totals, of=weights, data=st.data())
def test_the_order_of_the_weights_does_not_matter(total: int, of: dict[str, int], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(list(of.items())))
    assert share_whole(total, dict(shuffled)) == share_whole(total, of)


def test_the_rest_goes_to_the_largest_remainder_not_to_the_largest_weight() -> None:
    assert share_whole(10, {"large": 5, "small": 3}) == {"large": 6, "small": 4}, "6.25 and 3.75"


def test_one_among_three() -> None:
    assert share_whole(1, {"c": 5, "a": 5, "b": 5}) == {"a": 1, "b": 0, "c": 0}
    assert share_whole(-1, {"c": 0, "a": 0}) == {"a": -1, "c": 0}
    assert share_whole(7, {}) == {}
