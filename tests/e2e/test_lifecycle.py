"""Lifecycle rules with the whole operator: in the bucket of a strict store, and where no store carries them out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from recording_operator.kube.rest import MERGE_PATCH
from tests.support.ageing import grow_older
from tests.support.lifecycles import a_configuration, foreign_rule
from tests.support.recordings import MIB, Live, from_media, inline
from tests.support.reports import ReportFactory
from tests.support.strict_faults import ErrorResponse, Fault, Meanwhile
from tests.support.strict_store import StrictStore
from tests.support.strict_world import strict_world
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

DAY: Final[dict[str, Any]] = {"rules": [{"expireAfterDays": 1}]}
OFTEN: Final[dict[str, Any]] = {
    "sweep": {"finishedInterval": "1s", "uploadsInterval": "1s", "uploadMinAge": "1s", "manifestsInterval": "1s"},
    "locations": {"probeInterval": "2s", "retryInterval": "1s"},
}
LOCATIONS: Final = "/apis/recordings.dev/v1alpha1/storagelocations"


@pytest.fixture
def strict() -> Iterator[StrictStore]:
    """S3 as AWS documents it."""
    with StrictStore() as store:
        yield store


def status_of(world: World) -> dict[str, Any]:
    """The status of the location."""
    return dict(world.admin.request("GET", f"{LOCATIONS}/{world.location}").get("status", {}))


def wait_applied(world: World, reason: str) -> dict[str, Any]:
    """Wait until the condition LifecycleApplied has this reason."""

    def condition() -> dict[str, Any]:
        conditions = status_of(world).get("conditions", [])
        return next((dict(one) for one in conditions if one["type"] == "LifecycleApplied"), {})

    eventually(lambda: condition().get("reason") == reason, within_s=30, what=f"lifecycle: {reason}")
    return condition()


def make_older(recording: Live, world: World, *, days: int) -> None:
    """Let it have ended some days ago."""
    ended = datetime.now(UTC) - timedelta(days=days)
    patch = {"status": {"completedAt": f"{ended:%Y-%m-%dT%H:%M:%SZ}"}}
    world.admin.request("PATCH", f"{recording.path}/status", body=patch, content_type=MERGE_PATCH)


def wait_expired(recording: Live) -> dict[str, Any]:
    """Wait until it says that it has expired, and is settled."""
    return recording.wait(
        lambda status: status.get("reason") == "Expired" and status.get("settled") is True, what="expired"
    )


def test_the_operator_deletes_where_the_store_has_no_lifecycle(own_world: World, report: ReportFactory) -> None:
    own_world.location = own_world.make_location(spec={"lifecycle": DAY, "manifest": {"enabled": True}})
    own_world.start_operator(**OFTEN)
    assert wait_applied(own_world, "EnforcedByOperator")["status"] == "True"
    assert status_of(own_world)["lifecycle"]["enforcedBy"] == "Operator"
    old = own_world.create(from_media(own_world.media, size_bytes=MIB), inline("{}"), name="old")
    young = own_world.create(inline('{"a": 1}'), name="young")
    for recording in (old, young):
        recording.wait(lambda status: status.get("settled") is True, what="settled")

    make_older(old, own_world, days=2)

    status = wait_expired(old)
    assert (status["phase"], status["progress"], "manifestUri" in status) == ("Complete", "Expired", False)
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert (conditions["Ready"], conditions["Stored"], conditions["Stalled"]) == ("True", "False", "False")
    shown = own_world.cluster.kubectl("get", "recordings", "--namespace", own_world.namespace).splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [["old", "Complete", "Expired"], ["young", "Complete", "100%"]]
    own_world.wait_events("old", "Uploading", "Stored", "Expired")
    found = report(own_world.location).wait_refreshed()
    assert (found["source"], found["totals"]["recordings"]) == ("Inventory", 1)
    assert young.status()["reason"] == "Stored"


def test_a_directory_is_emptied_by_the_operator(own_world: World, tmp_path: Path) -> None:
    directory = tmp_path / "volume" / "acme"
    directory.parent.mkdir()
    own_world.location = f"{own_world.namespace}-disk"
    spec = {
        "filesystem": {"path": str(directory)},
        "allowedNamespaces": {"names": [own_world.namespace]},
        "lifecycle": DAY,
    }
    kind = {"apiVersion": "recordings.dev/v1alpha1", "kind": "StorageLocation"}
    own_world.cluster.kubectl.apply({**kind, "metadata": {"name": own_world.location}, "spec": spec})
    own_world.start_operator(filesystem={"roots": [str(directory.parent)]}, **OFTEN)
    wait_applied(own_world, "EnforcedByOperator")
    recording = own_world.create(inline("{}"))
    own_world.expected.clear()  # the checker knows only the bucket
    status = recording.wait(lambda found: found.get("settled") is True, what="settled")
    stored = directory / status["artifacts"][0]["key"]
    manifest = directory / f"{status['prefix']}metadata.json"
    assert stored.exists()
    assert manifest.exists()

    make_older(recording, own_world, days=2)

    wait_expired(recording)
    assert not stored.exists()
    assert not manifest.exists()
    own_world.cluster.kubectl("delete", "storagelocation", own_world.location)


def test_a_removed_recording_expires_by_its_manifest(own_world: World, strict: StrictStore) -> None:
    world = strict_world(own_world, strict)
    world.edit_location(lifecycle={**DAY, "enforcedBy": "Operator"}, manifest={"enabled": True})
    own_world.start_operator(**OFTEN)
    wait_applied(world, "EnforcedByOperator")
    recording = world.create(inline("{}"))
    status = recording.wait(lambda found: found.get("settled") is True, what="settled")
    recording.delete()
    recording.wait_gone()
    manifest = f"{status['prefix']}metadata.json"
    keys = {manifest, status["artifacts"][0]["key"]}
    assert keys <= strict.bucket.versions.keys()

    earlier = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}".encode()
    [version] = strict.bucket.versions[manifest]
    body = version.body.replace(status["completedAt"].encode(), earlier)
    strict.bucket.versions[manifest] = [replace(version, body=body)]
    grow_older(strict.bucket, days=3)

    eventually(lambda: not keys & strict.bucket.versions.keys(), within_s=30, what="object and manifest gone")


def test_the_rules_are_merged_repaired_and_what_the_bucket_deleted_is_found(
    own_world: World, strict: StrictStore
) -> None:
    world = strict_world(own_world, strict)
    strict.bucket.lifecycle = a_configuration(foreign_rule("logs"))
    world.edit_location(lifecycle=DAY, manifest={"enabled": True})
    own_world.start_operator(**OFTEN)
    wait_applied(world, "RulesApplied")
    assert status_of(world)["lifecycle"]["enforcedBy"] == "Bucket"
    assert foreign_rule("logs").encode() in (strict.bucket.lifecycle or b"")

    person = a_configuration(foreign_rule("logs"), foreign_rule("reports"))
    strict.bucket.lifecycle = person  # a person has replaced the whole configuration
    eventually(lambda: strict.bucket.lifecycle != person, within_s=30, what="repaired rules")
    assert foreign_rule("reports").encode() in (strict.bucket.lifecycle or b"")

    def told() -> set[str]:
        events = world.admin.request("GET", "/apis/events.k8s.io/v1/namespaces/default/events")["items"]
        return {one["reason"] for one in events if one["regarding"]["name"] == world.location}

    eventually(lambda: "LifecycleRepaired" in told(), within_s=30, what="an Event about the repair")

    recording = world.create(inline("{}"))
    recording.wait(lambda status: status.get("settled") is True, what="settled")
    grow_older(strict.bucket, days=3)
    make_older(recording, world, days=3)
    assert wait_expired(recording)["message"].startswith("1 of 1 stored artifact has expired. The bucket deleted it")

    many = a_configuration(*(foreign_rule(f"rule-{number}") for number in range(1000)))
    strict.bucket.lifecycle = many
    condition = wait_applied(world, "LifecycleRejected")
    assert "more than 1000" in condition["message"]
    assert strict.bucket.lifecycle == many


@pytest.mark.parametrize("moment", ["before a write that is rejected", "after a write"])
def test_what_a_person_edits_between_a_read_and_a_write_survives(
    own_world: World, strict: StrictStore, moment: str
) -> None:
    world = strict_world(own_world, strict)
    strict.bucket.lifecycle = a_configuration(foreign_rule("logs"))
    person = a_configuration(foreign_rule("logs"), foreign_rule("reports"))

    def edit() -> None:
        """With a document that was read before the operator's rules were there."""
        strict.bucket.lifecycle = person

    busy = ErrorResponse(status=503, code="SlowDown")
    if moment == "after a write":
        strict.fault(Fault(operation="GetBucketLifecycleConfiguration", action=Meanwhile(do=edit), first=2))
    else:
        strict.fault(Fault(operation="PutBucketLifecycleConfiguration", action=Meanwhile(do=edit, then=busy)))
    world.edit_location(lifecycle=DAY)
    own_world.start_operator(**OFTEN)

    wait_applied(world, "RulesApplied")

    assert strict.bucket.lifecycle != person
    for rule in ("logs", "reports"):
        assert foreign_rule(rule).encode() in (strict.bucket.lifecycle or b"")
    assert strict.count("PutBucketLifecycleConfiguration") == 2
