"""Events (`events.k8s.io/v1`) about Recordings and StorageLocations: few, and never in the way.

Posting happens in an own thread behind a bounded queue; what does not fit is dropped and counted. The same thing said
again within `series_window_s` raises the count of the stored Event instead of adding one, as client-go does.
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
NOTE_BYTES: Final = 1024  # the API server's limit; so are 128 for reason and action
_NAME_CHARS: Final = 253
_TRIES: Final = 4

_logger = logging.getLogger(__name__)


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    regarding: tuple[tuple[str, str], ...]
    type: EventType
    reason: str
    action: str
    note: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class _Series:
    """An Event that is stored, and how often the same was said since."""

    path: str
    count: int
    last_s: float


class EventRecorder:
    """Says what happened to an object, where `kubectl describe` shows it. `emit` returns at once and never raises."""

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
        """`on_drop` is called for each Event that was not posted: the queue was full, or the API server refused it."""
        self._rest = rest
        self._on_drop = on_drop
        self._instance = instance[:128]
        self._window_s = series_window_s
        self._remembered = remembered
        self._clock = clock
        self._queue: queue.Queue[_Said | None] = queue.Queue(maxsize=queue_size)
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
        """Post an Event about the object `regarding` (a dict as stored).

        `reason` is why, in CamelCase; `action` what the operator did or tried; `note` a sentence, cut at 1,024 bytes
        and without what is secret in a URL.
        """
        said = _Said(
            regarding=_reference(regarding),
            type=event_type,
            reason=reason[:128],
            action=action[:128],
            note=_cut(mask_urls(note)),
            at=datetime.now(UTC),
        )
        try:
            self._queue.put_nowait(said)
        except queue.Full:
            self._on_drop()

    def close(self, *, timeout_s: float) -> None:
        """Post what is queued, for at most `timeout_s`, and stop."""
        self._closing.set()
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _post_all(self) -> None:
        while (said := self._queue.get()) is not None:
            try:
                self._post(said)
            except KubeError as error:
                self._on_drop()
                # A namespace that is being deleted accepts no Events.
                level = logging.DEBUG if isinstance(error, (Forbidden, NotFound)) else logging.WARNING
                _logger.log(level, "An Event was not posted: %s", error)
            except Exception:
                self._on_drop()
                _logger.exception("An Event was not posted because of an unexpected error")

    def _post(self, said: _Said) -> None:
        key = (said.regarding, said.type, said.reason, said.action, said.note)
        now_s = self._clock()
        series = self._series.get(key)
        if series is not None and now_s - series.last_s < self._window_s:
            try:
                self._continue(series, said)
            except NotFound:  # it expired, or a person removed it
                del self._series[key]
            else:
                series.last_s = now_s
                self._series.move_to_end(key)
                return
        self._series[key] = _Series(path=self._create(said), count=1, last_s=now_s)
        self._series.move_to_end(key)
        while len(self._series) > self._remembered:
            self._series.popitem(last=False)

    def _create(self, said: _Said) -> str:
        reference = dict(said.regarding)
        # Events about objects without a namespace live in `default`: `kubectl describe` looks for them there.
        namespace = reference.get("namespace") or "default"
        folder = f"/apis/events.k8s.io/v1/namespaces/{quote(namespace, safe='')}/events"
        name = _event_name(reference["name"], said)
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": name},
            "eventTime": micro_time(said.at),
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
            "action": said.action,
            "reason": said.reason,
            "type": said.type.value,
            "note": said.note,
            "regarding": reference,
        }
        self._request("POST", folder, body=body)
        return f"{folder}/{name}"

    def _continue(self, series: _Series, said: _Said) -> None:
        body = {"series": {"count": series.count + 1, "lastObservedTime": micro_time(said.at)}}
        self._request("PATCH", series.path, body=body, content_type=MERGE_PATCH)
        series.count += 1

    def _request(
        self, method: str, path: str, *, body: Mapping[str, Any], content_type: str = "application/json"
    ) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                self._rest.request(method, path, body=body, content_type=content_type, read_timeout_s=10)
            except (ApiUnavailable, TooManyRequests) as error:
                wait_s = getattr(error, "retry_after_s", 2.0**attempt)
                if attempt == _TRIES or self._closing.wait(wait_s):
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


def _event_name(about: str, said: _Said) -> str:
    digest = hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()
    return f"{about[: _NAME_CHARS - len(digest) - 1].rstrip('.-')}.{digest}"


def _cut(note: str) -> str:
    data = note.encode(errors="replace")
    if len(data) <= NOTE_BYTES:
        return data.decode()
    return data[: NOTE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
