"""Which locations are counted, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.usage.errors import CountStopped
from recording_operator.controller.usage.keeper import LONGEST_ROUND, Need, UsageKeeper, owner_usage
from recording_operator.engine.facts import OwnerUsage, UsageCountBegan, UsageCounted, UsageNotCounted
from recording_operator.errors import LocationError
from recording_operator.stores.errors import StoreError
from recording_operator.usage.sample import UsageSample
from tests.controller.usage.world import CountingWorld

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOT_CHECKED = LocationError(Reason.LOCATION_NOT_READY, "It has not been checked yet.")


def a_keeper(world: CountingWorld, **more: Any) -> UsageKeeper:
    keeper = world.keeper(**{"interval": DAY, **more})
    keeper.is_round_due(NOON - LONGEST_ROUND)
    return keeper


def counted(world: CountingWorld, name: str) -> list[datetime]:
    return sorted(world.archive.kept.get(name, {}))


@pytest.fixture
def keeper(world: CountingWorld) -> UsageKeeper:
    """Of two locations with prefixes of their own, without a round for an hour."""
    world.location("one", s3={"prefix": "one/"})
    world.location("two", s3={"prefix": "two/"})
    keeper = world.keeper(interval=DAY)
    keeper.is_round_due(NOON + 10 * DAY)
    return keeper


def test_a_new_report_counts_only_what_was_never_counted(world: CountingWorld, keeper: UsageKeeper) -> None:
    keeper.update([Need(locations=frozenset({"one"}))], world.locations, now=NOON)
    assert (counted(world, "one"), counted(world, "two")) == ([NOON], [])
    keeper.update([Need()], world.locations, now=NOON + HOUR)
    assert (counted(world, "one"), counted(world, "two")) == ([NOON], [NOON + HOUR])
    keeper.update([Need()], world.locations, now=NOON + DAY + timedelta(seconds=1))
    assert counted(world, "one") == [NOON, NOON + DAY + timedelta(seconds=1)], "older than the interval"


def test_a_scheduled_time_needs_a_sample_that_is_not_older(world: CountingWorld, keeper: UsageKeeper) -> None:
    at_noon = Need(since=NOON)
    keeper.update([at_noon], world.locations, now=NOON)
    keeper.update([at_noon], world.locations, now=NOON + HOUR)
    assert counted(world, "one") == [NOON]
    keeper.update([Need(since=NOON + HOUR)], world.locations, now=NOON + 2 * HOUR)
    assert counted(world, "one") == [NOON, NOON + 2 * HOUR]


def test_two_reports_over_one_location_count_it_once(world: CountingWorld, keeper: UsageKeeper) -> None:
    needs = [Need(since=NOON), Need(locations=frozenset({"one"}), since=NOON - HOUR)]
    keeper.update(needs, world.locations, now=NOON)
    keeper.update(needs[::-1], world.locations, now=NOON + HOUR)
    assert counted(world, "one") == [NOON]
    assert world.api.recordings_listed == 1


def test_every_location_is_counted_each_interval_without_any_report(world: CountingWorld) -> None:
    world.location("one")
    keeper = a_keeper(world)
    keeper.update([], world.locations, now=NOON - timedelta(seconds=1))
    assert counted(world, "one") == []
    for hour in range(50):
        now = NOON + hour * HOUR
        if keeper.is_round_due(now):
            keeper.update([], world.locations, now=now)
    assert counted(world, "one") == [NOON, NOON + 25 * HOUR]


def test_a_clock_that_was_ahead_delays_no_round(world: CountingWorld) -> None:
    world.location("one")
    keeper = a_keeper(world)
    assert keeper.is_round_due(NOON + 365 * DAY)
    keeper.update([], world.locations, now=NOON + 365 * DAY)
    assert not keeper.is_round_due(NOON)
    assert keeper.is_round_due(NOON + LONGEST_ROUND)


def test_a_sample_of_the_future_is_left_out_and_does_not_replace_a_count(
    world: CountingWorld, keeper: UsageKeeper
) -> None:
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    keeper.update([Need(since=NOON + 3 * DAY)], world.locations, now=NOON + 3 * DAY)
    # The clock is set right.
    now = world.archive.now = NOON + HOUR
    assert_newest(keeper, world, now, NOON)
    keeper.update([Need(since=now)], world.locations, now=now)
    assert_newest(keeper, world, now, now)
    later = world.archive.now = NOON + 4 * DAY
    keeper.update([Need(since=later)], world.locations, now=later)
    assert_newest(keeper, world, later, later)
    assert world.archive.kept["one"][later].since == NOON + HOUR, "not that of the wrong clock, whose time has come"


def assert_newest(keeper: UsageKeeper, world: CountingWorld, now: datetime, at: datetime) -> None:
    usage = keeper.usage(world.locations[0], now=now)
    assert usage is not None
    assert (usage.newest.at, usage.days.until) == (at, at)


def test_a_failure_is_told_and_the_others_are_kept(world: CountingWorld, keeper: UsageKeeper) -> None:
    world.broken["one"] = NOT_CHECKED
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert (counted(world, "one"), counted(world, "two")) == ([], [NOON])
    assert (keeper.problem("one"), keeper.problem("two")) == ("It has not been checked yet.", None)
    assert keeper.usage(world.locations[0], now=NOON) is None
    del world.broken["one"]
    keeper.update([Need(since=NOON)], world.locations, now=NOON + HOUR)
    assert (counted(world, "one"), counted(world, "two")) == ([NOON + HOUR], [NOON])
    assert keeper.problem("one") is None


def test_samples_that_cannot_be_read_are_a_failure_and_no_beginning(world: CountingWorld, keeper: UsageKeeper) -> None:
    world.archive.failures["one"] = StoreError(Reason.STORE_UNAVAILABLE, "The store did not respond.")
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert (counted(world, "one"), counted(world, "two")) == ([], [NOON])
    assert keeper.problem("one") == "The store did not respond."


def test_twins_are_counted_together(world: CountingWorld) -> None:
    world.location("one")
    world.location("twin")
    keeper = a_keeper(world)
    world.put(NOON - HOUR, 100)
    keeper.update([Need(locations=frozenset({"twin"}), since=NOON - HOUR)], world.locations, now=NOON - HOUR)
    assert [sample.counted_by for name in ("one", "twin") for sample in world.archive.kept[name].values()] == [
        None,
        "one",
    ]


def test_a_count_that_is_stopped_keeps_nothing(world: CountingWorld, keeper: UsageKeeper) -> None:
    world.stopping = True
    with pytest.raises(CountStopped):
        keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert world.archive.kept == {}


def test_samples_are_joined_after_a_count(world: CountingWorld, keeper: UsageKeeper) -> None:
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert world.archive.compacted == ["one", "two"]


def test_what_is_shown_of_a_location_goes_with_it(world: CountingWorld, keeper: UsageKeeper) -> None:
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert world.observed == {"one": NOON, "two": NOON}
    keeper.usage(world.locations[0], now=NOON)
    keeper.update([], world.locations[1:], now=NOON + HOUR)
    assert world.observed["one"] is None


def test_an_account_of_an_earlier_version_is_the_first_sample(world: CountingWorld) -> None:
    class Accounts:
        def first_sample(self, location: Any) -> UsageSample | None:
            return UsageSample(location=location.metadata.name, at=NOON - HOUR, source="Inventory")

    world.location("one")
    keeper = a_keeper(world, first_samples=Accounts())
    keeper.update([Need(since=NOON)], world.locations, now=NOON)
    assert counted(world, "one") == [NOON - HOUR, NOON]
    assert world.archive.kept["one"][NOON].since == NOON - HOUR


def test_every_count_is_told_to_the_quotas(world: CountingWorld, keeper: UsageKeeper) -> None:
    world.broken["one"] = NOT_CHECKED

    keeper.update([Need(since=NOON)], world.locations, now=NOON)

    assert world.posted == [
        UsageCountBegan(locations=frozenset({"one", "two"})),
        UsageNotCounted(location="one", message="It has not been checked yet."),
        UsageCounted(location="two", usage=()),
    ]


def test_quotas_count_what_can_be_read() -> None:
    row = {"org": "acme", "namespace": "team", "class": "STANDARD"}
    stored = [
        {**row, "bytes": 10},
        {**row, "class": "GLACIER", "bytes": 5},
        {**row, "state": "noncurrent", "bytes": 100},
        {**row, "state": "incomplete", "bytes": 1000},
        {**row, "org": "globex", "state": "noncurrent", "bytes": 7},
    ]
    counted_too = [{"org": "acme", "namespace": "team", "recordings": 2}]
    sample = {"location": "one", "at": NOON, "source": "Inventory", "stored": stored, "storedRecordings": counted_too}

    assert owner_usage(UsageSample.model_validate(sample)) == (OwnerUsage("acme", "team", 15, 2),)
