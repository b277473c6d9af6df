"""Changes one field of Recordings, for the verbs `retry`, `cancel`, `suspend` and `resume`."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.selection import NothingToDo, Progress, selected
from recording_operator.cli.selection_options import Selection
from recording_operator.kube.resources import RECORDINGS

_CANCELLED: Final = "Cancelled"
_MOVE_FAILED: Final = "MoveFailed"


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
    _change(request, lambda recording: _retried(recording, is_named=is_named), verb="retried", wanted=_can_be_retried)


def run_cancel(request: ControlRequest) -> None:
    """Abort uploads."""
    _change(request, _cancelled, verb="cancelled", wanted=_is_unfinished)


def run_suspend(request: ControlRequest) -> None:
    """Pause uploads."""
    _change(request, _suspended, verb="suspended", wanted=_can_be_suspended)


def run_resume(request: ControlRequest) -> None:
    """Let paused uploads go on."""
    _change(request, _resumed, verb="resumed", wanted=lambda one: bool(_spec(one).get("suspend")))


def _change(request: ControlRequest, change: Change, *, verb: str, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
    with open_cluster(request.cluster) as cluster:
        found = selected(cluster, request.selection, all_namespaces=request.cluster.all_namespaces, wanted=wanted)
        progress = Progress(verb=verb, dry_run=request.dry_run)
        progress.each(found, lambda one: _write(cluster, one, change(one), dry_run=request.dry_run))


def _write(cluster: Cluster, recording: Mapping[str, Any], spec: Mapping[str, Any], *, dry_run: str | None) -> None:
    """Merge into the spec. No resourceVersion is needed: nothing of what was read is written back."""
    if dry_run == "client":
        return
    metadata = recording["metadata"]
    # Of a namesake that was created since, nothing is changed.
    change = {"metadata": {"uid": metadata["uid"]}, "spec": spec}
    cluster.resources.patch(
        RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=dry_run == "server"
    )


def _retried(recording: Mapping[str, Any], *, is_named: bool) -> dict[str, Any]:
    status = _status(recording)
    if status.get("phase") == "Complete" and status.get("reason") != _MOVE_FAILED and not _failures(recording):
        raise NothingToDo("It is Complete, so there is nothing to retry.")
    again: dict[str, Any] = {"retryToken": new_token(datetime.now(UTC))}
    if is_named and _spec(recording).get("cancel"):
        again["cancel"] = False
    return again


def _cancelled(recording: Mapping[str, Any]) -> dict[str, Any]:
    if _spec(recording).get("cancel"):
        raise NothingToDo("It is cancelled already.")
    if not _is_unfinished(recording):
        raise NothingToDo(f"It is {_phase(recording)}, so there is no upload to cancel.")
    return {"cancel": True}


def _suspended(recording: Mapping[str, Any]) -> dict[str, Any]:
    if _spec(recording).get("suspend"):
        raise NothingToDo("It is suspended already.")
    if not _can_be_suspended(recording):
        raise NothingToDo(f"It is {_phase(recording)}, so there is no upload to pause.")
    return {"suspend": True}


def _resumed(recording: Mapping[str, Any]) -> dict[str, Any]:
    if not _spec(recording).get("suspend"):
        cancelled = " It was cancelled; retry starts it again." if _spec(recording).get("cancel") else ""
        raise NothingToDo(f"It is not suspended.{cancelled}")
    return {"suspend": False}


def new_token(now: datetime) -> str:
    """A retryToken that was never used."""
    return f"cli-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _can_be_retried(recording: Mapping[str, Any]) -> bool:
    """Failed, or with a move or an optional file that has failed. What a person has cancelled stays so."""
    status = _status(recording)
    if status.get("reason") == _MOVE_FAILED:
        return True
    if status.get("phase") == "Complete":
        return any(reason != _CANCELLED for reason in _failures(recording))
    return status.get("phase") == "Failed" and status.get("reason") != _CANCELLED


def _failures(recording: Mapping[str, Any]) -> list[str]:
    """Why files have failed: those of a Complete Recording are optional."""
    artifacts = _status(recording).get("artifacts") or ()
    return [str(one.get("reason") or "") for one in artifacts if one.get("phase") == "Failed"]


def _can_be_suspended(recording: Mapping[str, Any]) -> bool:
    """Unfinished, or moving: the copies of a move are paused, too."""
    target, location = _spec(recording).get("storageLocation"), _status(recording).get("storageLocation")
    return _is_unfinished(recording) or bool(_phase(recording) == "Complete" and target and target != location)


def _is_unfinished(recording: Mapping[str, Any]) -> bool:
    return _phase(recording) not in ("Complete", "Failed")


def _phase(recording: Mapping[str, Any]) -> str:
    return str(_status(recording).get("phase") or "Pending")


def _spec(recording: Mapping[str, Any]) -> Mapping[str, Any]:
    return recording.get("spec") or {}


def _status(recording: Mapping[str, Any]) -> Mapping[str, Any]:
    return recording.get("status") or {}
