"""What must have been announced to the applications of a test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.sinks import SinkServer

JsonObject = dict[str, Any]
_TYPES = {"Complete": ("Completed", "completed"), "Failed": ("Failed", "failed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSink:
    """An application, and the events that its EventSink selects of all Recordings of the namespace."""

    app: SinkServer
    events: frozenset[str]


def ends_of(versions: list[JsonObject]) -> Iterator[tuple[str, str]]:
    """Event and id of each end that a status has shown."""
    before: str | None = None
    for version in versions:
        status, meta = version.get("status", {}), version["metadata"]
        phase = status.get("phase")
        if phase in _TYPES and phase != before:
            event, word = _TYPES[phase]
            yield event, f"{meta['uid']}/{word}/{status['observedGeneration']}"
        before = phase


def not_announced(versions: list[JsonObject], sinks: dict[str, KnownSink]) -> list[str]:
    """The ends of a settled Recording that a sink has selected and never received."""
    if not versions or not versions[-1].get("status", {}).get("settled"):
        return []
    return [
        f"{one} to {name}"
        for name, sink in sinks.items()
        for event, one in ends_of(versions)
        if event in sink.events and one not in {received["id"] for received in sink.app.accepted}
    ]
