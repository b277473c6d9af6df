"""Orphans: what is deleted after a week, and everything that is never deleted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from localcluster import S3Server
from recording_operator.api.storagelocation import ManifestSpec, StorageLocation
from recording_operator.api.storagelocation_orphans import OrphanAction, OrphansSpec
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.orphans import FIRST_AFTER, SWEEP_EVERY, OrphanSweep
from recording_operator.engine.manifest import manifest_key
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.engine.builders import uid_of
from tests.support.lost_recordings import LostCluster, location_in
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore

HERE = "this-cluster"


def with_spec(location: StorageLocation, **spec: Any) -> StorageLocation:
    return location.model_copy(update={"spec": location.spec.model_copy(update=spec)})


def deleting(location: StorageLocation, **spec: Any) -> StorageLocation:
    """The location with `orphans.action: Delete`."""
    return with_spec(location, **{"orphans": OrphansSpec(action=OrphanAction.DELETE), **spec})


@dataclass
class Cluster:
    """Locations and Recordings, as far as the sweep sees them. It is eight days later."""

    lost: LostCluster
    location: StorageLocation
    others: list[StorageLocation] = field(default_factory=list)
    recordings: list[dict[str, Any]] = field(default_factory=list)
    fails_after: int | None = None
    leads: bool = True
    later: timedelta = timedelta(days=8)
    up: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def locations(self) -> list[tuple[StorageLocation, LocationStore]]:
        return [(self.location, self.lost.store)]

    def list_locations(self) -> Iterator[dict[str, Any]]:
        for location in (self.location, *self.others):
            yield location.model_dump(mode="json", by_alias=True)

    def list_recordings(self) -> Iterator[dict[str, Any]]:
        for number, raw in enumerate(self.recordings):
            if number == self.fails_after:
                raise ApiUnavailable("GET: 503", status=503)
            yield raw

    def sweeper(self) -> OrphanSweep:
        return OrphanSweep(
            kube=cast("KubeApi", self),
            locations=cast("LocationKeeper", self),
            cluster_id=HERE,
            leads=lambda: self.leads,
            now=lambda: datetime.now(UTC) + self.later,
            uptime=lambda: self.up,
        )

    def left(self) -> list[str]:
        """What is stored after a sweep: the number of the Recording and the file."""
        self.sweeper().sweep()
        keys = [found.key for found in self.lost.store.objects("p/meeting-recordings/")]
        return [f"{int(key.split('/')[-2][:8], 16)}/{key.rpartition('/')[2]}" for key in keys]


@pytest.fixture
def cluster(lost: LostCluster) -> Cluster:
    """One with a strict store."""
    return a_cluster(lost)


def a_cluster(lost: LostCluster) -> Cluster:
    """Recording 1 exists, 2 has a manifest, 3 is forgotten."""
    for number in (1, 2, 3):
        lost.lose(number, artifacts=("audio", "video"))
    for number in (1, 3):
        lost.store.delete_document(f"p/meeting-recordings/acme/-/{uid_of(number)}/metadata.json")
    spec = {"owner": {"org": "acme"}, "artifacts": []}
    live = {"metadata": {"uid": uid_of(1), "name": "rec-1", "namespace": "team-a"}, "spec": spec}
    return Cluster(lost, deleting(lost.location), recordings=[live])


EVERYTHING = [
    "1/audio.mp4",
    "1/video.mp4",
    "2/audio.mp4",
    "2/metadata.json",
    "2/video.mp4",
    "3/audio.mp4",
    "3/video.mp4",
]
KNOWN = EVERYTHING[:5]


def test_only_what_neither_a_recording_nor_a_manifest_knows_is_deleted(cluster: Cluster) -> None:
    assert cluster.left() == KNOWN


def test_it_is_dry_by_default(cluster: Cluster) -> None:
    cluster.location = with_spec(cluster.location, orphans=OrphansSpec())
    assert cluster.left() == EVERYTHING


def test_without_manifests_nothing_is_deleted(cluster: Cluster) -> None:
    cluster.location = deleting(cluster.location, manifest=ManifestSpec(enabled=False))
    assert cluster.left() == EVERYTHING


def test_nothing_younger_than_the_spec_says_is_deleted(cluster: Cluster) -> None:
    cluster.later = timedelta(hours=167)
    assert cluster.left() == EVERYTHING
    cluster.later = timedelta(hours=169)
    assert cluster.left() == KNOWN


def test_nothing_is_deleted_if_not_all_recordings_can_be_listed(cluster: Cluster) -> None:
    cluster.fails_after = 0
    with pytest.raises(ApiUnavailable):
        cluster.left()
    cluster.fails_after, cluster.leads = None, False
    assert cluster.left() == EVERYTHING, "the failed sweep has deleted something, or one without the Lease"


def test_nothing_is_deleted_under_a_prefix_of_another_cluster(cluster: Cluster) -> None:
    assert cluster.lost.store.claim_prefix("another-cluster") == "another-cluster"
    assert cluster.left() == EVERYTHING


def test_a_recording_that_was_rebuilt_meanwhile_keeps_its_objects(cluster: Cluster) -> None:
    spec = {"owner": {"org": "acme"}, "artifacts": [], "identity": {"uid": uid_of(3)}}
    cluster.recordings.append({"metadata": {"uid": uid_of(99), "name": "r", "namespace": "team-a"}, "spec": spec})
    assert cluster.left() == EVERYTHING


def test_the_keys_of_other_locations_are_theirs(cluster: Cluster) -> None:
    other = with_spec(cluster.location, key_template="meeting-recordings/{org}/{user}/{uid}/{artifact}.mp4")
    cluster.others = [other.model_copy(update={"metadata": other.metadata.model_copy(update={"name": "other"})})]
    assert cluster.left() == EVERYTHING


def test_the_object_of_somebody_else_at_such_a_key_is_kept(cluster: Cluster, strict: StrictStore) -> None:
    key = f"p/meeting-recordings/acme/-/{uid_of(3)}/audio.mp4"
    strict.bucket.versions[key][-1].attributes.metadata["recording-uid"] = uid_of(4)
    assert cluster.left() == [*KNOWN, "3/audio.mp4"]


def test_an_object_under_retention_is_kept_and_the_others_go(cluster: Cluster, strict: StrictStore) -> None:
    message = "Access Denied because object protected by object lock."
    locked = ErrorResponse(status=403, code="AccessDenied", message=message)
    strict.fault(Fault(operation="DeleteObject", action=locked))
    assert cluster.left() == [*KNOWN, "3/audio.mp4"]


def test_a_manifest_in_the_operators_own_folder_protects_too(lost: LostCluster) -> None:
    location = with_spec(lost.location, key_template="meeting-recordings/{uid}-{artifact}/file")
    cluster = Cluster(LostCluster(store=lost.store, location=location), deleting(location))
    recordings = [cluster.lost.lose(number) for number in (5, 6, 7)]
    key = manifest_key(recordings[1], location)
    assert key.startswith("p/.recording-operator/manifests/")
    lost.store.delete_document(key)
    cluster.sweeper().sweep()
    left = [found.key for found in lost.store.objects("p/meeting-recordings/")]
    assert left == [f"p/meeting-recordings/{uid_of(number)}-video/file" for number in (5, 7)]


def test_it_sweeps_half_an_hour_after_the_start_and_then_daily(cluster: Cluster) -> None:
    sweeper = cluster.sweeper()
    sweeper.turn()
    keys = [found.key for found in cluster.lost.store.objects("p/meeting-recordings/")]
    assert len(keys) == len(EVERYTHING)
    cluster.up += FIRST_AFTER
    sweeper.turn()
    keys = [found.key for found in cluster.lost.store.objects("p/meeting-recordings/")]
    assert len(keys) == len(KNOWN)
    cluster.lost.lose(9)
    cluster.lost.store.delete_document(f"p/meeting-recordings/acme/-/{uid_of(9)}/metadata.json")
    cluster.up += SWEEP_EVERY - timedelta(seconds=1)
    sweeper.turn()
    assert len(list(cluster.lost.store.objects("p/meeting-recordings/"))) == len(KNOWN) + 1
    cluster.up += timedelta(seconds=1)
    sweeper.turn()
    assert len(list(cluster.lost.store.objects("p/meeting-recordings/"))) == len(KNOWN)


@pytest.mark.cluster
def test_a_real_server_keeps_what_is_known(s3: S3Server, bucket: str) -> None:
    keys = StoreCredentials(access_key_id=s3.root.access_key, secret_access_key=s3.root.secret_key)
    store = S3LocationStore(S3Options(bucket=bucket, endpoint=s3.endpoint, path_style=True, credentials=keys))
    lost = LostCluster(store=store, location=location_in(bucket))
    assert a_cluster(lost).left() == KNOWN
    listed = s3.client().list_object_versions(Bucket=bucket, Prefix="p/meeting-recordings/")
    assert len(listed["Versions"]) == len(KNOWN), "exactly the versions of orphans go"
    assert "DeleteMarkers" not in listed
    store.close()
