"""The Events about an object, with the caller's rights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.kube.resources import EVENTS, ResourceKind, Resources
from recording_operator.user_actions.rights import right_of

_NEWER_EVENTS: Final = ResourceKind(api_version="events.k8s.io/v1", plural="events")
"""The same Events by their newer API: a role may permit either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """An Event: when it was seen last, and how often."""

    time: str
    type: str
    reason: str
    note: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvents:
    """The last Events, oldest first. `missing` says why there are none to show."""

    found: tuple[ObjectEvent, ...] = ()
    missing: str = ""


def events_of(resources: Resources, metadata: Mapping[str, Any], *, most: int) -> ObjectEvents:
    """The last Events about the object with this metadata. Nothing is raised: they are optional."""
    namespace, uid = metadata["namespace"], metadata["uid"]
    try:
        items = list(resources.list(EVENTS, namespace=namespace, fields=f"involvedObject.uid={uid}"))
    except Forbidden:
        return _newer_events(resources, namespace=namespace, uid=uid, most=most)
    except KubeError as error:
        return ObjectEvents(missing=f"They could not be read: {error}")
    return _last(items, most)


def _newer_events(resources: Resources, *, namespace: str, uid: str, most: int) -> ObjectEvents:
    try:
        items = list(resources.list(_NEWER_EVENTS, namespace=namespace, fields=f"regarding.uid={uid}"))
    except KubeError as error:
        right = right_of("GET", EVENTS.collection(namespace))
        forbidden = f"They are not shown: you may not {right}." if right else ""
        return ObjectEvents(missing=forbidden if isinstance(error, Forbidden) else f"They could not be read: {error}")
    return _last(items, most)


def _last(items: list[dict[str, Any]], most: int) -> ObjectEvents:
    return ObjectEvents(found=tuple(sorted(map(_event, items), key=lambda one: one.time)[-most:]))


def _event(item: Mapping[str, Any]) -> ObjectEvent:
    """Either API's. An Event that repeats has a series, or the older counts."""
    series = item.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        item.get("lastTimestamp") or item.get("deprecatedLastTimestamp"),
        item.get("eventTime"),
        (item.get("metadata") or {}).get("creationTimestamp"),
    )
    return ObjectEvent(
        time=next((time for time in times if time), ""),
        type=item.get("type") or "",
        reason=item.get("reason") or "",
        note=item.get("message") or item.get("note") or "",
        count=series.get("count") or item.get("count") or item.get("deprecatedCount") or 1,
    )
