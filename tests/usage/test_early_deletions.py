"""Objects that are gone before the minimum duration of their class, also if another location counts them."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.usage.arrivals import MOST_YOUNG, sample_from
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import usage_days
from tests.usage.counted import (
    BASIS,
    DAY,
    LOCATION,
    MIB,
    UNHURRIED,
    Listing,
    Thing,
    at,
    count,
    tally,
)


def young(number: int, dated: str, *, org: str = "acme", storage_class: str = "GLACIER_IR") -> Thing:
    return Thing(size_bytes=MIB * number, dated=at(dated), number=number, org=org, storage_class=storage_class)


FIRST = at("2026-11-03T09:00")
LATER = at("2026-11-08T09:00")


def test_a_young_object_that_is_gone_was_deleted_early() -> None:
    kept, gone = young(1, "2026-11-02"), young(2, "2026-11-02", org="globex")
    old = young(3, "2026-08-05")  # 90 days until the 3rd of November
    free = young(4, "2026-11-02", storage_class="STANDARD")
    first = count(None, FIRST, Listing(current=[kept, gone, old, free]))
    second = count(first, LATER, Listing(current=[kept]))
    [row] = second.deleted_early
    assert (row.org, row.namespace, row.storage_class, row.day) == (
        "globex",
        "team",
        "GLACIER_IR",
        at("2026-11-02").date(),
    )
    assert (row.objects, row.size_bytes) == (1, 2 * MIB)
    assert count(second, LATER + DAY, Listing(current=[kept])).deleted_early == ()


def test_the_last_day_of_a_minimum_duration() -> None:
    ia = young(1, "2026-10-10T23:00", storage_class="STANDARD_IA")
    first = count(None, FIRST, Listing(current=[ia]))
    day_30, day_29 = at("2026-11-09"), at("2026-11-08T23:59")
    assert [row.objects for row in count(first, day_29, Listing()).deleted_early] == [1]
    assert count(first, day_30, Listing()).deleted_early == ()


def test_a_version_that_is_not_current_any_more_is_not_deleted_but_one_that_is_gone_is() -> None:
    thing = young(1, "2026-11-02")
    first = count(None, FIRST, Listing(current=[thing]))
    second = count(first, LATER, Listing(noncurrent=[thing], delete_markers=[thing]))
    assert second.deleted_early == ()
    third = count(second, LATER + DAY, Listing())
    assert [(row.objects, row.size_bytes) for row in third.deleted_early] == [(1, MIB)]


def test_a_change_of_owner_or_class() -> None:
    thing = young(1, "2026-11-02")
    first = count(None, FIRST, Listing(current=[thing]))
    assert count(first, LATER, Listing(current=[replace(thing, org="globex")])).deleted_early == ()
    moved = count(first, LATER, Listing(current=[replace(thing, storage_class="STANDARD")]))
    assert [row.objects for row in moved.deleted_early] == [1]


def test_a_deletion_is_found_only_if_the_same_keys_were_listed_completely() -> None:
    thing = young(1, "2026-11-02")
    first = count(None, FIRST, Listing(current=[thing]))
    assert count(first, LATER, Listing(), basis="other keys").deleted_early == ()
    assert count(first.model_copy(update={"counted_by": "another"}), LATER, Listing()).deleted_early == ()
    unlisted = count(first, LATER, Listing(), is_complete=False)
    assert unlisted.deleted_early == ()
    # The next complete listing is compared with the last one.
    assert [row.objects for row in count(unlisted, LATER + DAY, Listing()).deleted_early] == [1]


def test_a_location_that_another_counts_from_now_on_has_deleted_nothing() -> None:
    first = count(None, FIRST, Listing(current=[young(1, "2026-11-02")]))
    counting = tally(first, LATER)
    twin = sample_from(counting, location=LOCATION, previous=first, basis=BASIS, counted_by="another")
    assert (twin.counted_by, twin.stored, twin.arrived, twin.deleted_early) == ("another", (), (), ())
    assert twin.carry.young == ()


def twins(now: datetime, things: list[Thing], *previous: UsageSample) -> list[UsageSample]:
    """Samples of `a-new`, which counts for both, and of its older twin."""
    listed = tally(previous[0], now)
    for thing in things:
        listed.add(thing.key, size_bytes=thing.size_bytes, storage_class=thing.storage_class, last_modified=thing.dated)
    listed.was_listed()
    new = sample_from(listed, location="a-new", previous=previous[0], basis=BASIS)
    old = sample_from(
        tally(previous[-1], now), location=LOCATION, previous=previous[-1], basis=BASIS, counted_by="a-new"
    )
    return [new, old]


def test_a_new_location_that_counts_for_an_older_one_counts_nothing_twice() -> None:
    things = [
        Thing(size_bytes=50 * MIB, dated=at("2026-10-20"), number=1),
        young(2, "2026-11-02"),
        young(3, "2026-11-02"),
        Thing(size_bytes=7 * MIB, dated=FIRST + 3 * DAY, number=7),
        Thing(size_bytes=5 * MIB, dated=FIRST - timedelta(seconds=1), number=5),  # still being uploaded at FIRST
    ]
    alone = [count(None, FIRST, Listing(current=things[:3]))]
    alone += [count(alone[-1], LATER, Listing(current=[things[0], *things[2:]]))]
    alone += [count(alone[-1], LATER + DAY, Listing(current=things[2:]))]
    handover = twins(LATER, [things[0], *things[2:]], alone[0])
    after = twins(LATER + DAY, things[2:], *handover)
    assert handover[0].taken_over == LOCATION
    assert after[0].taken_over is None
    assert handover[0].deleted_early == alone[1].deleted_early
    assert handover[0].arrived == alone[1].arrived

    def totals(*chains: list[UsageSample]) -> dict[date, list[int]]:
        sums: dict[date, list[int]] = {}
        for chain in chains:
            for day, found in usage_days(chain).days.items():
                of_day = sums.setdefault(day, [0, 0, 0])
                for volume in found.volumes.values():
                    amounts = (volume.stock_seconds.size_bytes, volume.uploaded_bytes, volume.writes)
                    of_day[:] = [a + b for a, b in zip(of_day, amounts, strict=True)]
        return sums

    shared = totals([handover[0], after[0]], [alone[0], handover[1], after[1]])
    expected = totals(alone)
    assert shared.keys() == expected.keys()
    for day, (byte_seconds, *flows) in expected.items():
        assert shared[day][1:] == flows
        assert abs(shared[day][0] - byte_seconds) <= 86_400  # halves of bytes are rounded down


def test_many_young_rows_are_kept_in_bounds_and_none_of_them_is_lost() -> None:
    things = [
        Thing(size_bytes=MIB + number, dated=FIRST, org=f"org-{number}", number=number, storage_class="GLACIER_IR")
        for number in range(MOST_YOUNG + 50)
    ]
    first = count(None, FIRST, Listing(current=things))
    assert len(first.carry.young) == MOST_YOUNG + 1
    assert sum(row.size_bytes for row in first.carry.young) == sum(one.size_bytes for one in things)
    assert count(first, LATER, Listing(current=things)).deleted_early == ()
    lost = count(first, LATER, Listing(current=things[1:])).deleted_early
    assert sum(row.size_bytes for row in lost) == MIB


@settings(UNHURRIED, max_examples=50)
@given(
    there=st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["acme", "globex"]), st.booleans()), max_size=8),
)
def test_deleted_early_is_what_is_gone(there: list[tuple[int, str, bool]]) -> None:
    things = [
        Thing(size_bytes=MIB, dated=FIRST - age * DAY, org=org, number=number, storage_class="GLACIER_IR")
        for number, (age, org, _) in enumerate(there)
    ]
    first = count(None, FIRST, Listing(current=things))
    kept = [thing for thing, (_, _, stays) in zip(things, there, strict=True) if stays]
    second = count(first, LATER, Listing(current=kept))
    expected: dict[tuple[str, int], int] = {}
    for age, org, stays in there:
        if not stays:
            expected[org, age] = expected.get((org, age), 0) + 1
    assert {(row.org, (FIRST.date() - row.day).days): row.objects for row in second.deleted_early} == expected
