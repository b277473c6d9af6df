"""Sends a local file as an artifact of a Recording, for the verb `upload`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.api.units import format_bytes
from recording_operator.checksums import to_text
from recording_operator.cli.arguments import shown_path
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.downloading.progress import progress_of
from recording_operator.cli.interruption import ended_as_by_ctrl_c
from recording_operator.cli.recordings.goals import Goal
from recording_operator.cli.recordings.selection import name_of
from recording_operator.cli.recordings.waiting import WaitRequest, wait_in
from recording_operator.cli.recordings.writing import create_all
from recording_operator.cli.screen.progress_line import ProgressLine
from recording_operator.cli.uploading.console import ConsoleClient, ConsoleError
from recording_operator.cli.uploading.sending import FileSender, LocalFile
from recording_operator.cli.verb import EXIT_TIMEOUT, Failure, note, program
from recording_operator.kube.errors import NotFound
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.drafting import name_from_title
from recording_operator.user_actions.file_types import file_type
from recording_operator.user_actions.uploads import finish_of

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_OPEN_WITHIN: Final = timedelta(minutes=10)
_RESOURCE: Final = "recording.recordings.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """The command line."""

    cluster: ClusterOptions
    file: Path
    name: str | None
    artifact: str | None
    kind: str | None
    content_type: str | None
    org: str | None
    user: str | None
    project: str | None
    title: str | None
    location: str | None
    expires_after: timedelta | None
    console: str | None
    parallel: int
    wait: bool
    timeout: timedelta | None


def run_upload(request: UploadRequest) -> None:
    """Send the file. Raises Failure, KubeError, UsageError."""
    started_s = time.monotonic()
    url = _console_url(request.console)
    file = LocalFile.of(request.file)
    with ended_as_by_ctrl_c(), open_cluster(request.cluster) as cluster:
        token = _token(cluster, request)
        recording = _existing(cluster, request) or _create(cluster, request, file)
        name = name_of(recording)
        artifact = _artifact(recording, request)
        namespace, _, plain = name.partition("/")
        uid = str(recording["metadata"]["uid"])
        client = ConsoleClient(url=url, token=token, namespace=namespace, recording=plain, uid=uid, artifact=artifact)
        try:
            _send(client, recording, file, request, started_s=started_s)
        except ConsoleError as error:
            raise Failure(f"{name} {artifact}: {error.detail}") from None
        except KeyboardInterrupt:
            note(f"To go on: {program()} upload {shown_path(request.file)} {name} --artifact {artifact}")
            raise
        click.echo(f"{_RESOURCE}/{plain} has {artifact} now: {format_bytes(file.size_bytes)}")
        if request.wait:
            wanted = WaitRequest(
                cluster=request.cluster, names=(name,), selector=None, goal=Goal.COMPLETE, timeout=request.timeout
            )
            wait_in(cluster, wanted, started_s=started_s, announces=False)
            note(f"{name} is Complete.")
        else:
            note(f"The operator checks the file now. To wait for that: {program()} wait {name}")


def _console_url(text: str | None) -> str:
    """The address of the console. Raises UsageError."""
    if not text:
        raise click.UsageError("Where is the console? Write --console URL, or set RECORDINGS_CONSOLE_URL.")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.query or parts.username:
        raise click.UsageError("Write the address of the console as https://HOST.")
    if parts.scheme == "http" and host not in _LOOPBACK:
        note("Your token is sent to the console without encryption. Use https if you can.")
    return text.rstrip("/")


def _token(cluster: Cluster, request: UploadRequest) -> str:
    """The caller's own token. Raises Failure."""
    if request.cluster.as_user or request.cluster.as_groups:
        raise Failure("The console does not know --as: it believes only your own token. Leave --as out.")
    token = cluster.token.current()
    if token is None:
        raise Failure(
            "Your kubeconfig has no token, and the console believes nothing else: a certificate is only for the API "
            "server. Use a context with a token, such as that of a ServiceAccount (kubectl create token NAME)."
        )
    return token


def _existing(cluster: Cluster, request: UploadRequest) -> dict[str, Any] | None:
    """The Recording that is named, if there is one."""
    if request.name is None:
        return None
    namespace, name = cluster.address(request.name)
    try:
        return cluster.resources.get(RECORDINGS, name, namespace=namespace)
    except NotFound:
        return None


def _create(cluster: Cluster, request: UploadRequest, file: LocalFile) -> dict[str, Any]:
    """Create a Recording that waits for the file. Raises KubeError, UsageError."""
    if not request.org:
        raise click.UsageError("Who does it belong to? Write --org.")
    kind, media_type = file_type(file.path.name)
    title = request.title or file.path.stem
    namespace, name = cluster.address(request.name or name_from_title(title))
    owner = {"org": request.org, "user": request.user, "project": request.project}
    content_type = request.content_type or media_type
    seconds = None if request.expires_after is None else f"{int(request.expires_after.total_seconds())}s"
    upload = {"maxSize": str(file.size_bytes), **({"expiresAfter": seconds} if seconds else {})}
    wanted_kind = request.kind or kind.value
    artifact = {
        "name": request.artifact or wanted_kind.lower(),
        "kind": wanted_kind,
        **({"contentType": content_type} if content_type else {}),
        "source": {"upload": upload},
    }
    spec = {
        "owner": {key: value for key, value in owner.items() if value},
        "title": title,
        **({"storageLocation": request.location} if request.location else {}),
        "artifacts": [artifact],
    }
    manifest = {
        "apiVersion": API_VERSION,
        "kind": RECORDING_KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    }
    stored = create_all(cluster.resources, manifest, ())
    note(f"Recording {namespace}/{name} was created.")
    return stored


def _artifact(recording: Mapping[str, Any], request: UploadRequest) -> str:
    """The name of the artifact that waits for a client. Raises Failure."""
    waiting = [
        str(one["name"])
        for one in recording["spec"]["artifacts"]
        if (one.get("source") or {}).get("upload") is not None
    ]
    if request.artifact is not None:
        if request.artifact not in waiting:
            raise Failure(f"{name_of(recording)} has no artifact {request.artifact} with source.upload.")
        return request.artifact
    if not waiting:
        raise Failure(f"{name_of(recording)} exists, and has no artifact with source.upload. Choose another name.")
    if len(waiting) > 1:
        raise Failure(f"{name_of(recording)} waits for several files. Write --artifact, one of {', '.join(waiting)}.")
    return waiting[0]


def _send(
    client: ConsoleClient, recording: Mapping[str, Any], file: LocalFile, request: UploadRequest, *, started_s: float
) -> None:
    """Send what the store does not have, and say so. Raises ConsoleError, Failure."""
    finish = finish_of(recording, client.artifact)
    if finish is not None and finish["size"] != file.size_bytes:
        raise Failure(
            f"The upload was finished already, with {finish['size']} bytes, and the file has {file.size_bytes}."
        )
    until_s = started_s + (request.timeout or _OPEN_WITHIN).total_seconds()
    upload = _opened(client, file, is_finished=finish is not None, until_s=until_s)
    if upload is None:
        return
    upload_id = str(upload["uploadId"])
    stored = {int(one["PartNumber"]): one for one in client.parts(upload_id)}
    progress = progress_of(file.path.name, total_bytes=file.size_bytes, done_bytes=0)
    sender = FileSender(
        client=client,
        file=file,
        upload_id=upload_id,
        part_size_bytes=int(upload["partSize"]),
        md5_etags=bool(upload["md5Etags"]),
        parallel=request.parallel,
        show=progress.show,
    )
    try:
        crc = sender.send(stored)
    finally:
        progress.close()
    file.check_unchanged()
    client.complete(upload_id, size_bytes=file.size_bytes, checksum=to_text(crc))


def _opened(client: ConsoleClient, file: LocalFile, *, is_finished: bool, until_s: float) -> Mapping[str, Any] | None:
    """Wait until the operator has opened the upload. None: everything was sent before. Raises ConsoleError, Failure."""
    said = ""
    with ProgressLine() as line:
        while True:
            try:
                return client.begin(size_bytes=file.size_bytes)
            except ConsoleError as error:
                if error.retry_after_s is None:
                    if not is_finished:
                        raise
                    checksum = to_text(file.crc64nvme())  # another file may have the same size
                    if client.state(size_bytes=file.size_bytes, checksum=checksum)["phase"] == "Failed":
                        raise
                    return None
                if time.monotonic() + error.retry_after_s > until_s:
                    raise Failure(f"{error.detail} The Recording waits on.", status=EXIT_TIMEOUT) from None
                if error.detail != said and not line.is_shown and said:
                    note(error.detail)
                said = error.detail
                line.show(said)
                time.sleep(error.retry_after_s)
