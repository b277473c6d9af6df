"""The orphans of a count in the status of a StorageLocation."""

from typing import Any, cast

from recording_operator.api.storagelocation_orphans import OrphansStatus
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict
from tests.engine.builders import START, a_location


class BusyApi:
    """An API server with one location, whose status others write at the same time."""

    def __init__(self, *, conflicts: int) -> None:
        self.conflicts = conflicts
        self.written: list[Any] = []

    def get_location(self, name: str) -> dict[str, Any]:
        """The location."""
        return {"metadata": {"name": name, "uid": f"location-{name}", "resourceVersion": "7"}}

    def patch_location_status(self, _name: str, *, resource_version: str, status: dict[str, Any]) -> None:
        """A write that may come too late."""
        assert resource_version == "7"
        self.conflicts -= 1
        if self.conflicts >= 0:
            raise Conflict("another client was faster")
        self.written.append(status)


def written(*, conflicts: int) -> list[Any]:
    api = BusyApi(conflicts=conflicts)
    writer = LocationStatusWriter(cast("KubeApi", api), now=lambda: START)
    writer.write_orphans(a_location(), OrphansStatus(objects=1, bytes=10, counted_time=START))
    return api.written


def test_a_write_at_the_same_time_as_another_is_repeated() -> None:
    assert written(conflicts=1) == [{"orphans": {"objects": 1, "bytes": 10, "countedTime": "2026-11-21T09:00:00Z"}}]


def test_it_is_left_to_the_next_count_if_that_never_ends() -> None:
    assert written(conflicts=9) == []
