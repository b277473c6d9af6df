"""The deletionPolicy that `delete` writes before it deletes, and that it puts back if the deletion does not come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.cli.caller import Cluster
from recording_operator.cli.recordings.ending import wait_until
from recording_operator.cli.recordings.selection import FailureOfAll, name_of
from recording_operator.cli.verb import Failure, explained, note
from recording_operator.kube.errors import ApiUnavailable, KubeError, NotFound
from recording_operator.kube.resources import RECORDINGS


@dataclass(slots=True, kw_only=True)
class PolicyChange:
    """The policy of one Recording, from before the deletion until it was requested."""

    cluster: Cluster
    recording: Mapping[str, Any]
    """As it was read."""
    policy: str
    may_be_written: bool = False

    def write(self, *, is_trial: bool = False) -> dict[str, Any]:
        """Write it, even if it was so when the Recording was read: it may have been changed since. Raises KubeError."""
        self.may_be_written = not is_trial
        try:
            return self._patch(self.policy, is_trial=is_trial)
        except KubeError as error:
            self.may_be_written = may_have_happened(error)
            raise

    def put_back(self) -> None:
        """Write the former policy again, or say which it is now. Nothing that the API server responds is raised."""
        former, name = str(self.recording["spec"].get("deletionPolicy") or "Retain"), name_of(self.recording)
        if not self.may_be_written or former == self.policy:
            return
        now_it_is = f"{name}: spec.deletionPolicy was {former}, and is {self.policy} now."
        if self.policy == "Retain":  # what was to be kept is not put at risk again
            note(now_it_is)
            return
        try:
            self._patch(former)
        except NotFound:
            return
        except KubeError as error:
            note(f"{now_it_is} It could not be set back: {explained(error)}")
        except BaseException:
            note(now_it_is)
            raise
        else:
            note(f"{name}: spec.deletionPolicy is {former} again.")

    def _patch(self, policy: str, *, is_trial: bool = False) -> dict[str, Any]:
        metadata = self.recording["metadata"]
        change = {"metadata": {"uid": metadata["uid"]}, "spec": {"deletionPolicy": policy}}
        return self.cluster.resources.patch(
            RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=is_trial
        )


def wait_for_finalizer(cluster: Cluster, recording: Mapping[str, Any], *, within: timedelta) -> None:
    """Wait until the operator knows that it has to delete the objects. Raises FailureOfAll."""
    try:
        wait_until(cluster, recording, _has_finalizer, what="prepared", timeout=within)
    except Failure:
        raise FailureOfAll(
            f"{name_of(recording)} was not deleted: the operator has not added its finalizer, without which the "
            "objects would stay. Check that the operator runs, and try again."
        ) from None


def may_have_happened(error: BaseException) -> bool:
    """Whether a write that ended in this error may have been accepted."""
    return not isinstance(error, KubeError) or isinstance(error, ApiUnavailable)


def _has_finalizer(recording: Mapping[str, Any] | None) -> bool:
    return recording is None or DELETE_OBJECT_FINALIZER in (recording["metadata"].get("finalizers") or ())
