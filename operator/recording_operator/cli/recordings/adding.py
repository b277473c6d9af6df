"""Adds artifacts to a Recording, for the verb `add-artifact`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.interruption import ended_as_by_ctrl_c
from recording_operator.cli.recordings.owned_secrets import add_secret, remove_secret
from recording_operator.cli.recordings.secret_access import warn_if_secrets_are_closed
from recording_operator.cli.recordings.selection import name_of, named
from recording_operator.cli.recordings.sources import FileArgument, read_sources
from recording_operator.cli.verb import Failure, note, program
from recording_operator.kube.errors import Conflict, KubeError
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.drafting import DraftArtifact, Placed, place, with_suffix
from recording_operator.user_actions.settling import contains, is_rejected, look_again

_TRIES: Final = 10
_SUFFIXES: Final = {"client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str
    files: tuple[FileArgument, ...]
    expires_at: str | None
    secret: bool | None
    dry_run: str | None


def run_add_artifact(request: AddRequest) -> None:
    """Add the artifacts. Raises Failure, KubeError, UsageError."""
    if not request.files:
        raise click.UsageError("Which file? Write --video, --transcript or another of the options.")
    drafts = read_sources(request.files)
    with ended_as_by_ctrl_c(), open_cluster(request.cluster) as cluster:
        recording = named(cluster, request.name)
        _check(recording, drafts)
        if request.dry_run != "client":
            _add(cluster, recording, drafts, request)
    added = ", ".join(draft.name for draft in drafts)
    suffix = _SUFFIXES.get(request.dry_run or "", "")
    click.echo(f"recording.recordings.dev/{recording['metadata']['name']} has {added} now{suffix}")


def _check(recording: dict[str, Any], drafts: tuple[DraftArtifact, ...]) -> None:
    known = {artifact["name"] for artifact in recording["spec"]["artifacts"]}
    for draft in drafts:
        if draft.name in known:
            raise Failure(
                f"{name_of(recording)} has an artifact {draft.name} already. Add it under another name with "
                "--artifact, or set a fresh URL with refresh-url."
            )


def _add(cluster: Cluster, recording: dict[str, Any], drafts: tuple[DraftArtifact, ...], request: AddRequest) -> None:
    """Secrets first: an artifact never names one that does not exist yet. They go again if the artifact is rejected.

    If it is not known whether the artifact was added, they stay: they are deleted with the Recording, too.
    """
    is_trial = request.dry_run == "server"
    secret_name = with_suffix(recording["metadata"]["name"])
    placed = place(drafts, secret_name=secret_name, secret=request.secret, expires_at=request.expires_at)
    made: list[dict[str, Any]] = []
    try:
        for secret in placed.secrets:
            made.append(add_secret(cluster.resources, recording, secret, dry_run=is_trial))
    except BaseException:
        _remove(cluster, () if is_trial else made)
        raise
    try:
        changed = _append(cluster, recording, placed.artifacts, is_trial=is_trial)
    except BaseException as error:
        if is_trial:
            raise
        if is_rejected(error) or isinstance(error, Failure):
            _remove(cluster, made)
            raise
        found = _found(cluster, recording, placed)
        if found is None or not isinstance(error, KubeError):
            raise
        changed = found
    if placed.secrets and not is_trial:
        warn_if_secrets_are_closed(cluster, changed)


def _remove(cluster: Cluster, made: Iterable[Mapping[str, Any]]) -> None:
    for stored in made:
        remove_secret(cluster.resources, stored)


def _found(cluster: Cluster, recording: dict[str, Any], placed: Placed) -> dict[str, Any] | None:
    """The Recording with the artifacts, after a request without a response. Says what is found."""

    def has_all(current: Mapping[str, Any]) -> bool:
        known = {one["name"]: one for one in current["spec"]["artifacts"]}
        return all(contains(known.get(one["name"]), one) for one in placed.artifacts)

    found = look_again(cluster.resources, recording, has_all)
    added, name = ", ".join(str(one["name"]) for one in placed.artifacts), name_of(recording)
    if found is not None:
        note(f"There was no response, but {name} has {added} now.")
        return found
    kept = ", ".join(secret.name for secret in placed.secrets)
    stays = f" Secret {kept} was kept, and is deleted with the Recording." if kept else ""
    note(f"It is not known whether {name} has {added} now. To look before you try again: {_look(recording)}.{stays}")
    return None


def _look(recording: Mapping[str, Any]) -> str:
    metadata = recording["metadata"]
    return f"{program()} status {metadata['name']} -n {metadata['namespace']}"


def _append(
    cluster: Cluster, recording: dict[str, Any], artifacts: list[dict[str, Any]], *, is_trial: bool
) -> dict[str, Any]:
    """Append to the list as it is now: a merge patch replaces all of it. Raises Failure after too many Conflicts."""
    metadata, current = recording["metadata"], recording
    for _ in range(_TRIES):
        change = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": current["metadata"]["resourceVersion"]},
            "spec": {"artifacts": [*current["spec"]["artifacts"], *artifacts]},
        }
        try:
            return cluster.resources.patch(
                RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=is_trial
            )
        except Conflict:
            current = named(cluster, name_of(recording))
            if current["metadata"]["uid"] != metadata["uid"]:
                break
            taken = {one["name"] for one in current["spec"]["artifacts"]} & {one["name"] for one in artifacts}
            if taken:
                raise Failure(f"{name_of(recording)} was given an artifact {min(taken)} meanwhile.") from None
    raise Failure(f"{name_of(recording)} was changed or replaced while it was edited. Try again.")
