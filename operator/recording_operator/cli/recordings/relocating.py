"""Moves stored Recordings to another StorageLocation, for the verb `move`."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import click

from recording_operator.api.units import format_bytes
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.confirmation import confirm
from recording_operator.cli.recordings.goals import Goal
from recording_operator.cli.recordings.row import row_of
from recording_operator.cli.recordings.scope import Scope
from recording_operator.cli.recordings.selection import Progress, is_terminating, name_of, selected
from recording_operator.cli.recordings.waiting import WaitRequest, wait_in
from recording_operator.cli.recordings.writing import check_waiting
from recording_operator.cli.screen.amounts import recordings
from recording_operator.cli.selection_options import Selection
from recording_operator.cli.verb import Failure, note
from recording_operator.kube.errors import Conflict, Forbidden, NotFound
from recording_operator.kube.resources import LOCATIONS, RECORDINGS
from recording_operator.user_actions.controls import NothingToDo

_MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """The command line."""

    cluster: ClusterOptions
    selection: Selection
    to: str
    origin: str | None
    yes: bool
    dry_run: str | None
    wait: bool
    timeout: timedelta | None


def run_move(request: MoveRequest) -> None:
    """Write the new location into each Recording, and wait if it is wanted. Raises Failure, KubeError, UsageError."""
    if request.timeout is not None and not request.wait:
        raise click.UsageError("--timeout is for --wait.")
    with open_cluster(request.cluster) as cluster:
        found = selected(
            cluster,
            request.selection,
            all_namespaces=request.cluster.all_namespaces,
            wanted=lambda one: _is_wanted(one, request),
        )
        movable = [one for one in found if _obstacle(one, request) is None]
        moving = [one for one in found if _obstacle(one, request) is None or _is_on_its_way(one, request)]
        if request.wait:
            for one in {one["metadata"]["namespace"]: one for one in moving}.values():
                check_waiting(cluster.resources, one)
        if movable and request.dry_run is None:
            _check_target(cluster, request.to)
            confirm(_question(cluster, movable, to=request.to), assume_yes=request.yes)
        _move_all(cluster, request, found, awaited=moving if request.wait and request.dry_run is None else ())


def _move_all(
    cluster: Cluster, request: MoveRequest, found: Sequence[dict[str, Any]], *, awaited: Sequence[Mapping[str, Any]]
) -> None:
    """Move them, and wait for those of `awaited` that move, even if others could not be changed."""
    progress = Progress(verb=f"moves to {request.to}", participle="moved", dry_run=request.dry_run)

    def wait() -> None:
        if moving := [one for one in awaited if name_of(one) in progress.settled]:
            _wait(cluster, request, moving)

    try:
        progress.each(found, lambda one: _move(cluster, one, request))
    except Failure:
        wait()
        raise
    wait()


def _wait(cluster: Cluster, request: MoveRequest, moving: Sequence[Mapping[str, Any]]) -> None:
    """Wait until the moves are over. Raises Failure if one fails."""
    wanted = WaitRequest(
        cluster=request.cluster,
        names=tuple(map(name_of, moving)),
        selector=None,
        goal=Goal.MOVED,
        location=request.to,
        timeout=request.timeout,
    )
    wait_in(cluster, wanted, started_s=time.monotonic(), announces=True)


def _is_wanted(recording: Mapping[str, Any], request: MoveRequest) -> bool:
    """Whether -l or --from selects it: it can be moved or, with --wait, an earlier call has begun to move it."""
    from_there = request.origin is None or row_of(recording).location == request.origin
    is_on_its_way = request.wait and _is_on_its_way(recording, request)
    return from_there and (is_on_its_way or _obstacle(recording, request) is None)


def _is_on_its_way(recording: Mapping[str, Any], request: MoveRequest) -> bool:
    is_sent = recording["spec"].get("storageLocation") == request.to and not is_terminating(recording)
    row, is_removing = row_of(recording), "move" in (recording.get("status") or {})
    return is_sent and row.phase == "Complete" and (row.location != request.to or is_removing)


def _obstacle(recording: Mapping[str, Any], request: MoveRequest) -> str | None:
    row = row_of(recording)
    if is_terminating(recording):
        return "It is being deleted."
    if row.phase != "Complete":
        return f"It is {row.phase}. Only a Recording that is Complete can be moved."
    if (recording["spec"].get("storageLocation") or row.location) == request.to:
        at = "there already" if row.location == request.to else "on its way already"
        return f"It is {at}."
    return None


def _check_target(cluster: Cluster, name: str) -> None:
    try:
        cluster.resources.get(LOCATIONS, name)
    except NotFound:
        raise Failure(f"StorageLocation {name} does not exist.") from None
    except Forbidden:
        note(f"You may not get storagelocations, so whether {name} exists and admits the namespace is not checked.")


def _question(cluster: Cluster, movable: Sequence[Mapping[str, Any]], *, to: str) -> str:
    rows = [row_of(one) for one in movable]
    total = format_bytes(sum(row.bytes_total for row in rows))
    scope = Scope.of(cluster, movable)
    by_origin = Counter(row.location for row in rows)
    names = scope.named(most=_MOST_NAMES)
    lines = [f"{recordings(len(rows))} ({names}), {total}, will be copied to {to}.", f"  {scope.text()}"]
    lines += [
        f"  from {origin}: {count}. {_afterwards(cluster, origin)}" for origin, count in sorted(by_origin.items())
    ]
    return "\n".join([*lines, "Go on?"])


def _afterwards(cluster: Cluster, origin: str) -> str:
    """What becomes of the old objects, as far as the caller may know."""
    try:
        spec = cluster.resources.get(LOCATIONS, origin).get("spec") or {}
    except (Forbidden, NotFound):
        return "The old objects are kept or deleted as spec.moves.from of that location says."
    is_deleted = (spec.get("moves") or {}).get("from") == "Delete"
    return f"The old objects are {'deleted' if is_deleted else 'kept'} after that."


def _move(cluster: Cluster, recording: Mapping[str, Any], request: MoveRequest) -> None:
    if (obstacle := _obstacle(recording, request)) is not None:
        raise NothingToDo(obstacle)
    if request.dry_run == "client":
        return
    metadata = recording["metadata"]
    change = {
        "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
        "spec": {"storageLocation": request.to},
    }
    try:
        cluster.resources.patch(
            RECORDINGS,
            metadata["name"],
            change,
            namespace=metadata["namespace"],
            dry_run=request.dry_run == "server",
        )
    except Conflict:
        raise Conflict("It was changed meanwhile. Try again.") from None
