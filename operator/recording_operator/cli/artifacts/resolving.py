"""Finds a Recording, its stored artifacts, their StorageLocation and its credentials, with the user's own rights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import click
from pydantic import ValidationError

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind, ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.cli.administration.installation import secrets_namespace
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.caller import Cluster
from recording_operator.cli.verb import Failure, program
from recording_operator.controller.identities import confirm
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import recording_uid
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.kube.secrets import location_cdn, location_credentials
from recording_operator.stores.archive import ArchiveState
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.presigning import CdnKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecording:
    """A Recording, the bucket of its objects, and what opens it. Without `credentials`, the user's own are used."""

    recording: Recording
    location: StorageLocation
    credentials: StoreCredentials | None = field(repr=False)
    cdn: CdnKey | None = field(repr=False)
    secret: str = ""
    """The Secret of the credentials, for messages."""

    @contextmanager
    def opened(self) -> Iterator[LocationStore]:
        """The store, after a check that it confirms the identity of the Recording. Raises StoreError, LocationError."""
        store = open_store(self.location, self.credentials)
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
            store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """An object of the Recording, as the store describes it."""

    stored: StoredObject
    archive: ArchiveState


def get_recording(cluster: Cluster, name: str) -> Recording:
    """The Recording with this name, or NAMESPACE/NAME. Raises Failure, KubeError."""
    namespace, bare = cluster.address(name)
    if not (namespace and bare) or "/" in bare:
        raise click.UsageError("Write NAME or NAMESPACE/NAME of a Recording.")
    try:
        return Recording.model_validate(KubeApi(cluster.rest).get_recording(namespace, bare))
    except NotFound:
        raise Failure(f"Recording {namespace}/{bare} does not exist.") from None
    except ValidationError:
        raise Failure(_other_version(f"Recording {namespace}/{bare}")) from None


def chosen_artifact(recording: Recording, name: str | None) -> str:
    """The named artifact, else the only one, else the only video. Raises click.UsageError, Failure."""
    artifacts = recording.spec.artifacts
    names = [one.name for one in artifacts]
    if name is not None:
        if name not in names:
            raise Failure(f"Recording {address_of(recording)} has no artifact {name}. It has {', '.join(names)}.")
        return name
    videos = [one.name for one in artifacts if one.kind is ArtifactKind.VIDEO]
    for found in (names, videos):
        if len(found) == 1:
            return found[0]
    raise click.UsageError(f"Recording {address_of(recording)} has {', '.join(names)}. Name one of them.")


def stored_artifact(recording: Recording, name: str) -> ArtifactStatus:
    """The status of an artifact whose object is in the store. Raises Failure."""
    for status in recording.status.artifacts:
        if status.name == name and status.has_expired:
            raise Failure(f"Artifact {name} has expired. {status.message or ''}".rstrip())
        if status.name == name and status.is_stored and status.key:
            return status
    meta = recording.metadata
    raise Failure(
        f"Artifact {name} is not stored. kubectl describe recording {meta.name} --namespace {meta.namespace} says why."
    )


def resolved(cluster: Cluster, recording: Recording, access: StoreAccess, *, cdn: bool = False) -> StoredRecording:
    """The Recording with its location and the credentials. `cdn`: with the key of the location's CDN too.

    Raises Failure, SecretError, KubeError.
    """
    location = _location(cluster, recording)
    if location.spec.s3 is None:
        return StoredRecording(recording=recording, location=location, credentials=None, cdn=None)
    changes: dict[str, object] = {}
    if access.endpoint_url is not None:
        changes["endpoint"] = access.endpoint_url
    if access.own_credentials:
        changes["credentials"] = None
    s3 = location.spec.s3.model_copy(update=changes)
    location = location.model_copy(update={"spec": location.spec.model_copy(update={"s3": s3})})
    credentials, key, secret = _secrets(cluster, location, access, cdn=cdn)
    return StoredRecording(recording=recording, location=location, credentials=credentials, cdn=key, secret=secret)


def found_object(store: LocationStore, recording: Recording, artifact: ArtifactStatus) -> FoundObject:
    """The object of an artifact: exactly the version in the status. Raises Failure, StoreError."""
    key = str(artifact.key)
    head = store.head(key, version_id=artifact.version_id)
    state = store.archive_state(key, version_id=artifact.version_id)
    if head is None or state is None:
        what = "The object" if artifact.version_id is None else "This version of the object"
        raise Failure(f"{what} no longer exists in the store: a lifecycle rule or a person removed it.")
    if head.recording_uid != recording_uid(recording):
        raise Failure("The object at the key does not belong to this Recording.")
    _check_same(artifact, head.stored)
    return FoundObject(stored=head.stored, archive=state)


def readable_object(store: LocationStore, recording: Recording, artifact: ArtifactStatus) -> StoredObject:
    """The object of an artifact that can be read now. Raises Failure, StoreError."""
    found = found_object(store, recording, artifact)
    if found.archive.is_restoring:
        raise Failure(f"Artifact {artifact.name} is archived ({found.archive.archive}) and is being restored.")
    if not found.archive.is_readable:
        meta = recording.metadata
        raise Failure(
            f"Artifact {artifact.name} is archived ({found.archive.archive}) and must be restored first: "
            f"{program()} restore {meta.name} {artifact.name} -n {meta.namespace}"
        )
    _check_size(artifact, found.stored)
    return found.stored


def _check_same(artifact: ArtifactStatus, stored: StoredObject) -> None:
    """A copy with another ETag is the same object if the store has its checksum. Raises Failure."""
    if not artifact.etag or artifact.etag == stored.etag:
        return
    if not artifact.checksum or artifact.checksum != stored.checksum:
        raise Failure(
            f"The object of artifact {artifact.name} has the ETag {stored.etag}, but the operator stored "
            f"{artifact.etag}. Another program has replaced it."
        )


def _check_size(artifact: ArtifactStatus, stored: StoredObject) -> None:
    """Raises Failure."""
    size_bytes = artifact.bytes_total
    if size_bytes is not None and size_bytes != stored.size_bytes:
        raise Failure(
            f"The object of artifact {artifact.name} has {stored.size_bytes} bytes, but the operator stored "
            f"{size_bytes}. Another program has replaced it."
        )


def check_is_bucket(found: StoredRecording, artifacts: Sequence[ArtifactStatus]) -> None:
    """Say where the files are if the location is a directory. Raises Failure."""
    if found.location.spec.s3 is None:
        paths = ", ".join(f"{found.location.store.bucket.rstrip('/')}/{one.key}" for one in artifacts)
        raise Failure(
            f"StorageLocation {found.location.metadata.name} is a directory, which only the operator's pods and other "
            f"hosts with its volume can read. The path is {paths}."
        )


def address_of(recording: Recording) -> str:
    """NAMESPACE/NAME."""
    return f"{recording.metadata.namespace}/{recording.metadata.name}"


def _location(cluster: Cluster, recording: Recording) -> StorageLocation:
    name = recording.location
    if name is None:
        raise Failure(f"The status of Recording {address_of(recording)} names no StorageLocation.")
    try:
        location = StorageLocation.model_validate(KubeApi(cluster.rest).get_location(name))
    except NotFound:
        raise Failure(f"StorageLocation {name} does not exist any more.") from None
    except ValidationError:
        raise Failure(_other_version(f"StorageLocation {name}")) from None
    if recording.status.bucket != location.store.bucket:
        raise Failure(
            f"The object is in the bucket {recording.status.bucket}, but StorageLocation {name} was created again with "
            f"the bucket {location.store.bucket}."
        )
    return location


def _secrets(
    cluster: Cluster, location: StorageLocation, access: StoreAccess, *, cdn: bool
) -> tuple[StoreCredentials | None, CdnKey | None, str]:
    """The Secrets of the location, in the operator's namespace, and how the first is called in messages."""
    given, store = location.store.credentials, location.store
    name = None if given is None else given.key_secret
    if name is None and (store.cdn is None or not cdn):
        return None, None, ""
    kube, namespace = KubeApi(cluster.rest), secrets_namespace(cluster, access.operator_namespace)
    credentials = location_credentials(kube, location, operator_namespace=namespace)
    key = location_cdn(kube, location, operator_namespace=namespace) if cdn else None
    return credentials, key, f"Secret {namespace}/{name}" if name else ""


def _other_version(what: str) -> str:
    return f"{what} cannot be read. Its CRD has another version than this program."
