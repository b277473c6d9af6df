"""Where the operator and the receiver are installed, as far as the caller may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from recording_operator.cli.caller import Cluster
from recording_operator.kube.errors import Forbidden
from recording_operator.kube.lease import LEASE_NAME
from recording_operator.kube.resources import DEPLOYMENTS, LEASES, PODS

PART_OF: Final = "app.kubernetes.io/part-of=recording-operator"
"""Label of everything that the chart makes."""
USUAL_NAMESPACE: Final = "recording-operator"
"""The namespace in the documentation, tried where the caller may not list those of the cluster."""
_COMPONENT: Final = "app.kubernetes.io/component"
_RECEIVER: Final = "receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledIn:
    """The namespace of the operator, and the Deployments of the chart in it."""

    namespace: str
    operator: Sequence[Mapping[str, Any]]
    receiver: Sequence[Mapping[str, Any]]


def find_namespace(cluster: Cluster, given: str | None) -> str | None:
    """The namespace of the operator: the given one, or that of the newest Lease, or of the chart's Deployment.

    None if there is no operator. Raises Forbidden if the caller may not look for it anywhere.
    """
    if given is not None:
        return given
    try:
        leases = list(cluster.resources.list(LEASES, fields=f"metadata.name={LEASE_NAME}"))
        if leases:
            return str(max(leases, key=_renewed)["metadata"]["namespace"])
        found = next(iter(cluster.resources.list(DEPLOYMENTS, labels=PART_OF)), None)
        return None if found is None else str(found["metadata"]["namespace"])
    except Forbidden as forbidden:
        return _in_known_namespaces(cluster, forbidden)


def installed_in(cluster: Cluster, namespace: str) -> InstalledIn:
    """The Deployments of the chart in a namespace. Raises KubeError."""
    found = list(cluster.resources.list(DEPLOYMENTS, namespace=namespace, labels=PART_OF))
    return InstalledIn(
        namespace=namespace,
        operator=[one for one in found if not _is_receiver(one)],
        receiver=[one for one in found if _is_receiver(one)],
    )


def pods_of(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """The pods of operator and receiver. Raises KubeError."""
    return list(cluster.resources.list(PODS, namespace=namespace, labels=PART_OF))


def image_of(workload: Mapping[str, Any]) -> str:
    """Image of the first container of a Deployment."""
    containers = workload["spec"]["template"]["spec"].get("containers") or ()
    return str(containers[0].get("image") or "") if containers else ""


def version_of(workload: Mapping[str, Any]) -> str:
    """Version of the operator by the label of the chart; empty if it has none."""
    labels = workload["metadata"].get("labels") or {}
    return str(labels.get("app.kubernetes.io/version") or "")


def _is_receiver(workload: Mapping[str, Any]) -> bool:
    return (workload["metadata"].get("labels") or {}).get(_COMPONENT) == _RECEIVER


def _renewed(lease: Mapping[str, Any]) -> str:
    return str((lease.get("spec") or {}).get("renewTime") or "")


def _in_known_namespaces(cluster: Cluster, forbidden: Forbidden) -> str | None:
    for namespace in dict.fromkeys((cluster.namespace, USUAL_NAMESPACE)):
        try:
            if list(cluster.resources.list(LEASES, namespace=namespace, fields=f"metadata.name={LEASE_NAME}")):
                return namespace
        except Forbidden:
            continue
    raise forbidden
