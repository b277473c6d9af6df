"""Directories of which one contains the other."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.overlaps import overlapping
from recording_operator.controller.locations.prober import LocationProber
from recording_operator.controller.locations.record import ProbeResult
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.metrics import Metrics
from tests.support.events import NotedEvents
from tests.support.inline_pool import InlinePool


def at(path: str | None, name: str = "a", *, day: int = 1) -> StorageLocation:
    """A location with this directory, or one with a bucket."""
    store = {"s3": {"bucket": "recordings"}} if path is None else {"filesystem": {"path": path}}
    created = datetime(2026, 11, day, tzinfo=UTC)
    return StorageLocation.model_validate(
        {"metadata": {"name": name, "uid": name, "creationTimestamp": created}, "spec": store}
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "overlap"),
    [
        ("/data/a", "/data", True),
        ("/data", "/data/a/b", True),
        ("/data/a", "/data/ab", False),
        ("/data/a", "/data/a", False),
        ("/data/a", None, False),
        (None, "/data", False),
    ],
)
def test_one_directory_in_another(mine: str | None, theirs: str | None, overlap: bool) -> None:
    other = at(theirs, "other")
    assert overlapping(at(mine, day=2), [other]) is (other if overlap else None)


def test_the_older_one_is_used() -> None:
    older, younger = at("/data", "z"), at("/data/a", "a", day=2)
    assert overlapping(older, [older, younger]) is None
    assert overlapping(younger, [older, younger]) is older


def test_of_two_that_were_created_at_once_the_name_decides() -> None:
    first, second = at("/data", "a"), at("/data/a", "b")
    assert (overlapping(first, [second]), overlapping(second, [first])) == (None, first)


def test_the_younger_location_is_not_ready_until_the_older_one_is_gone() -> None:
    probed: list[str] = []

    class Prober:
        def probe(self, _: object, location: StorageLocation) -> ProbeResult:
            probed.append(location.metadata.name)
            return ProbeResult(reason=Reason.PROBE_SUCCEEDED, message="it works")

    class Written:
        def write(self, location: StorageLocation, result: ProbeResult) -> None:
            self.last = (location.metadata.name, result.reason, result.message)

    written, metrics = Written(), Metrics(version="test")
    keeper = LocationKeeper(
        prober=cast("LocationProber", Prober()),
        lifecycle=LifecycleApplier(events=NotedEvents()),
        status=cast("LocationStatusWriter", written),
        post=lambda _: None,
        pool=InlinePool(),
        metrics=metrics,
        bandwidth=BandwidthLimits(operator_limit=None, metrics=metrics),
        probe_interval=timedelta(minutes=10),
        retry_interval=timedelta(minutes=1),
    )
    for location in (at("/data", "older"), at("/data/a", "younger", day=2)):
        keeper.seen(location.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert (probed, written.last[:2]) == (["older"], ("younger", Reason.PATH_OVERLAPS))
    assert "the path of StorageLocation older" in written.last[2]
    keeper.gone("older", uid="older")
    keeper.probe("younger")
    assert written.last[:2] == ("younger", Reason.PROBE_SUCCEEDED)
