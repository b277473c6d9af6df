"""Recordings of a lost cluster: their objects and manifests in a strict store."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from recording_operator.api.recording import ArtifactStatus, Phase, Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_store import S3
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.engine.manifest import CONTENT_TYPE, Manifest, encode, manifest_key, manifest_of
from recording_operator.engine.placement import key_of
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec
from tests.engine.builders import a_location, a_recording, an_artifact

ENDED = datetime(2026, 11, 21, 9, 5, 0, tzinfo=UTC)
BODY = b"the recording"


def location_in(bucket: str) -> StorageLocation:
    """A location in this bucket, with manifests."""
    location = a_location(manifest=True)
    return location.model_copy(update={"spec": location.spec.model_copy(update={"s3": S3(bucket=bucket, prefix="p/")})})


@dataclass(slots=True)
class LostCluster:
    """Stores what its operator would have stored."""

    store: LocationStore
    location: StorageLocation
    manifests: list[Manifest] = field(default_factory=list)

    def lose(self, number: int = 1, *, artifacts: tuple[str, ...] = ("video",), **fields: Any) -> Recording:
        """A Recording that was Complete."""
        recording = a_recording(*[an_artifact(name) for name in artifacts], number=number, **fields)
        states = tuple(self._stored(recording, name) for name in artifacts)
        status = RecordingStatus(
            phase=Phase.COMPLETE,
            started_at=ENDED - timedelta(minutes=5),
            completed_at=ENDED,
            storage_location=self.location.metadata.name,
            bucket=self.location.store.bucket,
            artifacts=states,
        )
        lost = recording.model_copy(update={"status": status})
        self.describe(lost, manifest_of(lost))
        return lost

    def describe(self, lost: Recording, manifest: Manifest) -> str:
        """Write a manifest at the key of the Recording, as the operator does. Returns the key."""
        key = manifest_key(lost, self.location)
        owner = DocumentOwner(recording_uid=lost.metadata.uid, name="metadata.json", org=lost.spec.owner.org)
        self.store.delete_document(key)
        assert self.store.create_document(key, encode(manifest), CONTENT_TYPE, owner)
        return key

    def forget(self, lost: Recording) -> None:
        """Delete the manifest, as a lifecycle rule does."""
        self.store.delete_document(manifest_key(lost, self.location))

    def _stored(self, recording: Recording, name: str) -> ArtifactStatus:
        key = key_of(recording, name, self.location)
        obj = ObjectSpec(
            key=key,
            content_type="video/mp4",
            kind="Video",
            recording_uid=recording.metadata.uid,
            artifact=name,
            org=recording.spec.owner.org,
        )
        receipt = self.store.put(obj, BODY, crc64nvme=crc64nvme(BODY))
        return ArtifactStatus.model_validate(
            {
                "name": name,
                "phase": "Complete",
                "reason": "Stored",
                "key": key,
                "bytesTotal": len(BODY),
                "etag": receipt.etag,
                "versionId": receipt.version_id,
                "checksum": to_text(crc64nvme(BODY)),
                "contentType": "video/mp4",
                "integrity": "FullObjectCRC64NVME",
            }
        )
