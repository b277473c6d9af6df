"""The interfaces between an operator and the simulated world: API server, store, Events, and simulated threads."""

import base64
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.engine.facts import RecordingRef
from recording_operator.errors import TransferError
from recording_operator.kube.errors import ApiUnavailable, KubeError, NotFound, TooManyRequests
from recording_operator.stores.documents import DocumentOwner, OwnedDocument
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import ObjectHead, OpenUpload
from tests.engine.builders import START
from tests.engine.simulation.store import Address, StoredThing, UnavailableError, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

JsonObject = dict[str, Any]


class ApiClient:
    """An operator's connection to the API server. Requests and responses get lost, and the server may be down.

    As `kube.rest.Rest`.
    """

    def __init__(self, operator: "Operator") -> None:
        self._operator = operator
        self._world = operator.world

    def request(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **_options: object
    ) -> JsonObject:
        """Send a request. Raises KubeError."""
        answer_lost = self._world.loses_request()
        self.reach()
        if method == "PATCH" and self._world.floods():
            raise TooManyRequests(f"{method} {path}", retry_after_s=3.0)
        try:
            answer = self._serve(method, path.strip("/").split("/"), body or {})
        except KubeError:
            if not answer_lost:
                raise
        if answer_lost:
            raise ApiUnavailable(f"{method} {path}: the answer is lost")
        if self._world.api_tells_time:
            self._operator.clock.note_server_time(self._world.schedule.true_now.replace(microsecond=0))
        return answer

    def reach(self) -> None:
        """Raises ApiUnavailable where the API server is not reached."""
        if self._world.loses_request() or self._world.api_is_down():
            raise ApiUnavailable("the request is lost")

    def _serve(self, method: str, path: list[str], body: Mapping[str, Any]) -> JsonObject:
        match method, path:
            case "GET", ["api", "v1", "namespaces", namespace]:
                return {"metadata": {"labels": dict(self._world.labels.get(namespace, {}))}}
            case "GET", ["api", "v1", "namespaces", _, "secrets", "api"]:
                return self._world.provider.secret()
            case "GET", ["apis", "recordings.dev", "v1alpha1", "namespaces", namespace, "recordingsources", name]:
                return self._world.provider.source(namespace, name)
            case "GET", ["api", "v1", "namespaces", namespace, "secrets", name]:
                return self._secret(namespace, name)
            case _, ["apis", "recordings.dev", "v1alpha1", "namespaces", namespace, "recordings", name, *status]:
                return self._recording(method, RecordingRef(namespace=namespace, name=name, uid=""), status, body)
        raise AssertionError(f"{method} {path} is not asked for in this world")

    def _secret(self, namespace: str, name: str) -> JsonObject:
        url = self._world.secrets.get((namespace, name))
        if url is None:
            raise NotFound("no such Secret", status=404)
        value = base64.b64encode(url.encode()).decode()
        return {"metadata": {"name": name}, "data": {"url": value, "content": value}}

    def _recording(self, method: str, ref: RecordingRef, status: list[str], body: Mapping[str, Any]) -> JsonObject:
        api = self._world.api
        if method == "GET":
            return _raw(api.get(ref))
        if method == "DELETE":
            exactly = body["preconditions"]
            asked = RecordingRef(namespace=ref.namespace, name=ref.name, uid=exactly["uid"])
            api.delete_exactly(asked, version=exactly["resourceVersion"])
            return {}
        version = body["metadata"]["resourceVersion"]
        if not status:
            changed = api.patch_finalizers(ref, version=version, finalizers=tuple(body["metadata"]["finalizers"]))
        else:
            changed = api.patch_status(ref, version=version, patch=body["status"])
            self._world.checker.status_written(self._operator, changed.metadata.uid)
        self._world.trace("api", f"{ref.name} is at {changed.metadata.resource_version}")
        return _raw(changed)


def _raw(recording: Recording) -> JsonObject:
    return recording.model_dump(mode="json", by_alias=True, exclude_unset=True)


class StoreClient:
    """As much of the Store of one location as is needed to remove things, and to read and write documents."""

    def __init__(self, world: "World", location: str) -> None:
        self._store = world.store
        self._bucket = bucket_of(location)

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """The open uploads below a prefix."""
        self._reach()
        for upload in list(self._store.uploads.values()):
            if upload.at.bucket == self._bucket and upload.at.key.startswith(prefix):
                began = START + timedelta(seconds=upload.since_s)
                yield OpenUpload(key=upload.at.key, upload_id=upload.upload_id, initiated_at=began)

    def abort(self, key: str, upload_id: str) -> bool:
        """Abort one upload."""
        self._reach()
        upload = self._store.uploads.get(upload_id)
        if upload is None or upload.at != self._at(key):
            return False
        del self._store.uploads[upload_id]
        return True

    def put(self, obj: ObjectSpec, body: bytes, **_options: object) -> StoredObject:
        """Store a small object, if the key is free."""
        self._reach()
        at = self._at(obj.key)
        self._store.write_document(at, uid=obj.recording_uid, name=obj.artifact, data=body)
        return _stored(self._store.objects[at])

    def delete(self, key: str, *, version_id: str | None, recording_uid: str) -> bool:
        """Delete one version, if it is the Recording's."""
        self._reach()
        return self._store.delete(self._at(key), uid=recording_uid, version_id=version_id)

    def head(self, key: str) -> ObjectHead | None:
        """What is at the key."""
        self._reach()
        found = self._store.head(self._at(key))
        if found is None:
            return None
        return ObjectHead(stored=_stored(found), recording_uid=found.uid, artifact=found.artifact)

    def read_document(self, key: str, _most_bytes: int) -> bytes | None:
        """Read a document."""
        found = self.read_owned_document(key, _most_bytes)
        return found.data if found is not None else None

    def read_owned_document(self, key: str, _most_bytes: int) -> OwnedDocument | None:
        """Read a document, and whose it is."""
        self._reach()
        found = self._store.head(self._at(key))
        if found is None:
            return None
        return OwnedDocument(data=found.data, recording_uid=found.uid, name=found.artifact)

    def create_document(self, key: str, data: bytes, _content_type: str, owner: DocumentOwner) -> bool:
        """Create a document."""
        self._reach()
        return self._store.write_document(self._at(key), uid=owner.recording_uid, name=owner.name, data=data)

    def replace_document(
        self, key: str, data: bytes, _content_type: str, owner: DocumentOwner, *, if_match: str
    ) -> bool:
        """Replace a document."""
        self._reach()
        at, uid = self._at(key), owner.recording_uid
        return self._store.write_document(at, uid=uid, name=owner.name, data=data, if_match=if_match)

    def _at(self, key: str) -> Address:
        return Address(self._bucket, key)

    def _reach(self) -> None:
        try:
            self._store.answer()
        except UnavailableError:
            raise TransferError(Reason.STORE_UNAVAILABLE, "the store does not answer") from None


def _stored(thing: StoredThing) -> StoredObject:
    return StoredObject(
        key=thing.at.key,
        uri=f"s3://{thing.at.bucket}/{thing.at.key}",
        size_bytes=len(thing.data) or thing.size,
        etag=thing.version_id,
        version_id=thing.version_id,
        checksum="",
        content_type="",
    )


class NoEvents:
    """Events are not read here; the checker sees the actions."""

    def emit(self, regarding: Mapping[str, Any], **what: object) -> None:
        """Forget it."""


class VirtualPool(Executor):
    """Runs what is submitted a moment later, in virtual time."""

    def __init__(self, after: Callable[[Callable[[], None]], None]) -> None:
        self._after = after

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run it soon. The future is not used."""
        self._after(lambda: call(*arguments, **named))
        return Future()
