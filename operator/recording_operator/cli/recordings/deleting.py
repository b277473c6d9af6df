"""Deletes Recordings, for the verb `delete`.

Objects are deleted only by the operator, and only of a Recording that has its finalizer. So with `--objects`, the
policy is written first, and the Recording is deleted when the operator has added the finalizer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.confirmation import confirm
from recording_operator.cli.recordings.deletion_plan import DeletionPlan, plan_deletion
from recording_operator.cli.recordings.deletion_policy import PolicyChange, may_have_happened, wait_for_finalizer
from recording_operator.cli.recordings.ending import wait_until
from recording_operator.cli.recordings.row import row_of
from recording_operator.cli.recordings.scope import Scope
from recording_operator.cli.recordings.selection import Progress, is_terminating, name_of, selected
from recording_operator.cli.selection_options import Selection
from recording_operator.cli.verb import Failure, note
from recording_operator.kube.errors import Conflict, Forbidden, KubeError, NotFound
from recording_operator.kube.resources import EVENTS, LOCATIONS, RECORDINGS
from recording_operator.user_actions.controls import NothingToDo

_TRIES: Final = 5
_GONE: Final = "It is gone already."
_BEING_DELETED: Final = "It is being deleted already."
_NOT_ALLOWED: Final = "DeletionPolicyNotAllowed"


class ObjectChoice(Enum):
    """What `delete` does about the stored objects."""

    AS_THE_POLICY_SAYS = "policy"
    DELETE = "delete"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    """The command line."""

    cluster: ClusterOptions
    selection: Selection
    objects: ObjectChoice
    yes: bool
    wait: bool
    timeout: timedelta | None
    dry_run: str | None
    prepared_within: timedelta = timedelta(seconds=30)
    """How long the operator may take to see that it has to delete objects."""


def run_delete(request: DeleteRequest) -> None:
    """Delete them. Raises Failure, KubeError, UsageError."""
    with open_cluster(request.cluster) as cluster:
        found = selected(
            cluster,
            request.selection,
            all_namespaces=request.cluster.all_namespaces,
            wanted=lambda _: True,
        )
        if not found:
            return
        if request.objects is ObjectChoice.DELETE:
            _check_locations(cluster, found)
        policy = _POLICIES[request.objects]
        changing = [one for one in found if policy is not None or not is_terminating(one)]
        if changing:
            _show(plan_deletion(changing, policy=policy), Scope.of(cluster, changing), request)
        _delete_all(cluster, found, request)


def _show(plan: DeletionPlan, scope: Scope, request: DeleteRequest) -> None:
    if request.dry_run is not None:
        note(plan.text(scope))
    else:
        confirm(f"{plan.text(scope)}\nGo on?", assume_yes=request.yes)


def _delete_all(cluster: Cluster, found: Sequence[dict[str, Any]], request: DeleteRequest) -> None:
    progress = Progress(verb="deleted", dry_run=request.dry_run)

    def wait() -> None:
        if request.wait and request.dry_run is None:
            _wait(cluster, [one for one in found if name_of(one) in progress.settled], request)

    try:
        progress.each(found, lambda one: _delete(cluster, one, request))
    except Failure:
        wait()
        raise
    wait()


_POLICIES: Final = {
    ObjectChoice.AS_THE_POLICY_SAYS: None,
    ObjectChoice.DELETE: "Delete",
    ObjectChoice.KEEP: "Retain",
}


def _check_locations(cluster: Cluster, found: Sequence[Mapping[str, Any]]) -> None:
    """Raise Failure if a location does not permit that its objects are deleted."""
    names = {location for one in found if (location := _location(one))}
    for name in sorted(names):
        try:
            policies = (cluster.resources.get(LOCATIONS, name).get("spec") or {}).get("deletionPolicies") or ["Retain"]
        except Forbidden:
            note(
                f"You may not get storagelocations, so whether {name} permits that objects are deleted is not known. "
                f"If it does not, they stay, and an Event {_NOT_ALLOWED} says so."
            )
            return
        except NotFound:
            continue
        if "Delete" not in policies:
            raise Failure(
                f"StorageLocation {name} does not permit that objects are deleted (spec.deletionPolicies). Nothing was "
                "changed. Leave out --objects to delete only the Recordings, or ask the owner of the location."
            )


def _location(recording: Mapping[str, Any]) -> str | None:
    return row_of(recording).location or None


def _delete(cluster: Cluster, recording: Mapping[str, Any], request: DeleteRequest) -> None:
    policy = _POLICIES[request.objects]
    if policy is None:
        _delete_by_policy(cluster, recording, request)
    elif request.dry_run == "server":
        PolicyChange(cluster=cluster, recording=recording, policy=policy).write(is_trial=True)
    elif request.dry_run is None:
        _delete_after(PolicyChange(cluster=cluster, recording=recording, policy=policy), request)


def _delete_by_policy(cluster: Cluster, recording: Mapping[str, Any], request: DeleteRequest) -> None:
    if is_terminating(recording):
        raise NothingToDo(_BEING_DELETED)
    if request.dry_run is not None:
        return
    if request.yes:  # nothing was shown
        _send(cluster, recording)
        return
    for _ in range(_TRIES):
        current = _as_shown(cluster, recording)
        try:
            _send(cluster, current, version=current["metadata"]["resourceVersion"])
        except Conflict:
            continue
        return
    raise Failure(f"{name_of(recording)} was not deleted: it is changed all the time. Try again.")


def _as_shown(cluster: Cluster, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Recording as it is now. Raises Failure if its deletion would do something else than the user has seen."""
    metadata = shown["metadata"]
    try:
        current = cluster.resources.get(RECORDINGS, metadata["name"], namespace=metadata["namespace"])
    except NotFound:
        raise NothingToDo(_GONE) from None
    if current["metadata"]["uid"] != metadata["uid"]:
        raise NothingToDo(_GONE)
    if is_terminating(current):
        raise NothingToDo(_BEING_DELETED)
    before, after = (plan_deletion([one], policy=None) for one in (shown, current))
    if (before.removed, before.kept) != (after.removed, after.kept):
        raise Failure(
            f"{name_of(shown)} was not deleted: its deletionPolicy or its stored files have changed since they were "
            "shown. Call this again."
        )
    return current


def _delete_after(change: PolicyChange, request: DeleteRequest) -> None:
    """Write the policy, wait until the operator has seen it, and delete."""
    is_sent = False
    try:
        written = change.write()
        if change.policy == "Delete":
            wait_for_finalizer(change.cluster, written, within=request.prepared_within)
        is_sent = True
        _send(change.cluster, written)
    except NotFound:
        raise NothingToDo(_GONE) from None
    except NothingToDo:
        raise
    except BaseException as error:
        if is_sent and may_have_happened(error):
            note(f"{name_of(change.recording)}: it may have been deleted, with deletionPolicy {change.policy}.")
        else:
            change.put_back()
        raise


def _send(cluster: Cluster, recording: Mapping[str, Any], *, version: str | None = None) -> None:
    metadata = recording["metadata"]
    try:
        cluster.resources.delete(
            RECORDINGS, metadata["name"], uid=metadata["uid"], version=version, namespace=metadata["namespace"]
        )
    except NotFound:
        raise NothingToDo(_GONE) from None


def _wait(cluster: Cluster, deleted: Sequence[Mapping[str, Any]], request: DeleteRequest) -> None:
    """Until all of them are gone. One limit for all. Raises Failure."""
    for recording in deleted:
        wait_until(cluster, recording, lambda one: one is None, what="gone", timeout=request.timeout)
        if request.objects is ObjectChoice.DELETE and _objects_were_kept(cluster, recording):
            raise Failure(
                f"{name_of(recording)} is deleted, and its objects stay: the StorageLocation does not permit that they "
                "are deleted."
            )


def _objects_were_kept(cluster: Cluster, recording: Mapping[str, Any]) -> bool:
    """Whether an Event says so, as far as the caller may read Events."""
    metadata = recording["metadata"]
    fields = f"involvedObject.uid={metadata['uid']},reason={_NOT_ALLOWED}"
    try:
        return any(True for _ in cluster.resources.list(EVENTS, namespace=metadata["namespace"], fields=fields))
    except KubeError:
        return False
