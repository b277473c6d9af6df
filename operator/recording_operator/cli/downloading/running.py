"""`download`: all chosen artifacts of a Recording, one after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.cli.artifacts.failures import failure_of, store_failures
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.artifacts.resolving import (
    check_is_bucket,
    chosen_artifact,
    get_recording,
    readable_object,
    resolved,
    stored_artifact,
)
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.downloading.downloader import Download, run_download_of
from recording_operator.cli.downloading.fetching import ObjectChangedError
from recording_operator.cli.downloading.part_file import part_of
from recording_operator.cli.downloading.verification import expectation
from recording_operator.cli.verb import Failure, note
from recording_operator.stores.errors import StoreError
from recording_operator.user_actions.file_names import file_name

RANGE_BYTES: Final = 16 * 2**20
"""Of one request. A request costs little, and what an interruption loses is not more than these."""
_STARTS: Final = 3
"""How often an artifact is looked up: again if its object has changed, or if its credentials have expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadRequest:
    """The command line."""

    cluster: ClusterOptions
    access: StoreAccess
    name: str
    artifacts: tuple[str, ...]
    output_dir: Path
    parallel: int
    force: bool


def run_download(request: DownloadRequest) -> None:
    """Download the artifacts, and print the path of each file. Raises Failure if one was not downloaded."""
    with open_cluster(request.cluster) as cluster, store_failures():
        recording = get_recording(cluster, request.name)
        names = [chosen_artifact(recording, name) for name in dict.fromkeys(request.artifacts)]
        names = names or [one.name for one in recording.spec.artifacts]
        _make_folder(request.output_dir)
        failures = [failure for name in names if (failure := _try(cluster, request, name)) is not None]
    if not failures:
        return
    *others, last = failures
    for failure in others:
        note(failure.message)
    raise Failure(last.message, status=min(failure.status for failure in failures))


def _try(cluster: Cluster, request: DownloadRequest, name: str) -> Failure | None:
    """Download one artifact and print its path. A failure is returned, and the other artifacts are downloaded."""
    try:
        click.echo(_downloaded(cluster, request, name))
    except Failure as failure:
        return failure
    except StoreError as error:
        return failure_of(error)
    return None


def _downloaded(cluster: Cluster, request: DownloadRequest, name: str) -> Path:
    for start in range(_STARTS):
        # Read again each time: the operator may have stored another object, or renewed the Secret.
        recording = get_recording(cluster, request.name)
        artifact = stored_artifact(recording, name)
        path = request.output_dir / file_name(recording.metadata.name, artifact)
        try:
            _download(cluster, request, recording, artifact, path)
        except ObjectChangedError:
            note(f"{path.name}: The object at the key has changed meanwhile. Starting again.")
        except StoreError as error:
            if start == _STARTS - 1 or error.location_reason is not Reason.CREDENTIALS_INVALID:
                raise
        except KeyboardInterrupt:
            note(f"Interrupted. What was downloaded is kept in {part_of(path)}; the same command continues.")
            raise
        else:
            return path
    raise Failure(f"The object of artifact {name} changed {_STARTS} times during the download. Try again later.")


def _download(
    cluster: Cluster, request: DownloadRequest, recording: Recording, artifact: ArtifactStatus, path: Path
) -> None:
    found = resolved(cluster, recording, request.access)
    check_is_bucket(found, [artifact])
    with found.opened() as store:
        stored = readable_object(store, recording, artifact)
        if stored.content_encoding:
            note(f"{path.name}: The bytes are stored with the encoding {stored.content_encoding}.")
        download = Download(
            stored=stored,
            expected=expectation(store, artifact, stored),
            path=path,
            threads=request.parallel,
            force=request.force,
            range_bytes=RANGE_BYTES,
        )
        run_download_of(download, store)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder} cannot be created: {error.strerror}.") from None
