"""Finds the object of a stored artifact, and checks that it is the one that the operator stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, auto

from pydantic import ValidationError

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.identities import confirm
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import recording_uid
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.stores.archive import ArchiveState
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.presigning import CdnKey


class ObjectObstacle(StrEnum):
    """Why an object cannot be had."""

    NOT_STORED = auto()
    EXPIRED = auto()
    """A lifecycle rule has deleted it, and the operator knows."""
    REMOVED = auto()
    """It is not in the store, and the operator does not know."""
    REPLACED = auto()
    ARCHIVED = auto()
    RESTORING = auto()
    NO_LOCATION = auto()


class ObjectUnavailable(Exception):  # noqa: N818 - it is about the object
    """The object of an artifact cannot be had. The text says why."""

    def __init__(self, obstacle: ObjectObstacle, message: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecording:
    """A Recording, the store of its objects, and what opens it. Without `credentials`, the process uses its own."""

    recording: Recording
    location: StorageLocation
    credentials: StoreCredentials | None = field(repr=False)
    cdn: CdnKey | None = field(repr=False)
    secret: str = ""
    """The Secret of the credentials, for messages."""
    store: LocationStore | None = field(default=None, repr=False)
    """Of a process that keeps it. Without it, one is opened with the credentials, and closed afterwards."""

    @contextmanager
    def opened(self) -> Iterator[LocationStore]:
        """The store, after a check that it confirms the identity of the Recording. Raises StoreError, LocationError."""
        store = self.store or open_store(self.location, self.credentials)
        try:
            former = former_of(self.recording, self.location)
            if former is not None:
                confirm(store, former)
            yield store
        except StoreError as error:
            if self.secret and error.location_reason in (Reason.CREDENTIALS_INVALID, Reason.ACCESS_DENIED):
                error.message += f" They are those of {self.secret}."
            raise
        finally:
            if self.store is None:
                store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """An object of the Recording, as the store describes it."""

    stored: StoredObject
    archive: ArchiveState


def stored_artifact(recording: Recording, name: str) -> ArtifactStatus:
    """The status of an artifact whose object is in the store. Raises ObjectUnavailable."""
    for status in recording.status.artifacts:
        if status.name == name and status.has_expired:
            message = f"Artifact {name} has expired. {status.message or ''}".rstrip()
            raise ObjectUnavailable(ObjectObstacle.EXPIRED, message)
        if status.name == name and status.is_stored and status.key:
            return status
    raise ObjectUnavailable(ObjectObstacle.NOT_STORED, f"Artifact {name} is not stored.")


def location_of(kube: KubeApi, recording: Recording, *, may_lack_bucket: bool = False) -> StorageLocation:
    """The StorageLocation of the objects. Raises ObjectUnavailable, KubeError.

    `may_lack_bucket`: the status may not say in which bucket the objects are.
    """
    unknown = (None,) if may_lack_bucket else ()
    name, address = recording.location, f"{recording.metadata.namespace}/{recording.metadata.name}"
    if name is None:
        raise _no_location(f"The status of Recording {address} names no StorageLocation.")
    try:
        location = StorageLocation.model_validate(kube.get_location(name))
    except NotFound:
        raise _no_location(f"StorageLocation {name} does not exist any more.") from None
    except ValidationError:
        raise _no_location(other_version(f"StorageLocation {name}")) from None
    if recording.status.bucket not in (location.store.bucket, *unknown):
        raise _no_location(
            f"The object is in the bucket {recording.status.bucket}, but StorageLocation {name} was created again with "
            f"the bucket {location.store.bucket}."
        )
    return location


def found_object(store: LocationStore, recording: Recording, artifact: ArtifactStatus) -> FoundObject:
    """The object of an artifact: exactly the version in the status. Raises ObjectUnavailable, StoreError."""
    key = str(artifact.key)
    head = store.head(key, version_id=artifact.version_id)
    state = store.archive_state(key, version_id=artifact.version_id)
    if head is None or state is None:
        what = "The object" if artifact.version_id is None else "This version of the object"
        message = f"{what} no longer exists in the store: a lifecycle rule or a person removed it."
        raise ObjectUnavailable(ObjectObstacle.REMOVED, message)
    if head.recording_uid != recording_uid(recording):
        raise _replaced("The object at the key does not belong to this Recording.")
    _check_same(artifact, head.stored)
    return FoundObject(stored=head.stored, archive=state)


def readable_object(store: LocationStore, recording: Recording, artifact: ArtifactStatus) -> StoredObject:
    """The object of an artifact that can be read now. Raises ObjectUnavailable, StoreError."""
    found = found_object(store, recording, artifact)
    archive = f"Artifact {artifact.name} is archived ({found.archive.archive})"
    if found.archive.is_restoring:
        raise ObjectUnavailable(ObjectObstacle.RESTORING, f"{archive} and is being restored.")
    if not found.archive.is_readable:
        raise ObjectUnavailable(ObjectObstacle.ARCHIVED, f"{archive} and must be restored first")
    _check_size(artifact, found.stored)
    return found.stored


def other_version(what: str) -> str:
    """The sentence about an object that this program does not understand."""
    return f"{what} cannot be read. Its CRD has another version than this program."


def _check_same(artifact: ArtifactStatus, stored: StoredObject) -> None:
    """A copy with another ETag is the same object if the store has its checksum."""
    if not artifact.etag or artifact.etag == stored.etag:
        return
    if not artifact.checksum or artifact.checksum != stored.checksum:
        raise _replaced(
            f"The object of artifact {artifact.name} has the ETag {stored.etag}, but the operator stored "
            f"{artifact.etag}. Another program has replaced it."
        )


def _check_size(artifact: ArtifactStatus, stored: StoredObject) -> None:
    size_bytes = artifact.bytes_total
    if size_bytes is not None and size_bytes != stored.size_bytes:
        raise _replaced(
            f"The object of artifact {artifact.name} has {stored.size_bytes} bytes, but the operator stored "
            f"{size_bytes}. Another program has replaced it."
        )


def _replaced(message: str) -> ObjectUnavailable:
    return ObjectUnavailable(ObjectObstacle.REPLACED, message)


def _no_location(message: str) -> ObjectUnavailable:
    return ObjectUnavailable(ObjectObstacle.NO_LOCATION, message)
