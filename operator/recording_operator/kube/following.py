"""Follows objects for programs that people call: a list, then watches that continue where the last one ended.

An interruption is reported and followed by a new list, so that nothing is missed. The operator itself does not use it:
it watches with kopf (watch/).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from recording_operator.kube.errors import ApiUnavailable, Gone, KubeError, TooManyRequests
from recording_operator.kube.resources import WATCH_S, ChangeType, ObjectChange, ObjectSnapshot, ResourceKind, Resources

_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_GRACE_S: Final = 30.0
"""An API server that has just started may reject requests that it accepts a moment later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A request has failed. It is repeated, and the next update is an ObjectSnapshot."""

    error: KubeError


ObjectUpdate: TypeAlias = ObjectSnapshot | ObjectChange | Interruption


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSelection:
    """Which objects are followed."""

    kind: ResourceKind
    namespace: str | None = None
    labels: str | None = None
    fields: str | None = None


def follow(
    resources: Resources,
    selection: ObjectSelection,
    *,
    watch_s: int = WATCH_S,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[ObjectUpdate]:
    """The objects, then each change, without end.

    Raises KubeError if the first list fails, or if the API server rejects the requests for longer than 30 s. Failures
    of the connection are retried forever.
    """
    rejected_since_s: float | None = None
    failures = 0
    has_begun = False
    while True:
        try:
            for update in _list_and_watch(resources, selection, watch_s=watch_s):
                has_begun, failures, rejected_since_s = True, 0, None
                yield update
        except Gone:
            pause(_PAUSES_S[0])
        except KubeError as error:
            now_s = clock()
            if isinstance(error, (ApiUnavailable, TooManyRequests)):
                rejected_since_s = None
            elif rejected_since_s is None:
                rejected_since_s = now_s
            if not has_begun or (rejected_since_s is not None and now_s - rejected_since_s > _GRACE_S):
                raise
            yield Interruption(error=error)
            pause(max(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)], getattr(error, "retry_after_s", 0.0)))
            failures += 1


def _list_and_watch(resources: Resources, selection: ObjectSelection, *, watch_s: int) -> Iterator[ObjectUpdate]:
    where = {"namespace": selection.namespace, "labels": selection.labels, "fields": selection.fields}
    snapshot = resources.snapshot(selection.kind, **where)
    yield snapshot
    version = snapshot.version
    while True:
        for change in resources.watch(selection.kind, version=version, duration_s=watch_s, **where):
            version = change.version or version
            if change.type is not ChangeType.BOOKMARK:
                yield change
