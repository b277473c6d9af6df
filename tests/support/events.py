"""What takes the place of the recorder of Events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recording_operator.kube.events import EventType


class NoEvents:
    """Drops every Event."""

    def emit(
        self,
        regarding: Mapping[str, Any],
        *,
        reason: str,
        action: str,
        note: str,
        event_type: EventType = EventType.NORMAL,
    ) -> None:
        """Drop it."""


@dataclass(slots=True)
class NotedEvents:
    """Keeps type, reason and note of every Event."""

    emitted: list[tuple[str, str, str]] = field(default_factory=list)

    def emit(
        self,
        regarding: Mapping[str, Any],  # noqa: ARG002 - as the recorder
        *,
        reason: str,
        action: str,  # noqa: ARG002 - as the recorder
        note: str,
        event_type: EventType = EventType.NORMAL,
    ) -> None:
        """Keep it."""
        self.emitted.append((event_type.value, str(reason), note))

    @property
    def reasons(self) -> list[str]:
        """The reasons, in order."""
        return [reason for _, reason, _ in self.emitted]
