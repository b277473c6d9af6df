"""Actions of the engine that inform people: Events, metrics, and log messages about unexpected errors."""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from recording_operator.api.names import API_VERSION, RECORDING_KIND, STORAGE_LOCATION_KIND
from recording_operator.api.reasons import Reason
from recording_operator.engine.actions import (
    ArtifactOutcome,
    CountOutcome,
    EmitEvent,
    EmitLocationEvent,
    ReportFault,
    ReportLeftObjects,
)
from recording_operator.kube.events import EventType
from recording_operator.metrics import Metrics

_logger = logging.getLogger(__name__)


class EventPoster(Protocol):
    """Posts Events. `kube.events.EventRecorder` is the only implementation."""

    def emit(
        self,
        regarding: Mapping[str, Any],
        *,
        reason: str,
        action: str,
        note: str,
        event_type: EventType = EventType.NORMAL,
    ) -> None: ...


class Announcements:
    """One method for each action. None of them blocks."""

    def __init__(self, *, events: EventPoster, metrics: Metrics) -> None:
        self._events = events
        self._metrics = metrics

    def emit(self, action: EmitEvent) -> None:
        """Emit an Event about a Recording."""
        ref = action.ref
        regarding = {
            "apiVersion": API_VERSION,
            "kind": RECORDING_KIND,
            "metadata": {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid},
        }
        event_type = EventType.WARNING if action.warning else EventType.NORMAL
        self._events.emit(
            regarding, reason=action.reason, action=action.action, note=action.note, event_type=event_type
        )

    def emit_about_location(self, action: EmitLocationEvent) -> None:
        """Emit a Warning Event about a StorageLocation, and log it for the administrator."""
        meta = action.location.metadata
        regarding = {
            "apiVersion": API_VERSION,
            "kind": STORAGE_LOCATION_KIND,
            "metadata": {"name": meta.name, "uid": meta.uid},
        }
        self._events.emit(
            regarding, reason=action.reason, action=action.action, note=action.note, event_type=EventType.WARNING
        )
        _logger.warning("%s: %s", action.reason, action.note, extra={"location": meta.name})

    def report_left_objects(self, action: ReportLeftObjects) -> None:
        """Log each object that stays in the store, count it, and emit Events on the Recording and its Namespace.

        A namespace that is being deleted accepts no Events about its Recordings, so the Namespace gets one too.
        """
        ref = action.ref
        note = " ".join([action.note, *(found.address for found in action.objects)])
        self.emit(EmitEvent(ref=ref, reason=Reason.OBJECTS_LEFT, action="Delete", note=note, warning=True))
        self._events.emit(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ref.namespace}},
            reason=Reason.OBJECTS_LEFT,
            action="Delete",
            note=f"Recording {ref.name}: {note}",
            event_type=EventType.WARNING,
        )
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
        _logger.warning("%s", action.note, extra=extra)
        for found in action.objects:
            version = "" if found.version_id is None else f", version {found.version_id}"
            _logger.warning(
                "The object stays in the store: %s%s",
                found.address,
                version,
                extra={**extra, "artifact": found.artifact},
            )
        self._metrics.objects_left(len(action.objects), reason=action.reason)

    def count(self, tally: CountOutcome) -> None:
        """Count an outcome of an artifact."""
        match tally.what:
            case ArtifactOutcome.STORED:
                self._metrics.artifact_finished(outcome="Stored", reason=tally.reason)
            case ArtifactOutcome.FAILED:
                self._metrics.artifact_finished(outcome="Failed", reason=tally.reason)
            case ArtifactOutcome.RETRIED:
                self._metrics.retried(reason=tally.reason)
            case ArtifactOutcome.EXPIRED:
                self._metrics.source_expired()

    def report_fault(self, action: ReportFault) -> None:
        """Log an unexpected error of the engine about a Recording."""
        extra = {"namespace": action.ref.namespace, "recording": action.ref.name, "uid": action.ref.uid}
        _logger.error("The engine failed to process this Recording: %s", action.detail, extra=extra)
