"""Orphans on a real API server and a real S3 server: a count shows them in the status of their location."""

import uuid

import pytest

from tests.support.recordings import inline
from tests.support.reports import ReportFactory
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


def test_orphans_are_counted_and_what_a_manifest_describes_is_none(world: World, report: ReportFactory) -> None:
    world.edit_location(manifest={"enabled": True}, orphans={"action": "Delete"})
    ended = world.create(inline("{}"), ttlAfterFinished="1s")
    prefix = str(ended.wait_phase("Complete")["prefix"])
    ended.wait_gone(within_s=30)
    orphan = f"{prefix.replace(ended.uid, str(uuid.uuid4()))}video.mp4"
    world.s3.client().put_object(Bucket=world.bucket, Key=orphan, Body=b"12345")
    world.foreign_keys.add(orphan)

    made = report(world.location)
    made.wait_refreshed()
    made.edit(refreshToken="later than the object")
    status = made.wait_refreshed("later than the object")

    assert status["totals"]["orphanedBytes"] == 5, status["totals"]
    path = f"/apis/recordings.dev/v1alpha1/storagelocations/{world.location}"

    def found() -> dict[str, object]:
        return dict(world.admin.request("GET", path).get("status", {}).get("orphans", {}))

    eventually(lambda: found().get("objects") == 1, within_s=20, what="orphans in the status")
    assert found() == {"objects": 1, "bytes": 5, "countedTime": status["asOf"]}
    metric = f'recording_operator_location_orphaned_bytes{{location="{world.location}"}} 5.0'
    assert metric in world.running[0].metrics()
