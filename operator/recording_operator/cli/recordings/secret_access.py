"""Warns if the operator may not read the Secrets of a namespace.

The caller can rarely read RoleBindings. But the operator says it in the status of the new Recording, usually at once.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from recording_operator.cli.caller import Cluster
from recording_operator.cli.verb import note
from recording_operator.kube.errors import KubeError
from recording_operator.kube.resources import RECORDINGS

_LONGEST_S: Final = 2.0
_EVERY_S: Final = 0.1
_ROLE: Final = "recording-operator-secrets"
_BEFORE_THE_START: Final = (None, "Suspended", "Queued")


def warn_if_secrets_are_closed(
    cluster: Cluster, stored: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Look at the status until the operator has said something about the source, at most two seconds."""
    metadata = stored["metadata"]
    ends_s = time.monotonic() + _LONGEST_S
    while True:
        try:
            status = cluster.resources.get(RECORDINGS, metadata["name"], namespace=metadata["namespace"]).get("status")
        except KubeError:
            return  # the Recording is created; to look at it was only a service
        reason, message = (status or {}).get("reason"), str((status or {}).get("message") or "")
        if reason == "SecretNotFound" and _ROLE in message:
            break
        if reason not in _BEFORE_THE_START or time.monotonic() >= ends_s:
            return
        sleep(_EVERY_S)
    note(
        f"The Recording waits: the operator may not read the Secrets of namespace {metadata['namespace']}. "
        "The owner of the namespace allows it, once for all Recordings, with:\n"
        f"  kubectl create rolebinding {_ROLE} -n {metadata['namespace']} --clusterrole={_ROLE} "
        "--serviceaccount=recording-operator:recording-operator\n"
        "The names are those of a Helm release recording-operator in a namespace of that name. The notes of another "
        "release say its own."
    )
