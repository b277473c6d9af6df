"""Keeps a copy of the objects of one kind up to date: a list by pages, then watches that continue where the last one
ended.

Nothing is kept here, so it needs no more memory for more objects: each page and each change is passed on, and the next
one is read only after that. The operator itself does not use it: it watches with kopf (watch/).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.kube.errors import ApiUnavailable, Gone, KubeError
from recording_operator.kube.outage import level_of
from recording_operator.kube.resources import ChangeType, ObjectChange, ResourceKind, Resources
from recording_operator.log_throttle import LogThrottle

TRACK_S: Final = 30
"""The server ends each watch after this time. A second before, it sends a bookmark: nothing is missing. In a watch of
less than 15 s it sends none.
"""
PAGE: Final = 20
"""An object may have more than a megabyte, most of it in memory several times while it is read."""
_FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
"""Between two attempts, while the API server does not respond."""
_FAILURES_UNTIL_LIST: Final = 5
"""After so many failures of the watch everything is listed again: the server may not know the version any more, because
its data was restored from a backup.
"""
_STALE_AFTER: Final = timedelta(seconds=150)
_FAILURES_UNTIL_OUTDATED: Final = 3

_logger = logging.getLogger(__name__)


class ObjectReceiver(Protocol):
    """Takes what is read, in the thread of the tracker. What it raises ends the tracker."""

    def page(self, objects: Sequence[dict[str, Any]]) -> None:
        """Some of the objects of a list."""

    def listed(self, versions: Mapping[str, int], *, version: int) -> None:
        """The list is complete: the versions of all its objects, by uid.

        `version` is that of its first page: what has an older one and is not in the list is gone.
        """

    def changed(self, change: ObjectChange) -> None:
        """An object was added, modified or deleted."""

    def current(self, at: datetime) -> None:
        """Everything that happened until then was passed on."""


class Tracker:
    """Reads the objects of one kind, and passes on what changes, until it is stopped."""

    def __init__(
        self,
        resources: Resources,
        kind: ResourceKind,
        receiver: ObjectReceiver,
        *,
        now: Callable[[], datetime],
        watch_s: int = TRACK_S,
    ) -> None:
        self._resources = resources
        self._kind = kind
        self._receiver = receiver
        self._now = now
        self._watch_s = watch_s
        self._version = ""
        self._failures = 0
        self._list_again = threading.Event()
        self._known_at: datetime | None = None
        self._throttle = LogThrottle()

    @property
    def plural(self) -> str:
        """What it reads, such as recordings."""
        return self._kind.plural

    @property
    def known_at(self) -> datetime | None:
        """When everything was known; None before the first list is complete."""
        return self._known_at

    @property
    def is_current(self) -> bool:
        """Whether the server responds, and has said lately that nothing is missing."""
        if self._known_at is None or self._failures >= _FAILURES_UNTIL_OUTDATED:
            return False
        return self._now() - self._known_at < _STALE_AFTER

    def list_again(self) -> None:
        """List everything again after the running watch."""
        self._list_again.set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Blocks."""
        while not stop.is_set():
            try:
                self._list_and_watch(stop)
            except Gone:
                self._version = ""
                self._pause(stop)
            except KubeError as error:
                level = self._throttle.level(type(error).__name__, level_of(error))
                _logger.log(level, "%s cannot be read: %s", self._kind.plural, error)
                self._pause(stop)

    def _pause(self, stop: threading.Event) -> None:
        self._failures += 1
        if self._failures >= _FAILURES_UNTIL_LIST:
            self._version = ""
        pause_s = exponential_s(self._failures, first_s=_FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        stop.wait(jittered_s(pause_s, least_share=0.5))

    def _list_and_watch(self, stop: threading.Event) -> None:
        if self._list_again.is_set() or not self._version:
            self._list_again.clear()
            self._version = ""
            self._version = self._list(stop)
        began_s = time.monotonic()
        for change in self._watch(stop):
            self._failures = 0
            self._version = change.version or self._version
            if change.type is ChangeType.BOOKMARK:
                self._note_current(self._now())
            else:
                self._receiver.changed(change)
        if time.monotonic() - began_s < self._watch_s / 2:  # no busy loop
            self._pause(stop)
        else:
            self._failures = 0

    def _watch(self, stop: threading.Event) -> Iterator[ObjectChange]:
        if stop.is_set():
            return
        for change in self._resources.watch(self._kind, version=self._version, duration_s=self._watch_s):
            if stop.is_set():
                return
            yield change

    def _list(self, stop: threading.Event) -> str:
        began, first = self._now(), ""
        versions: dict[str, int] = {}
        for page in self._resources.pages(self._kind, page_size=PAGE):
            if stop.is_set():
                return ""
            self._receiver.page(page.items)
            versions.update(_versions(page.items))
            first = first or page.version
        if not first.isdigit():
            raise ApiUnavailable("The API server returned a list without a resourceVersion.")
        self._receiver.listed(versions, version=int(first))
        self._note_current(began)
        return first

    def _note_current(self, at: datetime) -> None:
        self._known_at = at
        self._receiver.current(at)


def _versions(objects: Iterable[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for one in objects:
        version = str(one["metadata"].get("resourceVersion"))
        yield str(one["metadata"]["uid"]), int(version) if version.isdigit() else 0
