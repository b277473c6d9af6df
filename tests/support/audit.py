"""Requests of a user to the API server, from its audit log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from localcluster import ControlPlane
from localcluster.kubectl import JsonObject

Span = tuple[datetime, datetime]
TAKEN: pytest.StashKey[list[Span]] = pytest.StashKey()
"""In pytest's configuration: the periods in which tests had removed permissions, or were refused on purpose."""
Right = tuple[str, str, str]  # group, resource with subresource, verb
_EVER = datetime.min.replace(tzinfo=UTC)
# Permissions that Kubernetes grants to every account.
_EVERYBODYS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}


def asked(cluster: ControlPlane, *, user: str, since: datetime = _EVER) -> Iterator[tuple[Right, JsonObject]]:
    """Each request of the user for a resource: the permission that it needs, and the audit event."""
    for event in cluster.audit_events():
        if event["user"].get("username") != user or "objectRef" not in event:
            continue
        if datetime.fromisoformat(event["requestReceivedTimestamp"]) < since:
            continue
        ref = event["objectRef"]
        resource = "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)
        if resource not in _EVERYBODYS:
            yield (ref.get("apiGroup", ""), resource, event["verb"]), event


def forbidden(
    cluster: ControlPlane, *, user: str, since: datetime = _EVER, taken: Sequence[Span] = ()
) -> set[tuple[Right, str]]:
    """Permissions that the user lacked, and the namespace, except while a test had removed them.

    Not every 403 is one: a namespace that is being deleted accepts no new Event, regardless of permissions.
    """
    return {
        (right, event["objectRef"].get("namespace", ""))
        for right, event in asked(cluster, user=user, since=since)
        if _decision(event) == "forbid"
        and not any(begin <= datetime.fromisoformat(event["requestReceivedTimestamp"]) <= end for begin, end in taken)
    }


def granted(cluster: ControlPlane, *, user: str) -> set[tuple[Right, str]]:
    """Permissions that the user has used, and the namespace."""
    return {
        (right, event["objectRef"].get("namespace", ""))
        for right, event in asked(cluster, user=user)
        if _decision(event) == "allow"
    }


def _decision(event: JsonObject) -> str:
    return str(event.get("annotations", {}).get("authorization.k8s.io/decision", ""))
