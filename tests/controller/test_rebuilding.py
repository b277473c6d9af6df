"""From the manifests in a store to Recordings: what is created, left out and rejected, and what a second run does."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from recording_operator.checksums import crc64nvme
from recording_operator.controller.rebuilding import WORKERS, Rebuilding, RebuildOutcome, RebuildResult
from recording_operator.engine.manifest import encode, manifest_of
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import AlreadyExists, ApiUnavailable, Forbidden, NotFound
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.location_store import LocationStore
from tests.engine.builders import uid_of
from tests.support.lost_recordings import ENDED, LostCluster
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object

CREATED, EXISTS = RebuildOutcome.CREATED, RebuildOutcome.EXISTS
REJECTED, OVER = RebuildOutcome.REJECTED, RebuildOutcome.OVER


@dataclass
class NewCluster:
    """An API server with the namespaces team-a and team-b."""

    recordings: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    creations: int = 0
    dry_runs: int = 0

    def request(self, method: str, path: str, *, query: Any = None, body: Any = None, **_: Any) -> dict[str, Any]:
        """GET, LIST and POST of Recordings."""
        namespace, _slash, rest = path.partition("/namespaces/")[2].partition("/")
        if method == "GET" and path.endswith("/recordings"):
            return {"metadata": {}, "items": list(self.recordings.values())}
        if method == "GET":
            return self.recordings[f"{namespace}/{rest.removeprefix('recordings/')}"]
        self.creations += 1
        if self.failures:
            raise self.failures.pop()
        name = f"{namespace}/{body['metadata']['name']}"
        if namespace not in ("team-a", "team-b"):
            raise NotFound("POST", status=404)
        if name in self.recordings:
            raise AlreadyExists("POST", status=409)
        if query == {"dryRun": "All"}:
            self.dry_runs += 1
        else:
            self.recordings[name] = with_uid(body, len(self.recordings) + 1000)
        return dict(body)


def with_uid(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """As it is stored."""
    return {**body, "metadata": {**body["metadata"], "uid": uid_of(number)}}


def rebuild(lost: LostCluster, new: NewCluster, **more: Any) -> list[RebuildResult]:
    """One run, minutes after the end of the Recordings."""
    given: dict[str, Any] = {
        "namespace": None,
        "default_ttl": timedelta(hours=720),
        "now": ENDED + timedelta(minutes=5),
        "sleep": lambda _: None,
    }
    rebuilding = Rebuilding(kube=KubeApi(new), store=lost.store, location=lost.location, **{**given, **more})
    return list(rebuilding.run())


def counted(results: list[RebuildResult]) -> dict[RebuildOutcome, int]:
    return dict(Counter(result.outcome for result in results))


def test_every_manifest_becomes_a_recording_and_nothing_is_written_to_the_store(
    strict: StrictStore, lost: LostCluster
) -> None:
    for number in range(1, 6):
        lost.lose(number, artifacts=("audio", "video"))
    strict.requests.clear()
    new = NewCluster()
    assert counted(rebuild(lost, new)) == {CREATED: 5}
    assert {one["spec"]["identity"]["uid"] for one in new.recordings.values()} == {uid_of(n) for n in range(1, 6)}
    assert {one.operation for one in strict.requests} == {"ListObjectsV2", "GetObject"}
    assert sum(one.operation == "GetObject" for one in strict.requests) == 5, "manifests only"


def test_a_second_run_creates_nothing_and_one_of_verified_recordings_reads_no_manifest(
    strict: StrictStore, lost: LostCluster
) -> None:
    for number in (1, 2):
        lost.lose(number)
    new = NewCluster()
    rebuild(lost, new)
    assert counted(rebuild(lost, new)) == {EXISTS: 2}
    for raw in new.recordings.values():
        raw["status"] = {"artifacts": [{"name": "video", "phase": "Complete"}]}
    strict.requests.clear()
    assert counted(rebuild(lost, new)) == {EXISTS: 2}
    assert {one.operation for one in strict.requests} == {"ListObjectsV2"}


def test_the_recordings_of_a_living_cluster_are_left_alone(lost: LostCluster) -> None:
    recording = lost.lose()
    body = recording.model_dump(mode="json", by_alias=True)
    new = NewCluster(recordings={"team-a/rec-1": with_uid(body, 1)})
    assert counted(rebuild(lost, new)) == {EXISTS: 1}
    assert new.creations == 0


def test_an_identity_that_somebody_claims_does_not_hide_the_recording(lost: LostCluster) -> None:
    lost.lose()
    spec = {"identity": {"uid": uid_of(1)}, "owner": {"org": "evil"}, "artifacts": []}
    forged = {"metadata": {"name": "x", "namespace": "team-b", "uid": uid_of(66)}, "spec": spec}
    assert counted(rebuild(lost, NewCluster(recordings={"team-b/x": forged}))) == {CREATED: 1}


def test_a_name_that_is_taken_and_a_namespace_that_is_missing_are_said(lost: LostCluster) -> None:
    lost.lose(1)
    lost.lose(2, namespace="gone")
    spec = {"owner": {"org": "acme"}, "artifacts": []}
    other = {"metadata": {"name": "rec-1", "namespace": "team-a", "uid": uid_of(66)}, "spec": spec}
    results = rebuild(lost, NewCluster(recordings={"team-a/rec-1": other}))
    assert [(one.recording, one.message) for one in results] == [
        ("team-a/rec-1", "Another Recording has this name."),
        ("gone/rec-2", "Namespace gone does not exist."),
    ]


def test_a_forged_manifest_creates_nothing(lost: LostCluster) -> None:
    recording = lost.lose(1)
    manifest = manifest_of(recording)
    stolen = manifest_of(lost.lose(2)).artifacts
    lost.describe(recording, manifest.model_copy(update={"namespace": "team-b", "artifacts": stolen}))
    new = NewCluster()
    results = rebuild(lost, new)
    assert counted(results) == {CREATED: 1, REJECTED: 1}
    assert list(new.recordings) == ["team-a/rec-2"]


def test_an_artifact_at_the_key_of_a_manifest_is_no_manifest(lost: LostCluster) -> None:
    manifest = manifest_of(lost.lose(1)).model_copy(update={"uid": uid_of(2), "name": "forged"})
    key, body = f"p/meeting-recordings/acme/-/{uid_of(2)}/metadata.json", encode(manifest)
    obj = an_object(key=key, recording_uid=uid_of(2), artifact="metadata")
    lost.store.put(obj, body, crc64nvme=crc64nvme(body))
    new = NewCluster()
    assert counted(rebuild(lost, new)) == {CREATED: 1, RebuildOutcome.OTHER_OBJECT: 1}
    assert list(new.recordings) == ["team-a/rec-1"]


def test_what_would_end_at_once_and_other_namespaces_are_left_out(lost: LostCluster) -> None:
    lost.lose(1)
    lost.lose(2, ttl=timedelta(0))
    lost.lose(3, namespace="team-b", ttl=timedelta(0))
    late = {"now": ENDED + timedelta(hours=721)}
    assert counted(rebuild(lost, NewCluster(), **late)) == {OVER: 1, CREATED: 2}
    assert counted(rebuild(lost, NewCluster(), **late, default_ttl=timedelta(0))) == {CREATED: 3}
    only_b = rebuild(lost, NewCluster(), **late, namespace="team-b")
    assert counted(only_b) == {RebuildOutcome.OTHER_NAMESPACE: 2, CREATED: 1}


def test_a_dry_run_creates_nothing(lost: LostCluster) -> None:
    lost.lose()
    new = NewCluster()
    assert counted(rebuild(lost, new, dry_run=True)) == {CREATED: 1}
    assert (new.recordings, new.dry_runs) == ({}, 1)


def test_failures_that_last_a_moment_are_retried(strict: StrictStore, lost: LostCluster) -> None:
    lost.lose()
    strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=503, code="SlowDown"), times=1))
    new = NewCluster(failures=[ApiUnavailable("POST: 503", status=503)])
    assert counted(rebuild(lost, new)) == {CREATED: 1}
    assert new.creations == 2


def test_a_missing_right_ends_the_run(lost: LostCluster) -> None:
    for number in range(1, 100):
        lost.lose(number)
    new = NewCluster(failures=[Forbidden("POST: 403", status=403) for _ in range(200)])
    with pytest.raises(Forbidden):
        rebuild(lost, new)
    assert new.creations <= 4 * WORKERS, "it goes on without the right"


class _ManyManifests:
    """A store that lists a hundred thousand manifests, and notes how many are read before their result is taken."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.listed = 0
        self.taken = 0
        self.most_ahead = 0

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        for number in range(self._count):
            self.listed += 1
            self.most_ahead = max(self.most_ahead, self.listed - self.taken)
            key = f"{prefix}meeting-recordings/acme/-/{uid_of(number)}/metadata.json"
            yield ListedObject(key=key, size_bytes=1, storage_class=None, last_modified=ENDED, etag="e")

    def read_owned_document(self, _key: str, _most_bytes: int) -> None:
        return None


def test_of_a_hundred_thousand_manifests_only_some_are_in_memory(lost: LostCluster) -> None:
    many = _ManyManifests(100_000)
    rebuilding = Rebuilding(
        kube=KubeApi(NewCluster()),
        store=cast("LocationStore", many),
        location=lost.location,
        namespace=None,
        default_ttl=timedelta(0),
        now=ENDED,
    )
    for _ in rebuilding.run():
        many.taken += 1
    assert many.taken == 100_000
    assert many.most_ahead <= 4 * WORKERS + 1
