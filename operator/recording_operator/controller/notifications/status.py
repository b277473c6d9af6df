"""Writes the status of EventSinks, and Events about them."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from recording_operator.api.eventsink import EventSink
from recording_operator.api.names import API_VERSION, EVENT_SINK_KIND
from recording_operator.controller.notifications.record import READY, SinkProblem, SinkRecord, read_sink
from recording_operator.controller.recordings.announcements import EventPoster
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.events import EventType
from recording_operator.kube.outage import level_of
from recording_operator.kube.status import merge_patch_between

_WRITE_TRIES: Final = 3
_logger = logging.getLogger(__name__)


class SinkStatusWriter:
    """Safe for many threads."""

    def __init__(self, kube: KubeApi, *, events: EventPoster, now: Callable[[], datetime]) -> None:
        self._kube = kube
        self._events = events
        self._now = now

    def write(self, record: SinkRecord) -> None:
        """Write the status. An error is logged, and the next change writes again."""
        meta = record.sink.metadata
        for _ in range(_WRITE_TRIES):
            try:
                self._patch(record)
                return
            except Conflict:
                continue
            except NotFound:
                return
            except KubeError as error:
                record.changed = True
                extra = {"namespace": meta.namespace}
                _logger.log(
                    level_of(error), "The status of EventSink %s was not written: %s", meta.name, error, extra=extra
                )
                return

    def announce(self, sink: EventSink, problem: SinkProblem) -> None:
        """Log a new problem, and emit an Event about it."""
        meta = sink.metadata
        regarding = {
            "apiVersion": API_VERSION,
            "kind": EVENT_SINK_KIND,
            "metadata": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid},
        }
        self._events.emit(
            regarding, reason=problem.reason, action="Send", note=problem.message, event_type=EventType.WARNING
        )
        extra = {"namespace": meta.namespace, "reason": str(problem.reason)}
        _logger.warning("EventSink %s is not ready: %s", meta.name, problem.message, extra=extra)

    def _patch(self, record: SinkRecord) -> None:
        known = record.sink.metadata
        raw = self._kube.get_event_sink(known.namespace, known.name)
        sink = read_sink(raw)
        if (sink.metadata.uid, sink.metadata.generation) != (known.uid, known.generation):
            return
        record.sink = sink
        others = tuple(one for one in sink.status.conditions if one.type != READY)
        update = {
            "observed_generation": known.generation,
            "conditions": (*others, record.ready_condition(self._now())),
            "delivered": record.delivered,
            "failed": record.failed,
            "pending": record.pending,
            "last_delivery_time": record.last_delivery_time,
            "notifications": record.notifications,
        }
        wanted = sink.status.model_copy(update=update).model_dump(mode="json", by_alias=True, exclude_none=True)
        patch = merge_patch_between(raw.get("status") or {}, wanted)
        if patch:
            version = sink.metadata.resource_version
            self._kube.patch_event_sink_status(known.namespace, known.name, resource_version=version, status=patch)
