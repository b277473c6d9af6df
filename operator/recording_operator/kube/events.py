"""Events (`events.k8s.io/v1`) about Recordings, StorageLocations and StorageReports.

A separate thread posts them from a bounded queue, so that the caller never blocks. Events that do not fit into the
queue are dropped and counted. As in client-go, an Event that is repeated within `series_window_s` increments the count
of the stored Event instead of creating another one.
"""

import hashlib
import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from recording_operator.api.masking import mask_urls
from recording_operator.api.names import GROUP
from recording_operator.kube.errors import ApiUnavailable, Forbidden, KubeError, NotFound, TooManyRequests
from recording_operator.kube.rest import MERGE_PATCH, Rest
from recording_operator.kube.times import micro_time

REPORTING_CONTROLLER: Final = f"{GROUP}/operator"
NOTE_BYTES: Final = 1024  # a limit of the API server, like 128 for reason and action
_NAME_CHARS: Final = 253
_ATTEMPTS: Final = 4

_logger = logging.getLogger(__name__)


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class _QueuedEvent:
    regarding: tuple[tuple[str, str], ...]
    type: EventType
    reason: str
    action: str
    note: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class _Series:
    """A stored Event, and how often it was repeated."""

    path: str
    count: int
    last_s: float


class EventRecorder:
    """Posts Events, which `kubectl describe` shows. `emit` returns immediately and never raises."""

    def __init__(
        self,
        rest: Rest,
        *,
        instance: str,
        series_window_s: float = 360.0,
        queue_size: int = 256,
        remembered: int = 2048,
        clock: Callable[[], float] = time.monotonic,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_drop` is called for each Event that was not posted: the queue was full, or the API server rejected it."""
        self._rest = rest
        self._on_drop = on_drop
        self._instance = instance[:128]
        self._window_s = series_window_s
        self._remembered = remembered
        self._clock = clock
        self._queue: queue.Queue[_QueuedEvent | None] = queue.Queue(maxsize=queue_size)
        self._series: OrderedDict[tuple[object, ...], _Series] = OrderedDict()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._post_all, name="events", daemon=True)
        self._thread.start()

    def emit(
        self,
        regarding: Mapping[str, Any],
        *,
        reason: str,
        action: str,
        note: str,
        event_type: EventType = EventType.NORMAL,
    ) -> None:
        """Post an Event about the object `regarding` (a dict from the API server).

        `reason` is in CamelCase. `action` is what the operator did or tried. `note` is a sentence; it is truncated to
        1,024 bytes, and secrets in URLs are masked.
        """
        event = _QueuedEvent(
            regarding=_reference(regarding),
            type=event_type,
            reason=reason[:128],
            action=action[:128],
            note=_cut(mask_urls(note)),
            at=datetime.now(UTC),
        )
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._on_drop()

    def close(self, *, timeout_s: float) -> None:
        """Post the queued Events for at most `timeout_s` seconds, and stop the thread."""
        self._closing.set()
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _post_all(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._post(event)
            except KubeError as error:
                self._on_drop()
                # A namespace that is being deleted accepts no Events.
                level = logging.DEBUG if isinstance(error, (Forbidden, NotFound)) else logging.WARNING
                _logger.log(level, "An Event was not posted: %s", error)
            except Exception:
                self._on_drop()
                _logger.exception("An Event was not posted because of an unexpected error")

    def _post(self, event: _QueuedEvent) -> None:
        key = (event.regarding, event.type, event.reason, event.action, event.note)
        now_s = self._clock()
        series = self._series.get(key)
        if series is not None and now_s - series.last_s < self._window_s:
            try:
                self._continue(series, event)
            except NotFound:  # it has expired or was deleted
                del self._series[key]
            else:
                series.last_s = now_s
                self._series.move_to_end(key)
                return
        self._series[key] = _Series(path=self._create(event), count=1, last_s=now_s)
        self._series.move_to_end(key)
        while len(self._series) > self._remembered:
            self._series.popitem(last=False)

    def _create(self, event: _QueuedEvent) -> str:
        reference = dict(event.regarding)
        # Events about cluster-scoped objects are in the namespace `default`, where `kubectl describe` searches for
        # them.
        namespace = reference.get("namespace") or "default"
        folder = f"/apis/events.k8s.io/v1/namespaces/{quote(namespace, safe='')}/events"
        name = _event_name(reference["name"], event)
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": name},
            "eventTime": micro_time(event.at),
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
            "action": event.action,
            "reason": event.reason,
            "type": event.type.value,
            "note": event.note,
            "regarding": reference,
        }
        self._request("POST", folder, body=body)
        return f"{folder}/{name}"

    def _continue(self, series: _Series, event: _QueuedEvent) -> None:
        body = {"series": {"count": series.count + 1, "lastObservedTime": micro_time(event.at)}}
        self._request("PATCH", series.path, body=body, content_type=MERGE_PATCH)
        series.count += 1

    def _request(
        self, method: str, path: str, *, body: Mapping[str, Any], content_type: str = "application/json"
    ) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._rest.request(method, path, body=body, content_type=content_type, read_timeout_s=10)
            except (ApiUnavailable, TooManyRequests) as error:
                wait_s = getattr(error, "retry_after_s", 2.0**attempt)
                if attempt == _ATTEMPTS or self._closing.wait(wait_s):
                    raise
            else:
                return


def _reference(stored: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    metadata = stored["metadata"]
    reference = {
        "apiVersion": stored.get("apiVersion"),
        "kind": stored.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
    }
    return tuple((key, str(value)) for key, value in reference.items() if value)


def _event_name(about: str, event: _QueuedEvent) -> str:
    digest = hashlib.blake2b(repr(event).encode(), digest_size=8).hexdigest()
    return f"{about[: _NAME_CHARS - len(digest) - 1].rstrip('.-')}.{digest}"


def _cut(note: str) -> str:
    data = note.encode(errors="replace")
    if len(data) <= NOTE_BYTES:
        return data.decode()
    return data[: NOTE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
