"""The end of a deleted location whose objects another one counts."""

from datetime import timedelta

from recording_operator.usage.handover import closing_sample
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import usage_days
from tests.usage.sampling import DAY, GB, at, byte_seconds, sample

T = at("2026-11-10")
LAST = sample(T, {"acme": GB}, since=T - DAY)


def of_other(number: int, *, counted_by: str | None = None, **fields: object) -> UsageSample:
    """A sample of the other location, so many days after the last one of the deleted location."""
    when = T + number * DAY
    made = sample(when, {"acme": GB}, since=when - DAY, location="other", counted_by=counted_by)
    return made.model_copy(update=fields)


def test_a_twin_that_counts_from_now_on_takes_over() -> None:
    closing = closing_sample(LAST, [of_other(0, counted_by="archive"), of_other(1), of_other(2)])
    assert closing is not None
    assert (closing.at, closing.since, closing.counted_by, closing.stored) == (T + DAY, T, "other", ())


def test_a_twin_goes_on_without_the_deleted_location_until_it_counts() -> None:
    later = [of_other(0, counted_by="archive"), of_other(1, counted_by="archive"), of_other(2)]
    closing = closing_sample(LAST, later)
    assert closing is not None
    assert closing.at == T + 2 * DAY


def test_a_new_location_takes_over_if_its_first_sample_says_so() -> None:
    assert closing_sample(LAST, [of_other(3, taken_over="archive")]) is not None
    assert closing_sample(LAST, [of_other(3, taken_over="third")]) is None
    assert closing_sample(LAST, [of_other(3)]) is None


def test_a_location_that_counts_other_keys_takes_nothing_over() -> None:
    assert closing_sample(LAST, [of_other(0), of_other(1)]) is None
    assert closing_sample(LAST, [of_other(0, counted_by="archive"), of_other(1, counted_by="third")]) is None
    assert closing_sample(LAST, []) is None


def test_what_another_location_counted_already_is_not_closed_again() -> None:
    last = LAST.model_copy(update={"counted_by": "other"})
    assert closing_sample(last, [of_other(0, counted_by="archive"), of_other(1)]) is None


def test_together_they_hold_what_is_stored() -> None:
    first = sample(T - DAY, {"acme": GB})
    other = of_other(1, taken_over="archive", since=T)
    closing = closing_sample(LAST, [other])
    assert closing is not None
    gone, new = usage_days([first, LAST, closing]), usage_days([other])
    held = byte_seconds(gone, "2026-11-10") + byte_seconds(new, "2026-11-10")
    assert held == GB * int(timedelta(days=1).total_seconds())
