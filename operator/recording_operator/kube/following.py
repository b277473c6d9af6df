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
_MOST_REJECTIONS: Final = 6
"""One after another, in some 20 s. A server that has just started may reject what it accepts a moment later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchInterruption:
    """A request has failed. It is repeated, and the next update is an ObjectSnapshot."""

    error: KubeError


ObjectUpdate: TypeAlias = ObjectSnapshot | ObjectChange | WatchInterruption


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
) -> Iterator[ObjectUpdate]:
    """The objects, then each change, without end.

    Raises KubeError if the first list or the first watch fails, or if the API server rejects several requests one
    after another. Failures of the connection are retried forever.
    """
    state = _FollowState()
    while True:
        try:
            yield from _list_and_watch(resources, selection, watch_s=watch_s, state=state)
        except Gone:
            pause(_PAUSES_S[0])
        except KubeError as error:
            if not state.may_retry(error):
                raise
            yield WatchInterruption(error=error)
            pause(max(state.pause_s(), getattr(error, "retry_after_s", 0.0)))


@dataclass(slots=True)
class _FollowState:
    """What has succeeded, and what has failed since."""

    has_listed: bool = False
    has_watched: bool = False
    failures: int = 0
    rejections: int = 0

    def listed(self) -> None:
        self.has_listed = True

    def watched(self) -> None:
        self.has_watched, self.failures, self.rejections = True, 0, 0

    def may_retry(self, error: KubeError) -> bool:
        self.failures += 1
        if isinstance(error, (ApiUnavailable, TooManyRequests)):
            self.has_watched, self.rejections = self.has_listed, 0
            return self.has_listed
        self.rejections += 1
        return self.has_watched and self.rejections <= _MOST_REJECTIONS

    def pause_s(self) -> float:
        return _PAUSES_S[min(self.failures, len(_PAUSES_S)) - 1]


def _list_and_watch(
    resources: Resources, selection: ObjectSelection, *, watch_s: int, state: _FollowState
) -> Iterator[ObjectUpdate]:
    where = {"namespace": selection.namespace, "labels": selection.labels, "fields": selection.fields}
    snapshot = resources.snapshot(selection.kind, **where)
    state.listed()
    yield snapshot
    version = snapshot.version
    while True:
        for change in resources.watch(selection.kind, version=version, duration_s=watch_s, **where):
            state.watched()
            version = change.version or version
            if change.type is not ChangeType.BOOKMARK:
                yield change
        state.watched()
