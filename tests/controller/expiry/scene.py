"""A location whose rules expire objects, its store, and the Recordings in Kubernetes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.recording import Phase, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.checksums import crc64nvme
from recording_operator.controller.expiry.manifests import ExpiredManifests
from recording_operator.controller.expiry.recordings import ExpiredRecordings
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.engine.facts import Fact, ObjectsExpired
from recording_operator.engine.manifest import CONTENT_TYPE, encode, manifest_key, manifest_of
from recording_operator.engine.placement import key_of
from recording_operator.errors import TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import ApiUnavailable, NotFound
from recording_operator.metrics import Metrics
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec
from tests.engine.builders import a_finished_recording, an_artifact, an_artifact_status
from tests.support.lifecycles import WEEK, a_location_with

DAY = timedelta(days=1)
CLUSTER = "this-cluster"


class CountingStore:
    """Counts requests to a store. `failure` is raised instead."""

    def __init__(self, store: LocationStore) -> None:
        self._store = store
        self.calls: list[str] = []
        self.failure: TransferError | None = None

    def __getattr__(self, name: str) -> Any:
        if name in {"head", "delete", "read_document", "abort"}:
            self.calls.append(name)
            if self.failure is not None:
                raise self.failure
        return getattr(self._store, name)


class Scene:
    """Everything but time stands still."""

    def __init__(self, store: LocationStore, *, by: str = "Operator") -> None:
        self.now = datetime.now(UTC)
        self.real = store
        self.store = CountingStore(store)
        self.location = self.a_location(WEEK | {"prefix": ""}, by=by)
        self.is_ready = True
        self.in_kubernetes: dict[tuple[str, str], Recording] = {}
        self.api_fails = False
        self.posted: list[Fact] = []
        self.metrics = Metrics(version="test")
        self.recordings = self.a_process()
        self.manifests = ExpiredManifests(
            kube=cast("KubeApi", self),
            locations=cast("LocationKeeper", self),
            metrics=self.metrics,
            cluster_id=CLUSTER,
            every=timedelta(hours=24),
            now=lambda: self.now,
            uptime=lambda: self.now,
        )

    def a_process(self) -> ExpiredRecordings:
        """The operator starts, and knows nothing of earlier sweeps."""
        self.recordings = ExpiredRecordings(
            kube=cast("KubeApi", self),
            locations=cast("LocationKeeper", self),
            post=self.posted.append,
            metrics=self.metrics,
            now=lambda: self.now,
        )
        return self.recordings

    def a_location(self, *rules: dict[str, Any], by: str = "Operator") -> StorageLocation:
        """The location with other rules."""
        at = "2026-11-01T00:00:00Z"
        condition = {"type": "LifecycleApplied", "status": "True", "lastTransitionTime": at, "reason": "RulesApplied"}
        status = {
            "conditions": [{**condition, "message": "", "observedGeneration": 1}],
            "lifecycle": {"enforcedBy": by, "appliedTime": at, "rules": 1},
        }
        return a_location_with(*rules, enforced_by=by, status=status)

    # LocationKeeper

    def ready(self, name: str) -> tuple[StorageLocation, LocationStore] | None:
        """The one location."""
        if name != self.location.metadata.name or not self.is_ready:
            return None
        return self.location, cast("LocationStore", self.store)

    def locations(self) -> list[tuple[StorageLocation, LocationStore]]:
        """All locations."""
        found = self.ready("archive")
        return [found] if found is not None else []

    # KubeApi

    def get_recording(self, namespace: str, name: str) -> dict[str, Any]:
        """What the API server has."""
        if self.api_fails:
            raise ApiUnavailable("no answer")
        found = self.in_kubernetes.get((namespace, name))
        if found is None:
            raise NotFound("no such Recording")
        return found.model_dump(mode="json", by_alias=True, exclude_none=True)

    # The store

    def a_recording(self, *names: str, days: float = 8, number: int = 1, **fields: Any) -> Recording:
        """A Recording that ended some days ago, with its objects in the store. It is in Kubernetes."""
        names = names or ("video",)
        status: dict[str, Any] = {
            "completedAt": self.now - days * DAY,
            "storageLocation": "archive",
            "bucket": self.location.store.bucket,
        }
        artifacts = tuple(an_artifact(name) for name in names)
        blank = a_finished_recording(status=status, artifacts=artifacts, number=number, **fields)
        states = [self.put(blank, name) for name in names]
        recording = a_finished_recording(
            status={**status, "artifacts": states}, artifacts=artifacts, number=number, **fields
        )
        self.in_kubernetes[recording.metadata.namespace, recording.metadata.name] = recording
        return recording

    def put(self, recording: Recording, name: str) -> Any:
        """Store an artifact. Returns its status."""
        key, uid, body = key_of(recording, name, self.location), recording.metadata.uid, b"x" * 10
        obj = ObjectSpec(key=key, content_type="video/mp4", kind="Video", recording_uid=uid, artifact=name, org="acme")
        receipt = self.real.put(obj, body, crc64nvme=crc64nvme(body))
        return an_artifact_status(
            name, phase=Phase.COMPLETE, key=key, etag=receipt.etag, versionId=receipt.version_id, bytesTotal=10
        )

    def with_manifest(self, recording: Recording) -> str:
        """Write its manifest. Returns the key."""
        key = manifest_key(recording, self.location)
        owner = DocumentOwner(recording_uid=recording.metadata.uid, name=MANIFEST_FILE, org="acme")
        assert self.real.create_document(key, encode(manifest_of(recording)), CONTENT_TYPE, owner)
        return key

    def removed(self, recording: Recording) -> None:
        """Its ttlAfterFinished is over: only the store knows it now."""
        del self.in_kubernetes[recording.metadata.namespace, recording.metadata.name]

    def stored(self) -> list[str]:
        """The keys in the store, but for the marker of the prefix."""
        return [one.key for one in self.real.objects("") if not one.key.endswith("/owner")]

    # The operator

    def sweep(self) -> list[tuple[str, frozenset[str]]]:
        """A sweep of all finished Recordings, and turns until nothing is left. What was posted, by name."""
        self.posted.clear()
        self.recordings.begin()
        for recording in self.in_kubernetes.values():
            self.recordings.consider(recording)
        for _ in range(10):
            self.recordings.turn()
        return list(self._facts())

    def list_manifests(self) -> None:
        """The next listing of manifests, and turns until it ends."""
        for _ in range(10):
            self.manifests.turn()
        self.now += timedelta(hours=25)

    def _facts(self) -> Iterator[tuple[str, frozenset[str]]]:
        for fact in self.posted:
            assert isinstance(fact, ObjectsExpired)
            yield fact.recording.metadata.name, fact.artifacts

    def age(self, days: float) -> None:
        """Time passes."""
        self.now += days * DAY
