"""Checks at start whether the operator can use this API server, so that a wrong setup results in a clear message."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from recording_operator.api.names import (
    API_VERSION,
    EVENT_SINK_PLURAL,
    GROUP,
    RECORDING_PLURAL,
    RECORDING_SOURCE_PLURAL,
    STORAGE_LOCATION_PLURAL,
    STORAGE_REPORT_PLURAL,
    VERSION,
)
from recording_operator.kube.errors import Forbidden, KubeError, NotFound, Unauthorized
from recording_operator.kube.lease import LEASE_NAME
from recording_operator.kube.rest import RestClient

_RESOURCES: Final = (RECORDING_PLURAL, STORAGE_LOCATION_PLURAL, STORAGE_REPORT_PLURAL, EVENT_SINK_PLURAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A verb on a resource, in a namespace or (empty) everywhere."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def target(self) -> str:
        """The resource, for messages."""
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        group = f".{self.group}" if self.group else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{resource}{group}{where}"


def needed_rights(*, operator_namespace: str, watched_namespaces: Iterable[str] = ()) -> list[Right]:
    """Permissions that the operator requires. Owners of namespaces grant access to their Secrets separately."""
    rights = [
        *(Right(verb=verb, group=GROUP, resource=STORAGE_LOCATION_PLURAL) for verb in ("get", "list", "watch")),
        Right(verb="patch", group=GROUP, resource=STORAGE_LOCATION_PLURAL, subresource="status"),
        *(Right(verb=verb, group=GROUP, resource=STORAGE_REPORT_PLURAL) for verb in ("get", "list", "watch")),
        Right(verb="patch", group=GROUP, resource=STORAGE_REPORT_PLURAL, subresource="status"),
        *(Right(verb=verb, group=GROUP, resource=EVENT_SINK_PLURAL) for verb in ("get", "list", "watch")),
        Right(verb="patch", group=GROUP, resource=EVENT_SINK_PLURAL, subresource="status"),
        Right(verb="get", group=GROUP, resource=RECORDING_SOURCE_PLURAL),
        Right(verb="get", group="", resource="namespaces"),
        *(
            Right(
                verb=verb, group="coordination.k8s.io", resource="leases", namespace=operator_namespace, name=LEASE_NAME
            )
            for verb in ("get", "update")
        ),
        Right(verb="create", group="coordination.k8s.io", resource="leases", namespace=operator_namespace),
    ]
    for namespace in watched_namespaces or ("",):
        rights += [
            Right(verb=verb, group=GROUP, resource=RECORDING_PLURAL, namespace=namespace)
            for verb in ("get", "list", "watch", "patch", "delete")
        ]
        rights.append(
            Right(verb="patch", group=GROUP, resource=RECORDING_PLURAL, subresource="status", namespace=namespace)
        )
        rights += [
            Right(verb=verb, group="events.k8s.io", resource="events", namespace=namespace)
            for verb in ("create", "patch")
        ]
    return rights


def check_ready(rest: RestClient, *, operator_namespace: str, watched_namespaces: Iterable[str] = ()) -> list[str]:
    """Problems that prevent the operator from working, one line each; empty if there are none.

    Raises ApiUnavailable (and TooManyRequests) if the API server does not respond, which may be temporary.
    """
    try:
        return [
            *_missing_resources(rest),
            *_missing_rights(
                rest, needed_rights(operator_namespace=operator_namespace, watched_namespaces=watched_namespaces)
            ),
        ]
    except Unauthorized:
        return ["The API server does not accept the operator's token. Check its ServiceAccount or kubeconfig."]


def _missing_resources(rest: RestClient) -> list[str]:
    try:
        found = rest.request("GET", f"/apis/{API_VERSION}").get("resources") or ()
    except NotFound:
        found = ()
    except Forbidden:
        return [
            f"The operator may not read the discovery of {API_VERSION}. Bind the ClusterRole system:discovery to it."
        ]
    names = {str(resource.get("name")) for resource in found}
    return [
        f"The API server does not have {resource}.{GROUP} ({VERSION}). Apply the CRDs (kubectl apply -f crds/)."
        for resource in _RESOURCES
        if resource not in names or f"{resource}/status" not in names
    ]


def _missing_rights(rest: RestClient, rights: Iterable[Right]) -> list[str]:
    try:
        missing = [right for right in rights if not is_allowed(rest, right)]
    except Forbidden:
        return ["The operator may not read its own permissions. Bind the ClusterRole system:basic-user to it."]
    verbs: dict[str, list[str]] = {}
    for right in missing:
        verbs.setdefault(right.target, []).append(right.verb)
    return [
        f"The operator has no permission to {', '.join(verbs[target])} {target}. Apply its RBAC." for target in verbs
    ]


def is_allowed(rest: RestClient, right: Right) -> bool:
    """Whether the caller has a right, as the API server says. Raises KubeError."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "verb": right.verb,
                "group": right.group,
                "resource": right.resource,
                "subresource": right.subresource,
                "namespace": right.namespace,
                "name": right.name,
            }
        },
    }
    try:
        response = rest.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body)
    except NotFound as error:
        raise KubeError(str(error), status=error.status) from None
    return bool((response.get("status") or {}).get("allowed"))
