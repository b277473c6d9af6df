"""The scenarios of Recordings while their operator is killed. Each runs to its end, with any operator.

A scenario waits only for facts, not for a certain operator, because at any moment one operator may end and the next one
take over.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from recording_operator.kube.rest import MERGE_PATCH
from tests.e2e.chaos import on_disk
from tests.e2e.chaos.announced import announced
from tests.e2e.chaos.copied import copied, copied_before
from tests.e2e.chaos.orphaned import orphaned, orphaned_before
from tests.e2e.chaos.refreshed import refreshed
from tests.e2e.chaos.reported import migration, migration_before, report, report_before
from tests.e2e.chaos.sent import sent, unwanted
from tests.e2e.chaos.stage import Stage
from tests.support.recordings import MIB, Artifact, Live, an_artifact, from_media, inline, media_url
from tests.support.waiting import eventually
from tests.support.world import Expected, World

Story = Callable[[Stage], None]
PATIENCE_S: Final = 60.0
LARGE: Final = 20 * MIB
LOCATIONS: Final = "/apis/recordings.dev/v1alpha1/storagelocations"


def a_large_one(world: World, name: str = "large", rate: str = "4MB", **spec: Any) -> Live:
    """Three parts that take a second or two."""
    return world.create(from_media(world.media, size_bytes=LARGE, rate=rate), name=name, **spec)


def start(stage: Stage) -> None:
    """The operator comes up; a Recording that was there before is stored."""
    stage.world.create(inline('{"title": "stand-up"}'), name="waiting").wait_phase("Complete", within_s=PATIENCE_S)


def take_over_before(stage: Stage) -> None:
    """An earlier leader was killed."""
    first = stage.launch()
    stage.wait_leader()
    stage.world.kill(first)


def small(stage: Stage) -> None:
    """One PutObject."""
    world = stage.world
    world.create(from_media(world.media, size_bytes=MIB), name="small").wait_phase("Complete", within_s=PATIENCE_S)


def retitled(stage: Stage) -> None:
    """A title, and then another one."""
    world = stage.world
    recording = world.create(inline("{}"), name="retitled", title="stand-up")
    recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    before = recording.status()["manifestRevision"]
    recording.edit(title="Weekly sync")
    recording.wait(
        lambda status: status.get("settled") is True and status["manifestRevision"] != before,
        what="another manifest",
        within_s=PATIENCE_S,
    )


def rebuilt_before(stage: Stage) -> None:
    """A Recording with two artifacts is lost with its operator, and created again with its identity."""
    world, first = stage.world, stage.launch()
    stage.wait_leader()
    lost = world.create(inline("{}"), from_media(world.media, size_bytes=MIB), name="rebuilt", title="stand-up")
    lost.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    world.kill(first)
    identity = {"uid": lost.uid, "createdAt": lost.read()["metadata"]["creationTimestamp"]}
    stored = world.expected.pop(lost.uid).artifacts
    lost.delete()
    lost.wait_gone(within_s=PATIENCE_S)
    known = [
        Artifact(
            spec={key: one[key] for key in ("name", "kind", "contentType") if key in one}, expected=stored[one["name"]]
        )
        for one in lost.spec["artifacts"]
    ]
    world.create(*known, name="rebuilt", title="stand-up", identity=identity)


def rebuilt(stage: Stage) -> None:
    """Nothing is transferred: the objects are found."""
    served = len(stage.world.media.served)
    recording = only(stage.world)
    recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    assert recording.status()["phase"] == "Complete"
    assert len(stage.world.media.served) == served


def large(stage: Stage) -> None:
    """A multipart upload of three parts."""
    a_large_one(stage.world).wait_phase("Complete", within_s=PATIENCE_S)


def resume_before(stage: Stage) -> None:
    """An operator is killed in the middle of an upload."""
    first = stage.launch()
    a_large_one(stage.world, name="resumed").wait_upload()
    stage.world.kill(first)


def resume(stage: Stage) -> None:
    """The upload of the killed operator continues."""
    only(stage.world).wait_phase("Complete", within_s=PATIENCE_S)


def several(stage: Stage) -> None:
    """Three artifacts that end one after another."""
    world = stage.world
    artifacts = [
        inline("{}"),
        from_media(world.media, name="audio", ending="m4a", size_bytes=MIB, rate="512KB"),
        from_media(world.media, size_bytes=LARGE, rate="2MB"),
    ]
    world.create(*artifacts, name="several").wait_phase("Complete", within_s=PATIENCE_S)


def placed_before(stage: Stage) -> None:
    """Two locations share the Recordings that name none."""
    world = stage.world
    world.edit_location(placement={"weight": 90})
    first = world.admin.request("GET", f"{LOCATIONS}/{world.location}")
    spec = {**first["spec"], "s3": {**first["spec"]["s3"], "prefix": "other/"}, "placement": {"weight": 90}}
    other = {**first, "metadata": {"name": f"{world.location}-other"}, "spec": spec}
    world.admin.request("POST", LOCATIONS, body=other)


def placed(stage: Stage) -> None:
    """No location is named. The weights change after the operator was killed; what a claim has named stays."""
    world = stage.world
    recording = world.create(from_media(world.media, size_bytes=MIB), name="placed", storageLocation=None)
    if (bombed := stage.bombed) is not None:
        eventually(lambda: bombed.killed_itself, within_s=PATIENCE_S, what="killed")
    named = recording.status().get("storageLocation")
    for name, weight in ((world.location, 0), (f"{world.location}-other", 1000)):
        world.edit_location(name, placement={"weight": weight})
    status = recording.wait_phase("Complete", within_s=PATIENCE_S)
    assert status["storageLocation"] == (named or status["storageLocation"])
    places = {version["status"].get("storageLocation") for version in recording.versions() if "status" in version}
    assert places <= {None, status["storageLocation"]}, f"it was placed at {places}"


def moved_before(stage: Stage) -> None:
    """Two locations in the bucket of the test, of which both delete what was moved away."""
    world = stage.world
    world.edit_location(moves={"from": "Delete"})
    first = world.admin.request("GET", f"{LOCATIONS}/{world.location}")
    spec = {**first["spec"], "s3": {**first["spec"]["s3"], "prefix": "moved/"}}
    world.admin.request(
        "POST", LOCATIONS, body={**first, "metadata": {"name": f"{world.location}-moved"}, "spec": spec}
    )


def moved(stage: Stage) -> None:
    """A large and a small object go to another location."""
    world, to = stage.world, f"{stage.world.location}-moved"
    recording = world.create(from_media(world.media, size_bytes=LARGE), inline("{}"), name="moved")
    recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    recording.edit(storageLocation=to)
    recording.wait(
        lambda status: status.get("storageLocation") == to and status.get("settled") is True,
        what="moved",
        within_s=PATIENCE_S,
    )
    phases = [version.get("status", {}).get("phase") for version in recording.versions()]
    assert set(phases[phases.index("Complete") :]) == {"Complete"}, "it was not readable all the time"


def refused(stage: Stage) -> None:
    """A source that never shakes hands: two retries, then Failed."""
    world = stage.world
    url = media_url(world.media, "video.mp4", size_bytes=MIB).replace("http:", "https:")
    refused_one = world.create(an_artifact("video", None, source={"url": url}), name="refused")
    refused_one.wait_phase("Failed", reason="SourceTLSError", within_s=PATIENCE_S)


def expired(stage: Stage) -> None:
    """A URL that expired, then a fresh one."""
    world = stage.world
    recording = world.create(from_media(world.media, size_bytes=MIB, valid_s=-60), name="expired")
    recording.wait_phase("Pending", reason="SourceExpired", within_s=PATIENCE_S)
    recording.edit_source(url=media_url(world.media, "video.mp4", size_bytes=MIB))
    recording.wait_phase("Complete", within_s=PATIENCE_S)


def suspended(stage: Stage) -> None:
    """Held back in the middle of an upload, then let go."""
    recording = a_large_one(stage.world, name="suspended")
    recording.wait_upload()
    recording.edit(suspend=True)
    recording.wait_phase("Pending", reason="Suspended", within_s=PATIENCE_S)
    recording.edit(suspend=False)
    recording.wait_phase("Complete", within_s=PATIENCE_S)


def cancelled(stage: Stage) -> None:
    """Given up in the middle of an upload."""
    world = stage.world
    recording = a_large_one(world, name="cancelled")
    recording.wait_upload()
    recording.edit(cancel=True)
    recording.wait_phase("Failed", reason="Cancelled", within_s=PATIENCE_S)
    recording.wait(lambda status: not named_uploads(status), what="no upload named", within_s=PATIENCE_S)
    expect_nothing(world, recording)


def drain(stage: Stage) -> None:
    """SIGTERM in the middle of an upload."""
    recording = a_large_one(stage.world, name="drained", rate="2MB")
    recording.wait_upload()
    if stage.bombed is not None:
        stage.bombed.terminate()
    recording.wait_phase("Complete", within_s=PATIENCE_S)


def deleted(stage: Stage) -> None:
    """Stored with deletionPolicy Delete, then deleted; another is deleted in the middle of its upload."""
    world = stage.world
    whole = world.create(inline("{}"), name="deleted", deletionPolicy="Delete")
    whole.wait_phase("Complete", within_s=PATIENCE_S)
    begun = a_large_one(world, name="deleted-early", deletionPolicy="Delete")
    begun.wait_upload()
    for recording in (whole, begun):
        recording.delete()
        world.removed.add(recording.uid)
    for recording in (whole, begun):
        recording.wait_gone(within_s=PATIENCE_S)


def limited_before(stage: Stage) -> None:
    """The location has a quota with room for one Recording."""
    world = stage.world
    world.edit_location(quotas=[{"org": "limited", "bytes": str(MIB + MIB // 2)}])


def limited(stage: Stage) -> None:
    """One of two is stored, and the other one when the first was deleted."""
    world = stage.world
    some = {
        name: world.create(
            from_media(world.media, size_bytes=MIB), name=name, owner={"org": "limited"}, deletionPolicy="Delete"
        )
        for name in ("first", "second")
    }

    def one_waits() -> bool:
        states = {(live.status().get("phase"), live.status().get("reason")) for live in some.values()}
        return states == {("Complete", "Stored"), ("Pending", "QuotaExceeded")}

    eventually(one_waits, within_s=PATIENCE_S, what="one stored, and one that waits")
    stored = next(live for live in some.values() if live.status()["phase"] == "Complete")
    [waits] = [live for live in some.values() if live is not stored]
    stored.delete()
    world.removed.add(stored.uid)
    waits.wait_phase("Complete", within_s=2 * PATIENCE_S)


def short_lived(stage: Stage) -> None:
    """Its Kubernetes object goes after a second; what is stored stays."""
    recording = stage.world.create(inline("{}"), name="short-lived", ttlAfterFinished="1s")
    recording.wait_phase("Complete", within_s=PATIENCE_S)
    recording.wait_gone(within_s=PATIENCE_S)


def aged_before(stage: Stage) -> None:
    """What is stored expires after a day."""
    stage.world.edit_location(lifecycle={"rules": [{"expireAfterDays": 1}]})


def aged(stage: Stage) -> None:
    """It ended two days ago: its objects expire, and then it says so."""
    world = stage.world
    recording = world.create(inline("{}"), from_media(world.media, size_bytes=MIB), name="aged")
    recording.wait(lambda status: status.get("settled") is True, what="settled", within_s=PATIENCE_S)
    ended = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    patch = {"status": {"completedAt": ended}}
    world.admin.request("PATCH", f"{recording.path}/status", body=patch, content_type=MERGE_PATCH)
    recording.wait(
        lambda status: status.get("reason") == "Expired" and status.get("settled") is True,
        what="expired",
        within_s=PATIENCE_S,
    )
    assert recording.status()["completedAt"] == ended


def left_over(stage: Stage) -> None:
    """An upload whose Recording no longer exists is swept."""
    world, stranger = stage.world, uuid.uuid4()
    key = f"acme/{world.namespace}/gone/{stranger}/video.mp4"
    upload = world.s3.client().create_multipart_upload(Bucket=world.bucket, Key=key)["UploadId"]
    eventually(lambda: upload not in {name for _, name in world.open_uploads()}, within_s=PATIENCE_S, what="swept")


def only(world: World) -> Live:
    """The test's one Recording."""
    (expected,) = world.expected.values()
    return expected.live


def expect_nothing(world: World, recording: Live) -> None:
    """Nothing of it may be stored."""
    world.expected[recording.uid] = Expected(live=recording, artifacts={})


def named_uploads(status: dict[str, object]) -> list[str]:
    """Uploads that a status names."""
    artifacts: list[dict[str, str]] = status.get("artifacts", [])  # type: ignore[assignment]
    return [one["uploadId"] for one in artifacts if one.get("uploadId")]


STORIES: Final[dict[str, Story]] = {
    "start": start,
    "first": start,
    "take-over": start,
    "small": small,
    "retitled": retitled,
    "rebuilt": rebuilt,
    "large": large,
    "resume": resume,
    "several": several,
    "placed": placed,
    "moved": moved,
    "refused": refused,
    "expired": expired,
    "suspended": suspended,
    "cancelled": cancelled,
    "drain": drain,
    "deleted": deleted,
    "limited": limited,
    "copied": copied,
    "sent": sent,
    "unwanted": unwanted,
    "refreshed": refreshed,
    "short-lived": short_lived,
    "aged": aged,
    "left-over": left_over,
    "orphaned": orphaned,
    "report": report,
    "migration": migration,
    "announced": announced,
    "disk": on_disk.on_disk,
    "disk-resume": on_disk.disk_resume,
    "disk-cancelled": on_disk.disk_cancelled,
    "disk-deleted": on_disk.disk_deleted,
    "disk-left-over": on_disk.disk_left_over,
    "there-and-back": on_disk.there_and_back,
}
BEFORE: Final[dict[str, Story]] = {
    "take-over": take_over_before,
    "resume": resume_before,
    "rebuilt": rebuilt_before,
    "placed": placed_before,
    "limited": limited_before,
    "copied": copied_before,
    "aged": aged_before,
    "moved": moved_before,
    "orphaned": orphaned_before,
    "report": report_before,
    "migration": migration_before,
    "disk": on_disk.disk_before,
    "disk-resume": on_disk.disk_resume_before,
    "disk-cancelled": on_disk.disk_before,
    "disk-deleted": on_disk.disk_before,
    "disk-left-over": on_disk.disk_before,
    "there-and-back": on_disk.there_and_back_before,
}
AT_START: Final = frozenset({"start", "first", "take-over"})
"""Scenarios whose operator dies before it is ready. Before that there can be no standby."""
