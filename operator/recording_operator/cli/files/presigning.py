"""`presign`: a URL of an artifact, printed, as a document, or opened in a browser."""

import webbrowser
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.api.units import parse_duration
from recording_operator.cli.artifacts.failures import store_failures
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.artifacts.resolving import chosen_artifact, get_recording, resolved, stored_artifact
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.formats import write_document
from recording_operator.cli.verb import Failure, note
from recording_operator.engine.identity import recording_uid
from recording_operator.stores.presigning import PresignedUrl
from recording_operator.user_actions.file_names import file_name
from recording_operator.user_actions.stored_objects import StoredRecording

_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignRequest:
    """The command line of one URL."""

    cluster: ClusterOptions
    access: StoreAccess
    name: str
    artifact: str | None
    expires: str
    download: bool
    no_cdn: bool
    open_it: bool
    output: str


def run_presign(request: PresignRequest) -> None:
    """Print the URL, or open it. Raises Failure if there is none."""
    expires = _lifetime(request.expires)
    if request.open_it and request.output != "url":
        raise click.UsageError("--open prints no URL, so it has no --output.")
    with open_cluster(request.cluster) as cluster, store_failures():
        recording = get_recording(cluster, request.name)
        artifact = stored_artifact(recording, chosen_artifact(recording, request.artifact))
        found = resolved(cluster, recording, request.access, cdn=not request.no_cdn)
        _check_has_urls(found)
        made = _presigned(request, found, artifact, expires)
    for remark in made.notes:
        note(remark)
    if request.open_it:
        _open(made, artifact)
    elif request.output == "url":
        click.echo(made.url)
    else:
        write_document(_document(recording, artifact, made), request.output)


def _lifetime(text: str) -> timedelta:
    try:
        expires = parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--expires: {error}.") from None
    if not _SHORTEST <= expires <= _LONGEST:
        raise click.UsageError("--expires: write a duration from 1s to 168h.")
    return expires


def _check_has_urls(found: StoredRecording) -> None:
    location = found.location
    if location.spec.s3 is None:
        raise Failure(
            f"StorageLocation {location.metadata.name} is a directory, and files have no URLs. They are below "
            f"{location.store.bucket} in the operator's pods."
        )


def _presigned(
    request: PresignRequest, found: StoredRecording, artifact: ArtifactStatus, expires: timedelta
) -> PresignedUrl:
    key = str(artifact.key)
    name = file_name(found.recording.metadata.name, artifact)
    with found.opened() as store:
        return store.presign(
            key,
            version_id=artifact.version_id,
            recording_uid=recording_uid(found.recording),
            expires=expires,
            etag=artifact.etag,
            attachment=name if request.download else None,
            cdn=found.cdn,
        )


def _open(made: PresignedUrl, artifact: ArtifactStatus) -> None:
    """Open the URL in a browser. It is not printed, not even if there is no browser."""
    try:
        opened = webbrowser.open(made.url)
    except webbrowser.Error:
        opened = False
    if not opened:
        raise Failure("No browser could be opened. Set BROWSER, or call this without --open to print the URL.")
    note(f"Artifact {artifact.name} is open in the browser. The URL works until {_until(made)}.")


def _until(made: PresignedUrl) -> str:
    return f"{made.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def _document(recording: Recording, artifact: ArtifactStatus, made: PresignedUrl) -> dict[str, object]:
    meta = recording.metadata
    return {
        "namespace": meta.namespace,
        "recording": meta.name,
        "artifact": artifact.name,
        "url": made.url,
        "expiresAt": _until(made),
        "notes": list(made.notes),
    }
