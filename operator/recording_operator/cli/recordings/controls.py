"""Changes one field of Recordings, for the verbs `retry`, `cancel`, `suspend` and `resume`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.selection import Progress, selected
from recording_operator.cli.selection_options import Selection
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions import controls


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """The command line."""

    cluster: ClusterOptions
    selection: Selection
    dry_run: str | None


Change = Callable[[Mapping[str, Any]], dict[str, Any]]
"""The fields of the spec to write for a Recording. Raises NothingToDo."""


def run_retry(request: ControlRequest) -> None:
    """Have failed artifacts tried again."""
    is_named = bool(request.selection.names)

    def change(recording: Mapping[str, Any]) -> dict[str, Any]:
        return controls.retried(recording, token=new_token(), restarts_cancelled=is_named)

    _change(request, change, verb="retried", wanted=controls.can_be_retried)


def run_cancel(request: ControlRequest) -> None:
    """Abort uploads."""
    _change(request, controls.cancelled, verb="cancelled", wanted=controls.is_unfinished)


def run_suspend(request: ControlRequest) -> None:
    """Pause uploads."""
    _change(request, controls.suspended, verb="suspended", wanted=controls.can_be_suspended)


def run_resume(request: ControlRequest) -> None:
    """Let paused uploads go on."""
    _change(request, controls.resumed, verb="resumed", wanted=controls.is_suspended)


def new_token() -> str:
    """A retryToken of the command line."""
    return controls.new_token(datetime.now(UTC), face="cli")


def _change(request: ControlRequest, change: Change, *, verb: str, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
    with open_cluster(request.cluster) as cluster:
        found = selected(cluster, request.selection, all_namespaces=request.cluster.all_namespaces, wanted=wanted)
        progress = Progress(verb=verb, dry_run=request.dry_run)
        progress.each(found, lambda one: _write(cluster, one, change(one), dry_run=request.dry_run))


def _write(cluster: Cluster, recording: Mapping[str, Any], spec: Mapping[str, Any], *, dry_run: str | None) -> None:
    if dry_run == "client":
        return
    metadata = recording["metadata"]
    change = controls.merge_of(recording, spec)
    cluster.resources.patch(
        RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=dry_run == "server"
    )
