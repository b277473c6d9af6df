"""What a move leaves to others: objects under retention, quotas, presigned URLs, reports, and what kubectl shows."""

import re
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.cli import main
from tests.e2e.test_moves import check_always_complete, other_prefix, wait_moved
from tests.support.recordings import MIB, Live, artifact_of, from_media, inline, media_body
from tests.support.reports import ReportFactory
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

SIZE = 2 * MIB


def settled(recording: Live) -> dict[str, Any]:
    """Its status when nothing is left to do."""
    return recording.wait(lambda status: status.get("settled") is True, what="settled")


def locked_bucket(world: World) -> str:
    """A location whose objects no client may delete for a day."""
    bucket, client = f"{world.namespace}-locked", world.s3.client()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lock = {"mode": "Governance", "retainDays": 1}
    return world.make_location(spec={"s3": {"bucket": bucket, "objectLock": lock}, "moves": {"from": "Delete"}})


def conditions_of(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By type."""
    return {one["type"]: one for one in status["conditions"]}


def test_a_move_is_done_although_a_lock_keeps_the_old_objects(world: World) -> None:
    locked = locked_bucket(world)
    recording = world.create(from_media(world.media, size_bytes=SIZE), inline("{}"), location=locked)
    old = artifact_of(settled(recording), "video")

    recording.edit(storageLocation=world.location)
    status = wait_moved(recording, world.location)

    assert (status["phase"], status["reason"], status["progress"]) == ("Complete", "Stored", "100%")
    kept = conditions_of(status)["OldObjectsRemoved"]
    assert (kept["status"], kept["reason"]) == ("False", "OldObjectsKept")
    assert kept["message"].startswith(f"The objects at {locked} are not removed: ")
    assert "protected by Object Lock (GOVERNANCE) until" in kept["message"]
    assert kept["message"].endswith(f"The Recording uses those at {world.location}.")
    world.wait_events("meeting", "Uploading", "Stored", "Moving", "OldObjectsKept", "Stored")
    world.s3.client().head_object(Bucket=f"{world.namespace}-locked", Key=old["key"], VersionId=old["versionId"])
    check_always_complete(recording)
    # It is still known after other edits, and gone after the next move.
    recording.edit(title="Weekly sync")
    again = recording.wait(
        lambda status: status.get("settled") is True and status["manifestRevision"] != old.get("manifestRevision"),
        what="the title in the manifest",
    )
    assert conditions_of(again)["OldObjectsRemoved"]["message"] == kept["message"]
    world.edit_location(moves={"from": "Delete"})
    other = other_prefix(world, "other/")
    recording.edit(storageLocation=other)
    assert "OldObjectsRemoved" not in conditions_of(wait_moved(recording, other))


def used(world: World, location: str) -> float:
    """Share of the location's only quota that is used; -1 while it was not counted."""
    name = re.escape(location)
    line = rf'^recording_operator_quota_used_ratio{{[^}}]*location="{name}"[^}}]*}} (\S+)$'
    found = re.search(line, world.running[0].metrics(), re.MULTILINE)
    return float(found[1]) if found else -1.0


def wait_used(world: World, location: str, share: float) -> None:
    """Wait until so much is used. A manifest is some hundred bytes."""
    eventually(
        lambda: used(world, location) == pytest.approx(share, abs=0.01),
        within_s=60,
        what=f"{share} of the quota of {location}",
    )


def test_a_move_waits_for_room_and_counts_once(world: World) -> None:
    world.edit_location(moves={"from": "Delete"}, quotas=[{"org": "acme", "bytes": str(4 * SIZE)}])
    small = other_prefix(world, "small/", quotas=[{"org": "acme", "bytes": str(SIZE // 2)}])
    recording = world.create(from_media(world.media, size_bytes=SIZE), inline("{}"))
    settled(recording)
    wait_used(world, world.location, 0.25)

    recording.edit(storageLocation=small)
    status = recording.wait(lambda status: "quota" in status.get("message", "").lower(), what="to be held")

    assert (status["phase"], status["reason"], status["storageLocation"]) == ("Complete", "Moving", world.location)
    assert conditions_of(status)["Reconciling"]["message"] == status["message"]
    wait_used(world, small, 0.0)
    wait_used(world, world.location, 0.25)
    world.edit_location(small, quotas=[{"org": "acme", "bytes": str(2 * SIZE)}])
    wait_moved(recording, small)
    wait_used(world, small, 0.5)
    wait_used(world, world.location, 0.0)
    check_always_complete(recording)


def test_presigned_urls_reports_and_kubectl_follow_a_move(world: World, report: ReportFactory) -> None:
    world.edit_location(moves={"from": "Delete"})
    other = other_prefix(world, "other/")
    recording = world.create(from_media(world.media, size_bytes=SIZE))
    settled(recording)
    before = presigned(world)

    recording.edit(storageLocation=other)
    wait_moved(recording, other)

    after = presigned(world)
    assert f"/{world.bucket}/other/" in after
    assert f"/{world.bucket}/other/" not in before
    with urlopen(after, timeout=10) as response:
        assert response.read() == media_body("video.mp4", SIZE)
    shown = world.cluster.kubectl("get", "recordings", "--namespace", world.namespace, "--output=wide").splitlines()
    row = dict(zip(shown[0].split(), shown[1].split(), strict=False))
    assert (row["NAME"], row["PHASE"], row["PROGRESS"]) == ("meeting", "Complete", "100%")
    assert other in shown[1].split()
    assert world.location not in shown[1].split()
    described = world.cluster.kubectl("describe", "recording", "meeting", f"--namespace={world.namespace}")
    assert f"Storage Location:  {other}" in described
    totals = {name: report(name).wait_refreshed()["totals"] for name in (world.location, other)}
    assert totals[world.location]["recordings"] == 0
    assert totals[other]["recordings"] == 1


def presigned(world: World) -> str:
    """The URL of the video, from the command line."""
    command = ["presign", f"{world.namespace}/meeting", "video", "--operator-namespace", OPERATOR_NAMESPACE]
    result = CliRunner().invoke(main, [*command, "--kubeconfig", str(world.cluster.kubeconfig)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()
