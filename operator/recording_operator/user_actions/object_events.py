"""The Events about an object, with the caller's rights."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.kube.resources import EVENTS, ResourceKind, Resources
from recording_operator.user_actions.rights import right_of

_NEWER_EVENTS: Final = ResourceKind(api_version="events.k8s.io/v1", plural="events")
"""The same Events by their newer API: a role may permit either."""
_PAGE: Final = 20
"""Anyone who may create Events can create some of more than a megabyte."""
_MOST_READ: Final = 500
_LONGEST: Final = 1024
"""Characters of a note. No newer Event has a longer one."""


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
        return _last(_found(resources, EVENTS, namespace, f"involvedObject.uid={uid}"), most)
    except Forbidden:
        return _newer_events(resources, namespace=namespace, uid=uid, most=most)
    except KubeError as error:
        return ObjectEvents(missing=f"They could not be read: {error}")


def _newer_events(resources: Resources, *, namespace: str, uid: str, most: int) -> ObjectEvents:
    try:
        return _last(_found(resources, _NEWER_EVENTS, namespace, f"regarding.uid={uid}"), most)
    except KubeError as error:
        right = right_of("GET", EVENTS.collection(namespace))
        forbidden = f"They are not shown: you may not {right}." if right else ""
        return ObjectEvents(missing=forbidden if isinstance(error, Forbidden) else f"They could not be read: {error}")


def _found(resources: Resources, kind: ResourceKind, namespace: str, fields: str) -> Iterator[ObjectEvent]:
    for page in resources.pages(kind, namespace=namespace, fields=fields, page_size=_PAGE):
        yield from map(_event, page.items)


def _last(found: Iterator[ObjectEvent], most: int) -> ObjectEvents:
    """The last of those that are read: not all, if there are very many."""
    last = heapq.nlargest(most, islice(found, _MOST_READ), key=_time)
    return ObjectEvents(found=tuple(sorted(last, key=_time)))


def _time(event: ObjectEvent) -> str:
    return event.time


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
        type=(item.get("type") or "")[:_LONGEST],
        reason=(item.get("reason") or "")[:_LONGEST],
        note=(item.get("message") or item.get("note") or "")[:_LONGEST],
        count=series.get("count") or item.get("count") or item.get("deprecatedCount") or 1,
    )
