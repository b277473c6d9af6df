"""Deletes Recordings, for the verb `delete`.

Objects are deleted only by the operator, and only of a Recording that has its finalizer. So with `--objects`, the
policy is written first, and the Recording is deleted when the operator has added the finalizer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.confirmation import confirm
from recording_operator.cli.recordings.deletion_plan import DeletionPlan, plan_deletion
from recording_operator.cli.recordings.ending import wait_until
from recording_operator.cli.recordings.row import row_of
from recording_operator.cli.recordings.selection import NothingToDo, Progress, name_of, selected
from recording_operator.cli.selection_options import Selection
from recording_operator.cli.verb import Failure, note
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.kube.resources import EVENTS, LOCATIONS, RECORDINGS

_FINALIZER_WITHIN: Final = timedelta(seconds=30)
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
        plan = plan_deletion(found, policy=_POLICIES[request.objects])
        if request.dry_run is not None:
            note(plan.text())
        else:
            confirm(_question(plan), assume_yes=request.yes)
        progress = Progress(verb="deleted", dry_run=request.dry_run)
        try:
            progress.each(found, lambda one: _delete(cluster, one, request))
        finally:
            if request.wait and request.dry_run is None:
                _wait(cluster, [one for one in found if name_of(one) in progress.done], request)


_POLICIES: Final = {
    ObjectChoice.AS_THE_POLICY_SAYS: None,
    ObjectChoice.DELETE: "Delete",
    ObjectChoice.KEEP: "Retain",
}


def _question(plan: DeletionPlan) -> str:
    return f"{plan.text()}\nGo on?"


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
    metadata = recording["metadata"]
    if metadata.get("deletionTimestamp") and request.objects is ObjectChoice.AS_THE_POLICY_SAYS:
        raise NothingToDo("It is being deleted already.")
    if request.dry_run == "client":
        return
    policy = _POLICIES[request.objects]
    if policy is not None:
        recording = _with_policy(cluster, recording, policy, is_trial=request.dry_run == "server")
    if request.dry_run == "server":
        return
    try:
        cluster.resources.delete(RECORDINGS, metadata["name"], uid=metadata["uid"], namespace=metadata["namespace"])
    except NotFound:
        raise NothingToDo("It is gone already.") from None


def _with_policy(cluster: Cluster, recording: Mapping[str, Any], policy: str, *, is_trial: bool) -> Mapping[str, Any]:
    """Write the deletionPolicy, and wait until the operator knows that it has to delete the objects."""
    metadata = recording["metadata"]
    if recording["spec"].get("deletionPolicy", "Retain") != policy:
        change = {"metadata": {"uid": metadata["uid"]}, "spec": {"deletionPolicy": policy}}
        recording = cluster.resources.patch(
            RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=is_trial
        )
    if policy == "Retain" or is_trial or _has_finalizer(recording):
        return recording
    try:
        wait_until(cluster, recording, _has_finalizer, what="prepared", timeout=_FINALIZER_WITHIN)
    except Failure:
        raise Failure(
            f"{name_of(recording)} was not deleted: the operator has not added its finalizer, without which the "
            "objects would stay. Check that the operator runs, and try again. spec.deletionPolicy is Delete now."
        ) from None
    return recording


def _has_finalizer(recording: Mapping[str, Any] | None) -> bool:
    return recording is None or DELETE_OBJECT_FINALIZER in (recording["metadata"].get("finalizers") or ())


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
