"""Turns watch events into facts for the engine, and passes on StorageLocations and StorageReports."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from recording_operator.api.names import (
    EVENT_SINK_PLURAL,
    RECORDING_PLURAL,
    STORAGE_LOCATION_PLURAL,
    STORAGE_REPORT_PLURAL,
)
from recording_operator.api.recording import Recording
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.notifications.cluster import ClusterOutbox
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.reports.holds import HoldKeeper
from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.sweep import Sweeper
from recording_operator.engine.facts import Fact, RecordingGone, RecordingSeen, RecordingsListed

_logger = logging.getLogger(__name__)


class WatchingHealth(Protocol):
    """The health of the watches."""

    def seconds_since_last_byte(self, resource: str) -> float: ...

    def problem(self, *, limit_s: float = ...) -> str | None: ...


class Watching(Protocol):
    """The interface of a watcher. `kube.watch.Watcher` is the only implementation."""

    listed: threading.Event

    @property
    def health(self) -> WatchingHealth: ...

    def run(self, stop: threading.Event) -> None: ...


MakeWatcher = Callable[..., Watching]


class WatchHandlers:
    """The callbacks of a watcher. All of them return immediately."""

    def __init__(
        self,
        *,
        post: Callable[[Fact], None],
        locations: LocationKeeper,
        reports: ReportKeeper,
        holds: HoldKeeper,
        sinks: SinkKeeper,
        outbox: ClusterOutbox,
        sweeper: Sweeper,
    ) -> None:
        self._post = post
        self._locations = locations
        self._reports = reports
        self._holds = holds
        self._sinks = sinks
        self._outbox = outbox
        self._sweeper = sweeper
        self.on_change: Mapping[str, Callable[[str, dict[str, Any]], None]] = {
            RECORDING_PLURAL: self._on_recording,
            STORAGE_LOCATION_PLURAL: self._on_location,
            STORAGE_REPORT_PLURAL: self._on_report,
            EVENT_SINK_PLURAL: self._on_sink,
        }
        """Callbacks by the plural name of the resource."""

    def _on_recording(self, kind: str, raw: dict[str, Any]) -> None:
        """A Recording was listed, added, modified or deleted."""
        is_gone = kind == "DELETED"
        try:
            recording = Recording.model_validate(raw)
            gone = RecordingGone(uid=recording.metadata.uid, recording=recording)
            self._post(gone if is_gone else RecordingSeen(recording=recording))
        except ValidationError:
            if is_gone:
                self._post(RecordingGone(uid=raw["metadata"]["uid"]))
                return
            meta = raw["metadata"]
            extra = {"namespace": meta.get("namespace"), "recording": meta.get("name"), "uid": meta.get("uid")}
            _logger.error("The Recording cannot be read: its CRD has another version than the operator", extra=extra)

    def _on_location(self, kind: str, raw: dict[str, Any]) -> None:
        """A StorageLocation was listed, added, modified or deleted."""
        if kind == "DELETED":
            self._locations.gone(raw["metadata"]["name"], uid=raw["metadata"]["uid"])
            self._outbox.gone(raw["metadata"]["uid"])
        else:
            self._locations.seen(raw)
            self._outbox.location_seen(raw)

    def _on_report(self, kind: str, raw: dict[str, Any]) -> None:
        """A StorageReport was listed, added, modified or deleted."""
        if kind == "DELETED":
            self._holds.gone(raw["metadata"]["uid"])
            self._reports.gone(raw["metadata"]["uid"])
            self._outbox.gone(raw["metadata"]["uid"])
        else:
            self._outbox.report_seen(raw)
            self._holds.seen(raw)
            self._reports.seen(raw)

    def _on_sink(self, kind: str, raw: dict[str, Any]) -> None:
        """An EventSink was listed, added, modified or deleted."""
        if kind == "DELETED":
            self._sinks.gone(raw["metadata"]["uid"])
        else:
            self._sinks.seen(raw)

    def on_listed(self, resource: str, uids: frozenset[str]) -> None:
        """A list is complete, and all of its objects were passed on."""
        if resource == STORAGE_LOCATION_PLURAL:
            self._locations.listed(uids)
            self._outbox.listed(resource, uids)
        elif resource == STORAGE_REPORT_PLURAL:
            self._holds.listed(uids)
            self._reports.listed(uids)
            self._outbox.listed(resource, uids)
        elif resource == EVENT_SINK_PLURAL:
            self._sinks.listed(uids)
        else:
            self._post(RecordingsListed(uids=uids))
            self._sweeper.sweep_soon()
