"""URLs of stored files, for callers with the right to presign: of the store itself, its CDN, or the console."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError

from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.files.links import FileLink
from recording_operator.console.parts import ConsoleParts, not_found, require
from recording_operator.console.problems import Problem
from recording_operator.engine.identity import recording_uid
from recording_operator.engine.keys import EXTENSIONS, render_key
from recording_operator.engine.placement import key_facts, key_of
from recording_operator.kube.errors import NotFound
from recording_operator.user_actions.file_names import file_name
from recording_operator.user_actions.stored_objects import StoredRecording, readable_object, stored_artifact

PRESIGN: Final = "presign"
LONGEST: Final = timedelta(days=7)
LONGEST_OF_CONSOLE: Final = timedelta(days=1)
"""A link to a file in a directory. Its token is in the path, which proxies write into their logs."""
USUAL: Final = timedelta(hours=1)
FILES_PATH: Final = "/files"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRequest:
    """Which file, and what the URL is for."""

    namespace: str
    name: str
    artifact: str
    uid: str | None = None
    """None: the Recording that has the name now, otherwise the last one that had it."""
    expires: timedelta = USUAL
    is_download: bool = False
    """Browsers save the file instead of showing it."""
    may_use_cdn: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactUrl:
    """A URL of a file. It is a secret until it expires, so `repr` does not show it."""

    url: str = field(repr=False)
    """Of a file in a directory: a path of the console."""
    expires_at: datetime
    notes: tuple[str, ...] = ()
    file_name: str
    content_type: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A Recording, as the API server has it, or as the catalog knows it if it is gone."""

    recording: Recording
    is_gone: bool


def presigned_url(parts: ConsoleParts, caller: Caller, request: UrlRequest) -> ArtifactUrl:
    """The URL. Raises Problem, KubeError."""
    require(parts, caller, Action(verb=PRESIGN, namespace=request.namespace, name=request.name))
    known = _known(parts, caller, request)
    recording = known.recording
    location = recording.location or "-"
    restore = f"kubectl recordings restore {request.name} {request.artifact} -n {request.namespace}"
    with parts.stores.request(location, restore=restore):
        artifact = stored_artifact(recording, request.artifact)
        found = parts.stores.of(recording, cdn=request.may_use_cdn, may_lack_bucket=known.is_gone)
        _check_key(known, artifact, found.location)
        if found.location.spec.s3 is None:
            url = _of_console(parts, found, artifact, request)
        else:
            url = _of_store(found, artifact, request)
    _logger.info(
        "%s gets a URL of artifact %s of Recording %s/%s until %s",
        caller.username,
        request.artifact,
        request.namespace,
        request.name,
        url.expires_at.isoformat(),
    )
    return url


def _of_store(found: StoredRecording, artifact: ArtifactStatus, request: UrlRequest) -> ArtifactUrl:
    name = file_name(found.recording.metadata.name, artifact)
    with found.opened() as store:
        made = store.presign(
            str(artifact.key),
            version_id=artifact.version_id,
            recording_uid=recording_uid(found.recording),
            expires=request.expires,
            etag=artifact.etag,
            attachment=name if request.is_download else None,
            cdn=found.cdn,
        )
    return ArtifactUrl(
        url=made.url,
        expires_at=made.expires_at,
        notes=made.notes,
        file_name=name,
        content_type=artifact.content_type or "",
        size_bytes=artifact.bytes_total,
    )


def _of_console(
    parts: ConsoleParts, found: StoredRecording, artifact: ArtifactStatus, request: UrlRequest
) -> ArtifactUrl:
    name = file_name(found.recording.metadata.name, artifact)
    with found.opened() as store:
        stored = readable_object(store, found.recording, artifact)
    expires = min(request.expires, LONGEST_OF_CONSOLE)
    expires_at = (parts.now() + expires).replace(microsecond=0)
    link = FileLink(
        location=found.location.metadata.name,
        key=stored.key,
        etag=stored.etag,
        recording_uid=recording_uid(found.recording),
        artifact=artifact.name,
        file_name=name,
        is_download=request.is_download,
        expires=int(expires_at.timestamp()),
    )
    return ArtifactUrl(
        url=f"{FILES_PATH}/{parts.links.token(link)}/{name}",
        expires_at=expires_at,
        notes=("A link of the console works for at most 24 hours.",) if expires < request.expires else (),
        file_name=name,
        content_type=stored.content_type,
        size_bytes=stored.size_bytes,
    )


def _known(parts: ConsoleParts, caller: Caller, request: UrlRequest) -> _Known:
    """The Recording in Kubernetes, otherwise what the catalog knows of it. Raises Problem."""
    try:
        live = Recording.model_validate(parts.kube.get_recording(request.namespace, request.name))
    except NotFound:
        live = None
    except ValidationError:
        detail = "The Recording cannot be read. Its CRD has another version than the console."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None
    if live is not None and request.uid in (None, live.metadata.uid):
        return _Known(recording=_with_artifact(live, request.artifact), is_gone=False)
    entry = _entry(parts, request)
    visible = parts.access.visible(caller, [request.namespace], verb=PRESIGN)
    since = visible.since.get(request.namespace)
    if entry is None or not (visible.everything or (since is not None and entry.created >= since)):
        raise not_found(request.namespace, request.name)
    return _Known(recording=_with_artifact(_recording_of(entry), request.artifact), is_gone=True)


def _entry(parts: ConsoleParts, request: UrlRequest) -> CatalogEntry | None:
    if request.uid is None:
        return parts.reader.entry(request.namespace, request.name)
    entry = parts.reader.by_uid(request.uid)
    named = entry is not None and (entry.namespace, entry.name) == (request.namespace, request.name)
    return entry if named else None


def _with_artifact(recording: Recording, artifact: str) -> Recording:
    if artifact not in {one.name for one in recording.spec.artifacts}:
        raise Problem(HTTPStatus.NOT_FOUND, f"The Recording has no artifact {artifact}.")
    return recording


def _recording_of(entry: CatalogEntry) -> Recording:
    """A Recording that is gone, as the catalog knows it. The store has to confirm the identity of a rebuilt one."""
    identity = None
    if entry.stored_uid != entry.uid:
        identity = {"uid": entry.stored_uid, "createdAt": entry.stored_created}
    owner = {"org": entry.org, "user": entry.user or None, "project": entry.project or None}
    metadata = {"namespace": entry.namespace, "name": entry.name, "uid": entry.uid}
    states = [
        {
            "name": one.name,
            "phase": one.phase,
            "reason": one.reason or None,
            "key": one.key or None,
            "etag": one.etag or None,
            "versionId": one.version_id,
            "contentType": one.content_type or None,
            "checksum": one.checksum or None,
            "bytesTotal": one.size_bytes,
        }
        for one in entry.artifacts
    ]
    return Recording.model_validate(
        {
            "metadata": {**metadata, "creationTimestamp": entry.created},
            "spec": {
                "owner": owner,
                "artifacts": [{"name": one.name, "kind": one.kind} for one in entry.artifacts],
                "identity": identity,
            },
            "status": {"storageLocation": entry.location or None, "artifacts": states},
        }
    )


def _check_key(known: _Known, artifact: ArtifactStatus, location: StorageLocation) -> None:
    """A status can be forged: the key must be that of the location's template. Raises Problem.

    The catalog does not know the content types of the spec, on which only the extension depends.
    """
    recording = known.recording
    if known.is_gone:
        keys = {
            render_key(
                prefix=location.store.prefix,
                template=location.spec.key_template,
                facts=key_facts(recording),
                artifact=artifact.name,
                content_type=content_type,
            )
            for content_type in ("", *EXTENSIONS)
        }
    else:
        keys = {key_of(recording, artifact.name, location)}
    if artifact.key not in keys:
        detail = "The key of the file is not the one that its StorageLocation gives to this Recording."
        raise Problem(HTTPStatus.CONFLICT, detail)
