"""Samples become days: midnights, month ends, uploads at their time, everything else spread evenly."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import ReportSource
from recording_operator.usage.days import EarlyDeletion, UsageDays, Volume
from recording_operator.usage.sample import ArrivalRow, PastRow, State
from recording_operator.usage.stock import NOTHING, Stock
from recording_operator.usage.timeline import usage_days
from tests.usage.sampling import (
    DAY,
    GB,
    LOCATION,
    PATIENT,
    arrival,
    at,
    byte_seconds,
    days_of,
    early,
    ends,
    key_of,
    sample,
    steady,
)

ACME, GLOBEX = key_of("acme"), key_of("globex")
DAY_S = 86_400
NOON_S = 43_200
FIRST = date(2026, 11, 1)


# Days


@pytest.mark.parametrize(
    ("begin", "end", "days"),
    [
        ("2026-02-01", "2026-03-01", 28),
        ("2028-02-01", "2028-03-01", 29),
        ("2026-03-01", "2026-04-01", 31),
        ("2026-10-01", "2026-11-01", 31),
        ("2026-12-01", "2027-01-01", 31),
    ],
)
def test_each_day_of_a_month_is_whole(begin: str, end: str, days: int) -> None:
    # UTC: no hour is lost or counted twice when Europe changes its clocks (March, October).
    usage = steady(begin, end, {"acme": 100 * GB})
    whole = [byte_seconds(usage, day.isoformat()) for day in usage.days if day < at(end).date()]
    assert whole == [100 * GB * DAY_S] * days


def test_samples_some_seconds_after_midnight_lose_none() -> None:
    first = at("2026-11-01T00:00:07")
    usage = days_of(*(sample(first + number * DAY, {"acme": GB}) for number in range(4)))
    assert [byte_seconds(usage, f"2026-11-0{day}") for day in (1, 2, 3, 4)] == [GB * DAY_S] * 3 + [GB * 7]
    assert usage.until == at("2026-11-04T00:00:07")
    assert usage.opened == first


def test_a_year_end_between_two_samples() -> None:
    usage = steady("2026-12-31", "2027-01-02", {"acme": 100 * GB})
    assert list(usage.days)[-3:] == [date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1)]
    assert byte_seconds(usage, "2027-01-01") == 100 * GB * DAY_S


def test_days_without_a_sample_are_interpolated_and_say_so() -> None:
    usage = days_of(sample(at("2026-11-01T12:00"), {"acme": 0}), sample(at("2026-11-05T12:00"), {"acme": 400 * GB}))
    assert ends(usage) == {1: 50 * GB, 2: 150 * GB, 3: 250 * GB, 4: 350 * GB, 5: 400 * GB}
    assert [entry.estimated for entry in usage.days.values()] == [False, True, True, True, False]
    assert byte_seconds(usage, "2026-11-02") == 100 * GB * DAY_S


def test_the_first_sample_draws_the_month_so_far_from_the_ages_of_objects() -> None:
    came = [
        arrival(ACME, at("2026-11-03T06:00"), Stock(2, 30 * GB), writes=5),
        arrival(ACME, at("2026-11-05"), 20 * GB),
    ]
    usage = days_of(sample(at("2026-11-05T12:00"), {"acme": 150 * GB}, arrived=came))
    assert ends(usage) == {1: 100 * GB, 2: 100 * GB, 3: 130 * GB, 4: 130 * GB, 5: 150 * GB}
    assert [entry.estimated for entry in usage.days.values()] == [True, True, True, True, False]
    third = usage.days[date(2026, 11, 3)].volumes[ACME]
    assert (third.uploaded_bytes, third.uploaded_objects, third.writes) == (30 * GB, 2, 5)
    assert third.stock_seconds.size_bytes == 100 * GB * DAY_S + 30 * GB * 18 * 3600


def test_a_first_sample_at_the_first_midnight_of_a_month_has_nothing_before_it() -> None:
    usage = days_of(sample(at("2026-11-01"), {"acme": GB}))
    assert list(usage.days) == [FIRST]
    assert byte_seconds(usage) == 0


def test_an_upload_counts_from_its_time() -> None:
    came = [arrival(ACME, at("2026-11-02T18:00"), 4 * GB)]
    usage = days_of(sample(at("2026-11-01"), {}), sample(at("2026-11-04"), {"acme": 4 * GB}, arrived=came))
    assert [byte_seconds(usage, f"2026-11-0{day}") // GB // 3600 for day in (1, 2, 3)] == [0, 4 * 6, 4 * 24]


def test_what_is_deleted_goes_evenly() -> None:
    usage = days_of(sample(at("2026-11-01"), {"acme": 4 * GB}), sample(at("2026-11-03"), {}))
    assert ends(usage) == {1: 2 * GB, 2: 0}
    assert byte_seconds(usage) == 4 * GB * DAY_S


def test_a_late_upload_counts_on_the_first_open_day_and_its_stock_evenly() -> None:
    late = ArrivalRow(
        org="acme", namespace="team", storage_class="", objects=1, size_bytes=4 * GB, day=date(2026, 10, 30), writes=9
    )
    usage = days_of(sample(at("2026-11-01"), {}), sample(at("2026-11-03"), {"acme": 4 * GB}, arrived=[late]))
    unknown = usage.days[FIRST].volumes[key_of("acme", "")]
    assert (unknown.uploaded_bytes, unknown.writes, unknown.stock_seconds) == (4 * GB, 9, NOTHING)
    assert ends(usage) == {1: 2 * GB, 2: 4 * GB}


def test_an_upload_during_the_count_counts_from_its_time_too() -> None:
    came = [arrival(ACME, at("2026-11-02T06:00"), 3 * GB)]
    usage = days_of(
        sample(at("2026-11-01"), {}),
        sample(at("2026-11-02"), {"acme": 3 * GB}, ahead=came),
        sample(at("2026-11-03"), {"acme": 3 * GB}, arrived=came),
    )
    assert [byte_seconds(usage, f"2026-11-0{day}") // GB // 3600 for day in (1, 2)] == [0, 3 * 18]


def test_objects_and_their_sizes_are_counted_as_bytes_are() -> None:
    came = [arrival(ACME, at("2026-11-01T12:00"), Stock(2, 4_000, 1, 1_000, 2, 4_000, 2, 4_000))]
    usage = days_of(sample(at("2026-11-01"), {}), sample(at("2026-11-02"), {ACME: came[0].stock}, arrived=came))
    assert usage.days[FIRST].volumes[ACME].stock_seconds == came[0].stock.times(NOON_S)


@pytest.mark.parametrize("still_open", [0, 50])
def test_parts_stay_until_their_object_is_there(still_open: int) -> None:
    """600 GB in parts from the beginning; an object of 1,000 GB on the 4th at 06:00. Nothing is there twice."""
    parts = key_of("acme", state=State.INCOMPLETE)
    came = [arrival(ACME, at("2026-11-04T06:00"), 1000 * GB)]
    usage = days_of(
        sample(at("2026-11-01"), {parts: (600 + still_open) * GB}),
        sample(at("2026-11-09"), {ACME: 1000 * GB, parts: still_open * GB}, arrived=came),
    )
    assert [end // GB - still_open for end in ends(usage).values()] == [600, 600, 600, *[1000] * 5]
    hours = {
        state: sum(
            volume.stock_seconds.size_bytes
            for entry in usage.days.values()
            for key, volume in entry.volumes.items()
            if key.state is state
        )
        // GB
        // 3600
        for state in (State.INCOMPLETE, State.CURRENT)
    }
    assert hours == {State.INCOMPLETE: 600 * 78 + still_open * 192, State.CURRENT: 1000 * 114}


def test_parts_are_those_of_one_object_only() -> None:
    """600 GB in parts; of the two objects of 400 GB, the first one takes 400 of them and the second one the rest."""
    parts = key_of("acme", state=State.INCOMPLETE)
    came = [arrival(ACME, at(f"2026-11-0{day}"), 400 * GB) for day in (3, 5)]
    usage = days_of(
        sample(at("2026-11-01"), {parts: 600 * GB}), sample(at("2026-11-07"), {ACME: 800 * GB}, arrived=came)
    )
    assert [end // GB for end in ends(usage).values()] == [600, 600, 600, 600, 800, 800]
    assert byte_seconds(usage, "2026-11-05") == 800 * GB * DAY_S


def test_an_upload_before_the_last_sample_counts_from_then() -> None:
    """A row that says nothing of the time of day has second 0."""
    came = [arrival(ACME, at("2026-11-01"), GB)]
    usage = days_of(sample(at("2026-11-01T12:00"), {}), sample(at("2026-11-02"), {"acme": GB}, arrived=came))
    assert byte_seconds(usage, "2026-11-01") == GB * NOON_S


def test_parts_that_are_gone_without_an_object_go_evenly() -> None:
    parts = key_of("acme", state=State.INCOMPLETE)
    came = [arrival(GLOBEX, at("2026-11-02"), 600 * GB)]
    usage = days_of(
        sample(at("2026-11-01"), {parts: 600 * GB}), sample(at("2026-11-03"), {GLOBEX: 600 * GB}, arrived=came)
    )
    assert ends(usage) == {1: 300 * GB, 2: 600 * GB}


# Breaks and early deletions


@pytest.mark.parametrize(
    ("basis", "source", "counted_by"),
    [
        ("acme only", ReportSource.INVENTORY, None),
        ("whole", ReportSource.RECORDINGS, None),
        ("whole", ReportSource.INVENTORY, "its twin"),
    ],
)
def test_what_is_counted_otherwise_is_a_break_and_deletes_nothing_early(
    basis: str, source: ReportSource, counted_by: str | None
) -> None:
    usage = days_of(
        sample(at("2026-11-01"), {"acme": 5 * GB}),
        sample(at("2026-11-03"), {"acme": 5 * GB}),
        sample(at("2026-11-05T12:00"), {"acme": GB}, basis=basis, source=source, counted_by=counted_by),
        sample(at("2026-11-07"), {"acme": GB}, basis=basis, source=source, counted_by=counted_by),
    )
    assert [day.day for day, entry in usage.days.items() if entry.is_break] == [1, 3, 4, 5]
    assert not any(entry.early_deletions for entry in usage.days.values())


def test_early_deletions_are_on_the_day_they_are_noticed() -> None:
    young = key_of("acme", "GLACIER_IR")
    usage = days_of(
        sample(at("2026-11-01"), {young: 5 * GB}),
        sample(at("2026-11-03T01:00"), {}, deleted_early=[early(young, FIRST, 5 * GB)]),
    )
    (deleted,) = usage.days[date(2026, 11, 3)].early_deletions
    assert deleted == EarlyDeletion(key=young, uploaded=FIRST, stock=Stock(1, 5 * GB))


def test_a_second_sample_of_the_same_second_replaces_the_first() -> None:
    usage = usage_days([
        sample(at("2026-11-02"), {"acme": 5 * GB}), sample(at("2026-11-02"), {"acme": GB}),
        sample(at("2026-11-03"), {"acme": GB}),
    ])  # fmt: skip
    assert byte_seconds(usage, "2026-11-02") == GB * DAY_S


def test_volumes_add_up_in_every_amount() -> None:
    amounts = {name: number for number, name in enumerate(Volume.__slots__, 1) if name not in ("stock_seconds", "end")}
    one = Volume(stock_seconds=Stock(1, 2), end=Stock(3), **amounts)
    one.add(Volume(stock_seconds=Stock(4, 5), end=Stock(6), **amounts))
    twice = {name: 2 * amount for name, amount in amounts.items()}
    assert one == Volume(stock_seconds=Stock(5, 7), end=Stock(3), **twice)


# Before the first sample


def test_days_that_only_sums_are_known_of() -> None:
    past = (
        PastRow(
            begin=date(2026, 9, 1), end=date(2026, 9, 30), org="acme", namespace="team", storage_class="STANDARD",
            byte_seconds=30 * GB, uploaded_bytes=4, writes=3, downloaded_bytes=2, size_bytes=GB, estimated=True,
        ),
        PastRow(
            begin=FIRST, end=FIRST, org="acme", namespace="team", storage_class="STANDARD", byte_seconds=GB * NOON_S,
            size_bytes=GB,
        ),
    )  # fmt: skip
    first = sample(at("2026-11-01T12:00"), {"acme": GB}).model_copy(update={"past": past})
    usage = days_of(first, sample(at("2026-11-02"), {"acme": GB}))
    assert list(usage.days) == [date(2026, 9, 1), FIRST]
    month = usage.days[date(2026, 9, 1)]
    assert (month.days, month.estimated, month.counts_downloads) == (30, True, True)
    assert month.volumes[ACME] == Volume(
        stock_seconds=Stock(size_bytes=30 * GB), end=Stock(size_bytes=GB), uploaded_bytes=4, writes=3,
        downloaded_bytes=2,
    )  # fmt: skip
    today = usage.days[FIRST].volumes[ACME]
    assert today.stock_seconds.size_bytes == GB * DAY_S
    assert today.counted_byte_seconds == GB * NOON_S


# Properties

orgs = st.sampled_from(["a", "b", "c"])
levels = st.dictionaries(orgs, st.integers(0, 10**12), max_size=3)
histories = st.lists(st.tuples(st.integers(1, 100), levels), min_size=1, max_size=6)


def history(drawn: list[tuple[int, dict[str, int]]], *, only: str | None = None) -> UsageDays:
    when, samples = at("2026-10-05T05:00"), []
    for hours, held in drawn:
        when += timedelta(hours=hours)
        samples.append(sample(when, {org: size for org, size in held.items() if only in (None, org)}))
    return days_of(*samples)


@PATIENT
@given(drawn=histories)
def test_days_of_all_organisations_are_those_of_each(drawn: list[tuple[int, dict[str, int]]]) -> None:
    together = history(drawn)
    for org in ("a", "b", "c"):
        alone = history(drawn, only=org)
        for day, entry in alone.days.items():
            for key, volume in entry.volumes.items():
                assert together.days[day].volumes[key] == volume
    names = {key.org for entry in together.days.values() for key in entry.volumes}
    assert names <= {"a", "b", "c"}


@PATIENT
@given(drawn=histories)
def test_the_order_of_rows_does_not_matter(drawn: list[tuple[int, dict[str, int]]]) -> None:
    backwards = [(hours, dict(reversed(held.items()))) for hours, held in drawn]
    assert history(drawn).days == history(backwards).days


@PATIENT
@given(
    first=levels,
    last=levels,
    hours=st.integers(2, 200),
    share=st.integers(1, 199),
    uploads=st.lists(st.tuples(orgs, st.integers(1, 10**9), st.integers(0, 199)), max_size=5),
)
def test_a_sample_in_between_on_the_straight_line_changes_nothing(
    first: dict[str, int], last: dict[str, int], hours: int, share: int, uploads: list[tuple[str, int, int]]
) -> None:
    begin = at("2026-10-30T07:00")
    part, end = begin + timedelta(hours=hours * share // 200), begin + timedelta(hours=hours)
    came = [arrival(key_of(org), begin + timedelta(hours=hours) * hour / 200, size) for org, size, hour in uploads]
    came = [row for row in came if _time(row) > begin]

    def held(when: datetime) -> dict[str, int]:
        passed, whole = (when - begin) // timedelta(hours=1), hours
        level = {}
        for org in first.keys() | last.keys() | {row.org for row in came}:
            before, after = first.get(org, 0), last.get(org, 0)
            uploaded = sum(row.size_bytes for row in came if row.org == org and _time(row) <= when)
            level[org] = before + (after - before) * passed // whole + uploaded
        return level

    def taken(*times: datetime) -> UsageDays:
        samples, since = [sample(begin, held(begin))], begin
        for when in times:
            rows = [row for row in came if since < _time(row) <= when]
            samples.append(sample(when, held(when), arrived=rows))
            since = when
        return days_of(*samples)

    once, twice = taken(end), taken(part, end) if begin < part < end else taken(end)
    assert once.days.keys() == twice.days.keys()
    for day, entry in once.days.items():
        for key in entry.volumes.keys() | twice.days[day].volumes.keys():
            one, two = (of.days[day].volumes.get(key, Volume()) for of in (once, twice))
            # A level between two samples is rounded to whole bytes.
            assert abs(one.stock_seconds.size_bytes - two.stock_seconds.size_bytes) <= 3 * DAY_S
            assert (one.uploaded_bytes, one.writes) == (two.uploaded_bytes, two.writes)


def _time(row: ArrivalRow) -> datetime:
    return at(row.day.isoformat()) + timedelta(seconds=row.second)


def test_a_location_has_its_name() -> None:
    assert steady("2026-11-01", "2026-11-02", {}).location == LOCATION
