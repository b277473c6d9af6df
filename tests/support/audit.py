"""What somebody asked of the API server, by its audit log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from localcluster import ControlPlane
from localcluster.kubectl import JsonObject

Span = tuple[datetime, datetime]
TAKEN: pytest.StashKey[list[Span]] = pytest.StashKey()
"""In pytest's configuration: when tests had taken rights away."""
Right = tuple[str, str, str]  # group, resource with subresource, verb
_EVER = datetime.min.replace(tzinfo=UTC)
# What every account may ask, by roles of Kubernetes itself.
_EVERYBODYS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}


def asked(cluster: ControlPlane, *, user: str, since: datetime = _EVER) -> Iterator[tuple[Right, JsonObject]]:
    """Each request of the user for a resource: the right that it takes, and the audit event."""
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
    """Rights that the user missed, and the namespace; but for the spans in which a test had taken them away.

    Not every 403 is one: a namespace that ends takes no new Event, whatever the rights.
    """
    return {
        (right, event["objectRef"].get("namespace", ""))
        for right, event in asked(cluster, user=user, since=since)
        if _decision(event) == "forbid"
        and not any(begin <= datetime.fromisoformat(event["requestReceivedTimestamp"]) <= end for begin, end in taken)
    }


def granted(cluster: ControlPlane, *, user: str) -> set[tuple[Right, str]]:
    """Rights that the user was seen to have, and the namespace."""
    return {
        (right, event["objectRef"].get("namespace", ""))
        for right, event in asked(cluster, user=user)
        if _decision(event) == "allow"
    }


def _decision(event: JsonObject) -> str:
    return str(event.get("annotations", {}).get("authorization.k8s.io/decision", ""))
