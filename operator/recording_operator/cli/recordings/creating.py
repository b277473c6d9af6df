"""Creates a Recording, for the verb `create`."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.interruption import ended_as_by_ctrl_c
from recording_operator.cli.recordings.goals import Goal
from recording_operator.cli.recordings.manifests import read_manifest
from recording_operator.cli.recordings.row import row_of
from recording_operator.cli.recordings.secret_access import warn_if_secrets_are_closed
from recording_operator.cli.recordings.selection import name_of, named
from recording_operator.cli.recordings.sources import FileArgument, checked_url, read_sources
from recording_operator.cli.recordings.waiting import WaitRequest, wait_in
from recording_operator.cli.recordings.writing import check_waiting, check_writes, create_all
from recording_operator.cli.screen.formats import without_managed_fields, write_document
from recording_operator.cli.verb import Failure, note
from recording_operator.kube.errors import AlreadyExists
from recording_operator.user_actions.drafting import (
    DraftArtifact,
    OwnedSecretDraft,
    Placed,
    name_from_title,
    place,
    urls_into_secret,
    with_expiry,
    with_suffix,
    without_signatures,
)

_TRIES: Final = 3
_DRY_RUNS: Final = {"client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str | None
    files: tuple[FileArgument, ...]
    from_file: Path | None
    title: str | None
    org: str | None
    user: str | None
    project: str | None
    location: str | None
    priority: int | None
    labels: tuple[tuple[str, str], ...]
    expires_at: str | None
    secret: bool | None
    dry_run: str | None
    output: str | None
    show_secrets: bool
    wait: bool
    timeout: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafted:
    recording: dict[str, Any]
    secrets: tuple[OwnedSecretDraft, ...]


def run_create(request: CreateRequest) -> None:
    """Create the Recording. Raises Failure, KubeError, UsageError."""
    files = read_sources(request.files)
    base = read_manifest(request.from_file) if request.from_file is not None else _empty()
    _check(request, base, files)
    if request.wait and base["spec"].get("suspend"):
        raise click.UsageError("The manifest has spec.suspend, so the Recording would not start: leave --wait out.")
    if request.timeout is not None and not request.wait:
        raise click.UsageError("--timeout is for --wait.")
    with ended_as_by_ctrl_c(), open_cluster(request.cluster) as cluster:
        _create(cluster, request, base, files)


def _empty() -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": RECORDING_KIND, "metadata": {}, "spec": {"artifacts": []}}


def _check(request: CreateRequest, base: Mapping[str, Any], files: tuple[DraftArtifact, ...]) -> None:
    """Raise UsageError for what the API server would reject with fewer words."""
    listed = [str(one["name"]) for one in base["spec"]["artifacts"]]
    for artifact in base["spec"]["artifacts"]:
        if url := (artifact.get("source") or {}).get("url"):
            checked_url(str(url), name=str(artifact["name"]))
    if twice := [one.name for one in files if one.name in listed]:
        raise click.UsageError(f"The artifact {twice[0]} is in the manifest already.")
    if not files and not listed:
        raise click.UsageError("Which file? Write --video, --audio, another of the options, or --from-file.")
    if not (request.org or (base["spec"].get("owner") or {}).get("org")):
        raise click.UsageError("Who does it belong to? Write --org.")
    given = base["metadata"].get("name")
    if request.name and given and request.name != given:
        raise click.UsageError(f"The manifest has the name {given}.")


def _namespace(request: CreateRequest, base: Mapping[str, Any], *, default: str) -> str:
    given = base["metadata"].get("namespace")
    wanted = request.cluster.namespace
    if given and wanted and given != wanted:
        raise click.UsageError(f"The manifest has the namespace {given}, and -n says {wanted}.")
    return str(given or wanted or default)


def _create(cluster: Cluster, request: CreateRequest, base: dict[str, Any], files: tuple[DraftArtifact, ...]) -> None:
    namespace = _namespace(request, base, default=cluster.namespace)
    if request.dry_run == "client":
        _show(_draft(request, base, files, namespace=namespace, retried=False), request)
        return
    for attempt in range(_TRIES):
        drafted = _draft(request, base, files, namespace=namespace, retried=attempt > 0)
        try:
            checked = check_writes(cluster.resources, drafted.recording, drafted.secrets)
            if request.wait:
                check_waiting(cluster.resources, drafted.recording)
            if request.dry_run == "server":
                _show(_Drafted(recording=checked, secrets=drafted.secrets), request)
                return
            stored = create_all(cluster.resources, drafted.recording, drafted.secrets)
            break
        except AlreadyExists as error:
            if error.path.endswith("/recordings") and (request.name or base["metadata"].get("name")):
                name = drafted.recording["metadata"]["name"]
                raise Failure(f"Recording {namespace}/{name} exists already. Choose another name.") from None
            if attempt == _TRIES - 1:
                raise
    _show(_Drafted(recording=stored, secrets=drafted.secrets), request)
    if drafted.secrets and not drafted.recording["spec"].get("suspend"):
        warn_if_secrets_are_closed(cluster, stored)
    if request.wait:
        _wait(cluster, request, stored)


def _wait(cluster: Cluster, request: CreateRequest, stored: Mapping[str, Any]) -> None:
    """Wait until it is Complete. Raises Failure if it fails."""
    name = name_of(stored)
    wanted = WaitRequest(
        cluster=request.cluster, names=(name,), selector=None, goal=Goal.COMPLETE, timeout=request.timeout
    )
    wait_in(cluster, wanted, started_s=time.monotonic(), announces=False)
    row = row_of(named(cluster, name))
    note(f"{name} is Complete: {row.size or '0 B'} in {row.location}.")


def _draft(
    request: CreateRequest,
    base: dict[str, Any],
    files: tuple[DraftArtifact, ...],
    *,
    namespace: str,
    retried: bool,
) -> _Drafted:
    """The objects. `retried`: a name was taken, so the Secrets get another one."""
    spec: dict[str, Any] = dict(base["spec"])
    title = request.title if request.title is not None else str(spec.get("title") or "")
    metadata = dict(base["metadata"])
    prefix = str(metadata.pop("generateName", "")).rstrip("-")
    generated = with_suffix(prefix) if prefix else name_from_title(title)
    name = str(request.name or metadata.get("name") or generated)
    secret_name = with_suffix(name) if retried else name
    listed = with_expiry(spec["artifacts"], request.expires_at)
    in_spec = request.secret is False
    kept = Placed(artifacts=listed) if in_spec else urls_into_secret(listed, secret_name=secret_name)
    added = place(files, secret_name=secret_name, secret=request.secret, expires_at=request.expires_at)
    metadata |= {"name": name, "namespace": namespace}
    if request.labels:
        metadata["labels"] = {**(metadata.get("labels") or {}), **dict(request.labels)}
    given = {"title": request.title, "storageLocation": request.location, "priority": request.priority}
    owner = {"org": request.org, "user": request.user, "project": request.project}
    spec = {
        **spec,
        **{key: value for key, value in given.items() if value is not None},
        "owner": {**(spec.get("owner") or {}), **{key: value for key, value in owner.items() if value}},
    }
    del spec["artifacts"]  # last, as people write it
    spec["artifacts"] = [*kept.artifacts, *added.artifacts]
    return _Drafted(recording={**base, "metadata": metadata, "spec": spec}, secrets=_joined(kept, added))


def _joined(first: Placed, second: Placed) -> tuple[OwnedSecretDraft, ...]:
    """The Secrets of both; those with one name become one."""
    joined: dict[str, OwnedSecretDraft] = {}
    for secret in (*first.secrets, *second.secrets):
        known = joined.get(secret.name)
        data = {**(known.data if known else {}), **secret.data}
        has_urls = secret.has_urls and (known is None or known.has_urls)
        joined[secret.name] = OwnedSecretDraft(name=secret.name, data=data, has_urls=has_urls)
    return tuple(joined.values())


def _show(drafted: _Drafted, request: CreateRequest) -> None:
    metadata = drafted.recording["metadata"]
    if request.output == "name":
        sys.stdout.write(f"recording.recordings.dev/{metadata['name']}\n")
    elif request.output is None:
        suffix = _DRY_RUNS.get(request.dry_run or "", "")
        sys.stdout.write(f"recording.recordings.dev/{metadata['name']} created{suffix}\n")
    else:
        recording = without_managed_fields(drafted.recording)
        shown = recording if request.show_secrets else without_signatures(recording)
        secrets = [] if request.dry_run is None else [_shown(one, request, metadata) for one in drafted.secrets]
        _write([*secrets, shown], request.output)  # in this order they can be applied
    sys.stdout.flush()


def _shown(secret: OwnedSecretDraft, request: CreateRequest, metadata: Mapping[str, Any]) -> dict[str, Any]:
    namespace = str(metadata["namespace"])
    if request.show_secrets:
        return secret.manifest(namespace=namespace, owner=None)
    return secret.shown(namespace=namespace)


def _write(documents: list[dict[str, Any]], output: str) -> None:
    if len(documents) == 1:
        write_document(documents[0], output)
    elif output == "json":
        write_document({"apiVersion": "v1", "kind": "List", "items": documents}, output)
    else:
        for number, document in enumerate(documents):
            sys.stdout.write("---\n" if number else "")
            write_document(document, output)
