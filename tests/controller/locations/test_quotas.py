"""The statuses of quotas, and when locations are counted for them."""

from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.quotas import Quota
from recording_operator.controller.locations.quotas import QuotaKeeper
from recording_operator.engine.quotas import CountWish, QuotaReport, QuotaUsage
from recording_operator.kube.errors import ApiUnavailable, Conflict, KubeError
from recording_operator.metrics import Metrics

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SPEC = {"s3": {"bucket": "recordings"}, "quotas": [{"org": "acme", "bytes": "100"}]}


class AtOnce(Executor):
    """Runs in the calling thread."""

    def submit(self, call: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        call(*arguments, **named)
        return Future()


class World:
    """An API server with one location, its Events, and a clock."""

    def __init__(self) -> None:
        self.at = NOW
        self.status: dict[str, Any] = {"conditions": []}
        self.writes = 0
        self.events: list[str] = []
        self.failures: list[KubeError] = []
        self.metrics = Metrics(version="test")
        api: Any = self
        self.keeper = QuotaKeeper(kube=api, events=api, metrics=self.metrics, pool=AtOnce(), uptime=lambda: self.at)

    def get_location(self, name: str) -> dict[str, Any]:
        meta = {"name": name, "uid": "1", "generation": 1, "resourceVersion": "7"}
        return {"metadata": meta, "spec": SPEC, "status": dict(self.status)}

    def patch_location_status(self, _name: str, *, resource_version: str, status: dict[str, Any]) -> dict[str, Any]:
        assert resource_version == "7"
        if self.failures:
            raise self.failures.pop()
        self.writes += 1
        self.status |= status
        return {}

    def emit(self, _regarding: Any, **event: Any) -> None:
        self.events.append(f"{event['event_type']} {event['reason']}: {event['note']}")

    def show(self, *usages: QuotaUsage, after_s: float = 0.0, **wishes: CountWish) -> None:
        self.at += timedelta(seconds=after_s)
        self.keeper.note(QuotaReport(usages=usages, wishes=wishes))
        self.keeper.tick()

    def counted(self, *, after_s: float = 0.0, **wishes: CountWish) -> list[str]:
        """The locations to count."""
        self.show(after_s=after_s, **wishes)
        return sorted(name for need in self.keeper.needs(NOW) for name in need.locations)


def used(size_bytes: int, *, waiting: int = 0, exceeded: bool = False) -> QuotaUsage:
    quota = Quota(org="acme", most_bytes=100)
    return QuotaUsage(
        location="archive", quota=quota, used_bytes=size_bytes, recordings=3, waiting=waiting, exceeded=exceeded
    )


def test_the_status_shows_how_much_is_used() -> None:
    world = World()

    world.show(used(99, waiting=2, exceeded=True))

    assert world.status["conditions"] == []
    [quota] = world.status["quotas"]
    assert quota == {
        "org": "acme", "namespace": "", "bytes": 99, "recordings": 3, "usedPercent": 99, "waiting": 2, "exceeded": True,
    }  # fmt: skip
    assert 'quota_used_ratio{kind="org",location="archive",owner="acme"} 0.99' in world.metrics.render().decode()


def test_it_is_written_once_a_minute_at_most() -> None:
    world = World()
    for second in range(119):
        world.show(used(second), after_s=1)

    assert world.writes == 2


def test_a_quota_that_is_exceeded_is_written_at_once_and_told_once_each_time() -> None:
    world = World()
    world.show(used(50))
    world.show(used(99, exceeded=True), after_s=1)
    world.show(used(100, exceeded=True), after_s=100)
    world.show(used(60), after_s=1)

    assert world.writes == 4
    assert world.events == [
        "Warning QuotaExceeded: The quota of organisation acme is used to 99%, and has no room for a Recording.",
        "Normal QuotaAvailable: The quota of organisation acme is used to 60%. There is room again.",
    ]


def test_another_operator_does_not_repeat_the_event() -> None:
    world = World()
    world.show(used(100, exceeded=True))
    next_one = World()
    next_one.status = world.status

    next_one.show(used(100, exceeded=True))

    assert (next_one.events, next_one.writes) == ([], 0)


@pytest.mark.parametrize("error", [Conflict("no"), ApiUnavailable("no")])
def test_a_write_that_fails_is_repeated(error: KubeError) -> None:
    world = World()
    world.failures = [error]

    world.show(used(1))
    world.show(used(2), after_s=60)

    assert world.status["quotas"][0]["bytes"] == 2


def test_a_quota_that_was_removed_leaves_status_and_metrics() -> None:
    world = World()
    world.show(used(1))

    world.show()

    assert world.status["quotas"] == []
    assert "quota_used_ratio{" not in world.metrics.render().decode()


def test_a_location_whose_usage_is_unknown_is_counted_at_once_and_less_often_if_that_fails() -> None:
    world = World()
    times = [at for at in range(100) if world.counted(after_s=1, archive=CountWish.UNKNOWN)]

    assert times[0] == 0
    assert 3 <= len(times) <= 5


def test_while_recordings_wait_it_is_counted_every_ten_minutes_and_soon_after_a_deletion() -> None:
    world = World()
    assert world.counted(archive=CountWish.WAITING) == []
    assert world.counted(after_s=599, archive=CountWish.WAITING) == []
    assert world.counted(after_s=1, archive=CountWish.WAITING) == ["archive"]
    assert world.counted(after_s=1, archive=CountWish.FREED) == []
    assert world.counted(after_s=30, archive=CountWish.FREED) == ["archive"]


def test_long_counts_are_made_less_often() -> None:
    world = World()
    assert world.counted(archive=CountWish.FREED) == ["archive"]
    assert world.counted(after_s=60, archive=CountWish.FREED) == []  # the count took a minute
    assert world.counted(after_s=19 * 60, archive=CountWish.FREED) == []
    assert world.counted(after_s=60, archive=CountWish.FREED) == ["archive"]
