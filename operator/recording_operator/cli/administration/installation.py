"""Where the operator and the receiver are installed, as far as the caller may see it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from recording_operator.cli.caller import Cluster
from recording_operator.cli.verb import Failure, note
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPlace:
    """The namespace of the operator."""

    namespace: str
    is_certain: bool
    """False if only a Lease was seen, or not the whole cluster: who may write in a namespace can create these there."""


class SeveralOperatorsError(Failure):
    """Several namespaces look like that of the operator. Anyone who may create a Deployment can make one look so."""

    def __init__(self, namespaces: Iterable[str], what: str) -> None:
        names = ", ".join(sorted(namespaces))
        super().__init__(f"The namespaces {names} each have {what}. --operator-namespace says which one is meant.")


def find_operator(cluster: Cluster, given: str | None) -> OperatorPlace | None:
    """The namespace of the operator: the given one, that of the chart's only Deployment, or that of the only Lease.

    None if there is no operator. Raises SeveralOperatorsError, and Forbidden if the caller may look for it nowhere.
    """
    if given is not None:
        return OperatorPlace(namespace=given, is_certain=True)
    try:
        leases, deployments = _namespaces_with_leases(cluster, None), _namespaces_with_deployments(cluster, None)
    except Forbidden as forbidden:
        return _in_known_namespaces(cluster, forbidden)
    return _only(deployments, leases, sees_all=True)


def secrets_namespace(cluster: Cluster, given: str | None) -> str:
    """The namespace with the Secrets of StorageLocations, for every verb that reads them.

    If the caller may not look for the operator, or there is none, it is the one of the documentation. It is never that
    of the context only because a Secret with the same name is there. Raises SeveralOperatorsError, KubeError.
    """
    try:
        found = find_operator(cluster, given)
    except Forbidden:
        return USUAL_NAMESPACE
    if found is None:
        return USUAL_NAMESPACE
    if not found.is_certain:
        note(f"The operator's namespace seems to be {found.namespace}. --operator-namespace names another.")
    return found.namespace


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


def _namespaces_with_leases(cluster: Cluster, namespace: str | None) -> set[str]:
    found = cluster.resources.list(LEASES, namespace=namespace, fields=f"metadata.name={LEASE_NAME}")
    return {str(one["metadata"]["namespace"]) for one in found}


def _namespaces_with_deployments(cluster: Cluster, namespace: str | None) -> set[str]:
    found = cluster.resources.list(DEPLOYMENTS, namespace=namespace, labels=PART_OF)
    return {str(one["metadata"]["namespace"]) for one in found if not _is_receiver(one)}


def _only(deployments: set[str], leases: set[str], *, sees_all: bool) -> OperatorPlace | None:
    """A Lease counts only where there is no Deployment. Its time says nothing, because anyone can write it."""
    for found, what, is_certain in (
        (deployments, "a Deployment of the operator", sees_all),
        (leases, f"a Lease {LEASE_NAME}", False),
    ):
        if len(found) > 1:
            raise SeveralOperatorsError(found, what)
        if found:
            return OperatorPlace(namespace=next(iter(found)), is_certain=is_certain)
    return None


def _in_known_namespaces(cluster: Cluster, forbidden: Forbidden) -> OperatorPlace | None:
    leases: set[str] = set()
    deployments: set[str] = set()
    for namespace in dict.fromkeys((cluster.context_namespace, USUAL_NAMESPACE)):
        with suppress(Forbidden):
            leases |= _namespaces_with_leases(cluster, namespace)
        with suppress(Forbidden):
            deployments |= _namespaces_with_deployments(cluster, namespace)
    place = _only(deployments, leases, sees_all=False)
    if place is None:
        raise forbidden
    return place
