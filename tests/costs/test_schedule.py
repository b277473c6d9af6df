"""When a report is due."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.costs.schedule import ScheduleError, last_time, missed_time, next_time
from tests.usage.sampling import PATIENT, at


def test_midnight_in_utc() -> None:
    assert next_time("0 0 * * *", "UTC", after=at("2026-11-21T09:00")) == at("2026-11-22")
    assert last_time("0 0 * * *", "UTC", until=at("2026-11-21T09:00")) == at("2026-11-21")


def test_the_scheduled_second_itself_counts_as_come() -> None:
    assert last_time("0 0 * * *", "UTC", until=at("2026-11-21")) == at("2026-11-21")
    assert next_time("0 0 * * *", "UTC", after=at("2026-11-21")) == at("2026-11-22")
    assert last_time("0 0 * * *", "UTC", until=at("2026-11-20T23:59:59.9")) == at("2026-11-20")


def test_midnight_in_london_moves_with_the_season() -> None:
    assert next_time("0 0 * * *", "Europe/London", after=at("2026-07-01T12:00")) == at("2026-07-01T23:00")
    assert next_time("0 0 * * *", "Europe/London", after=at("2026-12-01T12:00")) == at("2026-12-02")


def test_an_hour_that_is_skipped_runs_at_the_change_and_one_that_comes_twice_once() -> None:
    # 29 March 2026: 01:00 to 02:00 does not exist in London. 25 October: it comes twice.
    spring = next_time("30 1 * * *", "Europe/London", after=at("2026-03-28T12:00"))
    assert at("2026-03-29T01:00") <= spring <= at("2026-03-29T01:30")
    autumn = next_time("30 1 * * *", "Europe/London", after=at("2026-10-24T12:00"))
    after = next_time("30 1 * * *", "Europe/London", after=autumn)
    assert autumn.date() == at("2026-10-25").date()
    assert after == at("2026-10-26T01:30")


@pytest.mark.parametrize("day", ["2026-01-31", "2028-02-29", "2026-12-31"])
def test_the_last_of_a_month(day: str) -> None:
    begin = at(day)
    assert next_time("59 23 * * *", "UTC", after=begin) == begin + timedelta(hours=23, minutes=59)
    assert next_time("0 0 1 * *", "UTC", after=begin) == begin + timedelta(days=1)


def test_the_29th_of_february_waits_for_a_leap_year() -> None:
    assert next_time("0 0 29 2 *", "UTC", after=at("2026-01-01")) == at("2028-02-29")


def test_however_many_were_missed_it_is_one() -> None:
    now = at("2026-11-21T09:00")
    assert missed_time("0 0 * * *", "UTC", acted_on=at("2026-11-01"), now=now) == at("2026-11-21")
    assert missed_time("0 0 * * *", "UTC", acted_on=at("2026-11-21"), now=now) is None
    assert missed_time("0 0 * * *", "UTC", acted_on=None, now=now) == at("2026-11-21")


@pytest.mark.parametrize(
    ("schedule", "zone", "words"),
    [
        ("75 0 * * *", "UTC", "bad minute"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),
        ("0 0 * * *", "Mars/Base", "time zone Mars/Base is unknown"),
        ("0 0 * * *", "../../etc/passwd", "is unknown"),
        ("0 0 * * * *", "UTC", "Write five fields"),
        ("", "UTC", "Write five fields"),
    ],
)
def test_an_impossible_schedule_is_reported(schedule: str, zone: str, words: str) -> None:
    with pytest.raises(ScheduleError, match=words):
        next_time(schedule, zone, after=at("2026-11-21"))


@PATIENT
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    when=st.datetimes(min_value=at("2025-01-01").replace(tzinfo=None), max_value=at("2030-01-01").replace(tzinfo=None)),
)
def test_a_daily_schedule_comes_daily(minute: int, hour: int, zone: str, when: object) -> None:
    start = at(str(when).replace(" ", "T")[:19])
    schedule = f"{minute} {hour} * * *"
    coming = next_time(schedule, zone, after=start)
    assert timedelta(0) < coming - start <= timedelta(hours=26)
    assert last_time(schedule, zone, until=start) <= start
