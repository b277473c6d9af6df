"""Presigns the URL of an artifact, for `recording-operator presign`."""

import logging
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Never

import click
from pydantic import ValidationError

from recording_operator.api.reasons import Trait
from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.units import parse_duration
from recording_operator.cli.verb import note
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.controller.identities import confirm
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import recording_uid
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import ConnectionConfigError, Forbidden, KubeError, NotFound
from recording_operator.kube.rest import RestClient
from recording_operator.kube.secrets import SecretError, location_cdn, location_credentials
from recording_operator.logs import Redactor, configure_logging
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.factory import open_store
from recording_operator.stores.presigning import CdnKey, NotPresignableError, PresignedUrl

_FAILED: Final = 1
_TRY_LATER: Final = 75  # EX_TEMPFAIL of sysexits.h
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignRequest:
    """The command line of one URL."""

    namespace: str
    name: str
    artifact: str
    expires: str
    download: bool
    no_cdn: bool
    endpoint_url: str | None
    kubeconfig: Path | None
    context: str | None
    operator_namespace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A stored artifact, its location, and the secrets that sign its URL."""

    recording: Recording
    artifact: ArtifactStatus
    location: StorageLocation
    credentials: StoreCredentials | None
    cdn: CdnKey | None


class _NotStoredError(Exception):
    """The artifact is not in the store, or not where the status says."""


def run_presign(request: PresignRequest) -> None:
    """Print the URL. If there is none, print the reason to standard error and exit."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.ERROR)  # it says itself why there is no URL
    expires = _lifetime(request.expires)
    try:
        made = _presigned(request, _read(request), expires)
    except Forbidden as error:
        _fail(f"{error}. recording-operator presign --help says which rights are needed.")
    except (_NotStoredError, NotPresignableError, KubeError, ConnectionConfigError) as error:
        _fail(str(error))
    except SecretError as error:
        _fail(for_secrets(error.message))
    except (TransferError, LocationError) as error:
        may_recover = Trait.MAY_RECOVER in error.reason.traits
        _fail(for_location(error.message), status=_TRY_LATER if may_recover else _FAILED)
    for remark in made.notes:
        note(remark)
    click.echo(made.url)


def _lifetime(text: str) -> timedelta:
    try:
        expires = parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--expires: {error}.") from None
    if not _SHORTEST <= expires <= _LONGEST:
        raise click.UsageError("--expires: write a duration from 1s to 168h.")
    return expires


def _read(request: PresignRequest) -> _Stored:
    server = connection(kubeconfig=request.kubeconfig, context=request.context)
    rest = RestClient(server)
    try:
        return _read_with(KubeApi(rest), request, request.operator_namespace or server.namespace)
    finally:
        rest.close()


def _read_with(kube: KubeApi, request: PresignRequest, operator_namespace: str) -> _Stored:
    recording = _recording(kube, request)
    artifact = _artifact(recording, request)
    location = _location(kube, recording, request)
    credentials = location_credentials(kube, location, operator_namespace=operator_namespace)
    cdn = None if request.no_cdn else location_cdn(kube, location, operator_namespace=operator_namespace)
    return _Stored(recording=recording, artifact=artifact, location=location, credentials=credentials, cdn=cdn)


def _recording(kube: KubeApi, request: PresignRequest) -> Recording:
    try:
        return Recording.model_validate(kube.get_recording(request.namespace, request.name))
    except NotFound:
        raise _NotStoredError(f"Recording {request.namespace}/{request.name} does not exist.") from None
    except ValidationError:
        raise _NotStoredError(_other_version(f"Recording {request.namespace}/{request.name}")) from None


def _artifact(recording: Recording, request: PresignRequest) -> ArtifactStatus:
    names = [artifact.name for artifact in recording.spec.artifacts]
    if request.artifact not in names:
        raise _NotStoredError(
            f"Recording {request.namespace}/{request.name} has no artifact {request.artifact}. "
            f"It has {', '.join(names)}."
        )
    for status in recording.status.artifacts:
        if status.name == request.artifact and status.has_expired:
            raise _NotStoredError(f"Artifact {request.artifact} has expired. {status.message or ''}".rstrip())
        if status.name == request.artifact and status.is_stored and status.key:
            return status
    raise _NotStoredError(
        f"Artifact {request.artifact} is not stored. kubectl describe recording {request.name} "
        f"--namespace {request.namespace} says why."
    )


def _location(kube: KubeApi, recording: Recording, request: PresignRequest) -> StorageLocation:
    name = recording.location
    if name is None:
        raise _NotStoredError(f"The status of Recording {request.namespace}/{request.name} names no StorageLocation.")
    try:
        location = StorageLocation.model_validate(kube.get_location(name))
    except NotFound:
        raise _NotStoredError(f"StorageLocation {name} does not exist any more.") from None
    except ValidationError:
        raise _NotStoredError(_other_version(f"StorageLocation {name}")) from None
    if recording.status.bucket != location.store.bucket:
        raise _NotStoredError(
            f"The object is in the bucket {recording.status.bucket}, but StorageLocation {name} was created again with "
            f"the bucket {location.store.bucket}."
        )
    if location.spec.s3 is None:
        raise _NotStoredError(
            f"StorageLocation {name} is a directory, and files have no URLs. They are below {location.store.bucket} in "
            "the operator's pods."
        )
    if request.endpoint_url is None:
        return location
    s3 = location.spec.s3.model_copy(update={"endpoint": request.endpoint_url})
    return location.model_copy(update={"spec": location.spec.model_copy(update={"s3": s3})})


def _other_version(what: str) -> str:
    return f"{what} cannot be read. Its CRD has another version than this program."


def _presigned(request: PresignRequest, stored: _Stored, expires: timedelta) -> PresignedUrl:
    store = open_store(stored.location, stored.credentials)
    key, former = str(stored.artifact.key), former_of(stored.recording, stored.location)
    try:
        if former is not None:
            confirm(store, former)
        return store.presign(
            key,
            version_id=stored.artifact.version_id,
            recording_uid=recording_uid(stored.recording),
            expires=expires,
            attachment=_file_name(request, key) if request.download else None,
            cdn=stored.cdn,
        )
    finally:
        store.close()


def _file_name(request: PresignRequest, key: str) -> str:
    """Name of the Recording and the artifact, with the extension of the key."""
    _, dot, extension = key.rpartition("/")[2].partition(".")
    return f"{request.name}-{request.artifact}{dot}{extension}"


def _fail(message: str, *, status: int = _FAILED) -> Never:
    note(message)
    sys.exit(status)
