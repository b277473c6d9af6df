"""Finds a Recording, its stored artifacts, their StorageLocation and its credentials, with the user's own rights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from pydantic import ValidationError

from recording_operator.api.recording import ArtifactKind, ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.cli.administration.installation import secrets_namespace
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.caller import Cluster
from recording_operator.cli.verb import Failure, program
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.kube.secrets import location_cdn, location_credentials
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.presigning import CdnKey
from recording_operator.user_actions import stored_objects
from recording_operator.user_actions.stored_objects import (
    FoundObject,
    ObjectObstacle,
    ObjectUnavailable,
    StoredRecording,
    location_of,
    other_version,
)


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
        raise Failure(other_version(f"Recording {namespace}/{bare}")) from None


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
    meta = recording.metadata
    hint = f" kubectl describe recording {meta.name} --namespace {meta.namespace} says why."
    with _as_failure({ObjectObstacle.NOT_STORED: hint}):
        return stored_objects.stored_artifact(recording, name)


def resolved(cluster: Cluster, recording: Recording, access: StoreAccess, *, cdn: bool = False) -> StoredRecording:
    """The Recording with its location and the credentials. `cdn`: with the key of the location's CDN too.

    Raises Failure, SecretError, KubeError.
    """
    with _as_failure():
        location = location_of(KubeApi(cluster.rest), recording)
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
    with _as_failure():
        return stored_objects.found_object(store, recording, artifact)


def readable_object(store: LocationStore, recording: Recording, artifact: ArtifactStatus) -> StoredObject:
    """The object of an artifact that can be read now. Raises Failure, StoreError."""
    meta = recording.metadata
    hint = f": {program()} restore {meta.name} {artifact.name} -n {meta.namespace}"
    with _as_failure({ObjectObstacle.ARCHIVED: hint}):
        return stored_objects.readable_object(store, recording, artifact)


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


@contextmanager
def _as_failure(hints: dict[ObjectObstacle, str] | None = None) -> Iterator[None]:
    """Turn ObjectUnavailable into Failure, with what to do next."""
    try:
        yield
    except ObjectUnavailable as error:
        raise Failure(f"{error}{(hints or {}).get(error.obstacle, '')}") from None


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
