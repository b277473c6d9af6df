"""Recordings with stored files, as the operator leaves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.engine.placement import key_of
from recording_operator.kube.client import KubeApi
from recording_operator.kube.rest import RestClient
from recording_operator.kube.secrets import location_credentials
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec
from tests.kube.objects import set_status
from tests.support.recordings import path_of

BODY: Final = bytes(range(256)) * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a Recording, and the Recording as the API server has it."""

    recording: dict[str, Any]
    key: str
    location: str

    @property
    def uid(self) -> str:
        """That of the Recording."""
        return str(self.recording["metadata"]["uid"])

    @property
    def state(self) -> dict[str, Any]:
        """The status of the file."""
        state: dict[str, Any] = self.recording["status"]["artifacts"][0]
        return state


def store_file(
    admin: RestClient,
    namespace: str,
    name: str,
    *,
    location: str,
    roots: tuple[str, ...] = (),
    body: bytes = BODY,
    content_type: str = "video/mp4",
    state: Mapping[str, Any] | None = None,
    operator_namespace: str = OPERATOR_NAMESPACE,
) -> StoredFile:
    """A Complete Recording with the artifact `video`. `state` is merged over its status."""
    manifest = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "storageLocation": location,
            "owner": {"org": "acme", "user": "ada"},
            "title": "Weekly sync",
            "artifacts": [
                {
                    "name": "video",
                    "kind": "Video",
                    "contentType": content_type,
                    "source": {"url": "https://media.example.com/v.mp4?X-Amz-Signature=c4n4ry"},
                }
            ],
        },
    }
    recording = Recording.model_validate(admin.request("POST", path_of(namespace), body=manifest))
    where = location_named(admin, location)
    key = key_of(recording, "video", where)
    store = store_at(admin, where, roots=roots, operator_namespace=operator_namespace)
    try:
        spec = ObjectSpec(
            key=key,
            content_type=content_type,
            kind="Video",
            recording_uid=recording.metadata.uid,
            artifact="video",
            org="acme",
        )
        written = store.put(spec, body, crc64nvme=crc64nvme(body))
    finally:
        store.close()
    file = {
        "name": "video",
        "phase": "Complete",
        "key": key,
        "etag": written.etag,
        "versionId": written.version_id,
        "bytesTotal": len(body),
        "bytesDone": len(body),
        "contentType": content_type,
        "checksum": to_text(crc64nvme(body)),
        **(state or {}),
    }
    status = {
        "phase": "Complete",
        "reason": "Stored",
        "storageLocation": location,
        "bucket": where.store.bucket,
        "bytesTotal": len(body),
        "bytesDone": len(body),
        "artifacts": [file],
    }
    current = admin.request("GET", f"{path_of(namespace)}/{name}")
    return StoredFile(recording=set_status(admin, current, status), key=key, location=location)


def location_named(admin: RestClient, name: str) -> StorageLocation:
    """The StorageLocation."""
    return StorageLocation.model_validate(KubeApi(admin).get_location(name))


def store_at(
    admin: RestClient,
    location: StorageLocation,
    *,
    roots: tuple[str, ...] = (),
    operator_namespace: str = OPERATOR_NAMESPACE,
) -> LocationStore:
    """Its store."""
    credentials = location_credentials(KubeApi(admin), location, operator_namespace=operator_namespace)
    return open_store(location, credentials, roots=roots)
