"""The earliest time counts, each uid is returned once, and nothing is due too early."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.engine.timers import Timers
from tests.engine.builders import START

wishes = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 20)), max_size=30)


@given(wishes, st.integers(0, 20))
def test_the_earliest_wish_of_each_counts(asked: list[tuple[str, int]], at_s: int) -> None:
    timers = Timers()
    earliest: dict[str, int] = {}
    for uid, wish_s in asked:
        timers.set(uid, START + timedelta(seconds=wish_s))
        earliest[uid] = min(wish_s, earliest.get(uid, wish_s))

    due = timers.due(START + timedelta(seconds=at_s))

    assert sorted(due) == sorted(uid for uid, wish_s in earliest.items() if wish_s <= at_s)
    left = [wish_s for wish_s in earliest.values() if wish_s > at_s]
    assert timers.next() == (START + timedelta(seconds=min(left)) if left else None)


def test_setting_none_sets_no_timer() -> None:
    timers = Timers()
    timers.set("a", None)

    assert timers.next() is None
    assert timers.due(START) == []
